#include "sluice/mask/seal.hpp"

#include <openssl/rand.h>

#include <limits>

#include "sluice/mask/must.hpp"
#include "sluice/mask/secret.hpp"

namespace sluice::mask {
namespace {

constexpr char version = 1;
constexpr std::size_t salt_size = 16;

std::string fresh_head(std::string_view id) {
  std::string head;
  head += version;
  head += static_cast<char>(id.size());
  head += id;
  const std::size_t at = head.size();
  head.resize(at + salt_size);
  must(RAND_bytes(reinterpret_cast<unsigned char*>(head.data()) + at, salt_size) == 1, "the random generator");
  return head;
}

AesGcm keyed(const Keyring& keyring, std::string_view id, std::string_view salt) {
  Wiped<AesGcm::key_size> key;
  keyring.derive(id, "seal", salt, key.bytes);
  return AesGcm(key.bytes);
}

// The parts of sealed bytes: 1 version | 1 length of the id | id | 16 salt | 12 nonce | ciphertext | 16 tag.
struct Parts {
  std::string_view id;
  std::string_view salt;
  std::string_view nonce;
  std::string_view head;  // everything before the ciphertext
  std::string_view body;  // ciphertext and tag
};

bool split(std::string_view sealed, Parts& parts) {
  if (sealed.size() < 2 || sealed[0] != version) return false;
  const std::size_t id_size = static_cast<unsigned char>(sealed[1]);
  const std::size_t head_size = 2 + id_size + salt_size + AesGcm::nonce_size;
  if (sealed.size() < head_size + AesGcm::tag_size) return false;
  parts.id = sealed.substr(2, id_size);
  parts.salt = sealed.substr(2 + id_size, salt_size);
  parts.nonce = sealed.substr(2 + id_size + salt_size, AesGcm::nonce_size);
  parts.head = sealed.substr(0, head_size);
  parts.body = sealed.substr(head_size);
  return is_key_id(parts.id);
}

}  // namespace

Sealer::Sealer(const Keyring& keyring) : Sealer(keyring, fresh_head(keyring.primary_id())) {}

Sealer::Sealer(const Keyring& keyring, std::string head)
    : head_(std::move(head)),
      gcm_(keyed(keyring, keyring.primary_id(), std::string_view(head_).substr(head_.size() - salt_size))) {}

std::string Sealer::seal(std::string_view plain, std::string_view associated) {
  must(sealed_ < std::numeric_limits<std::uint64_t>::max(), "counting what was sealed");
  std::string nonce(AesGcm::nonce_size, '\0');
  std::uint64_t number = sealed_++;
  for (std::size_t i = nonce.size(); number != 0; number >>= 8U) nonce[--i] = static_cast<char>(number & 0xffU);

  std::string sealed;
  sealed.reserve(head_.size() + nonce.size() + plain.size() + AesGcm::tag_size);
  sealed += head_;
  sealed += nonce;
  const std::string head = sealed;
  gcm_.seal(nonce, {head, associated}, plain, sealed);
  return sealed;
}

Result<std::string> unseal(const Keyring& keyring, std::string_view sealed, std::string_view associated) {
  Parts parts;
  if (!split(sealed, parts)) return fail(Fault::data, "not a sealed payload, or cut off");
  if (!keyring.has(parts.id)) {
    return fail(Fault::config,
                "the payload was sealed with key '" + std::string(parts.id) +
                    "', which the keyring does not hold or has disabled",
                "use the keyring of the run that sealed it");
  }
  std::string plain;
  if (!keyed(keyring, parts.id, parts.salt).open(parts.nonce, {parts.head, associated}, parts.body, plain)) {
    return fail(Fault::data,
                "the payload cannot be opened with key '" + std::string(parts.id) +
                    "': it was changed, belongs elsewhere, or the key is another one",
                "use the keyring of the run that sealed it");
  }
  return plain;
}

}  // namespace sluice::mask
