// mask_seal: AES-256-GCM under a sub-key of its own for each batch of values.
//
// Random nonces under one key are good for 2^32 values only. Here each Mask, and each 2^32 values of one, has a
// sub-key from a random salt, and nonces that count.
#include <array>
#include <limits>
#include <optional>

#include "sluice/mask/aes_gcm.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"
#include "sluice/mask/random.hpp"

namespace sluice::mask {
namespace {

constexpr std::size_t salt_size = 16;
constexpr std::size_t count_size = 4;
constexpr std::size_t head_size = salt_size + count_size;

class SealMask final : public Mask {
 public:
  SealMask(const Keyring& keyring, std::string_view id, std::string_view domain)
      : keyring_(keyring), id_(id), domain_(domain), prefix_(id_ + '.') {}

  // The value as it stands: tokens are never compared, so no form is needed.
  const char* mask(std::string_view value, std::string& out) override {
    out.clear();
    if (!is_utf8(value)) return "not_utf8";
    if (!sealer_ || count_ == std::numeric_limits<std::uint32_t>::max()) start();
    ++count_;
    bytes_.resize(head_size);
    for (unsigned i = 0; i < count_size; ++i) bytes_[salt_size + i] = static_cast<char>(count_ >> (24 - 8 * i));
    sealer_->seal(nonce(bytes_), {}, value, bytes_);
    write_token(prefix_, as_bytes(bytes_), out);
    return nullptr;
  }

  const char* unmask(std::string_view token, std::string& out) override {
    out.clear();
    if (!base64url_decode(behind_dot(token), sealed_) || sealed_.size() < head_size + AesGcm::tag_size) {
      return "not_a_token";
    }
    const std::string_view sealed = sealed_;
    if (!opener_ || sealed.substr(0, salt_size) != opener_salt_) {
      opener_salt_ = sealed.substr(0, salt_size);
      opener_ = keyed(opener_salt_);
    }
    return opener_->open(nonce(sealed), {}, sealed.substr(head_size), out) ? nullptr : "not_made_here";
  }

 private:
  std::unique_ptr<AesGcm> keyed(std::string_view salt) const {
    const SubKey<AesGcm::key_size> key(keyring_, id_, "mask_seal", std::string(salt) + domain_);
    return std::make_unique<AesGcm>(key.bytes);
  }

  void start() {
    bytes_.assign(as_text(salts_.next()));
    sealer_ = keyed(bytes_);
    count_ = 0;
  }

  // Eight zero bytes, then the count.
  std::string_view nonce(std::string_view sealed) {
    sealed.copy(nonce_.data() + nonce_.size() - count_size, count_size, salt_size);
    return {nonce_.data(), nonce_.size()};
  }

  const Keyring& keyring_;
  std::string id_;
  std::string domain_;
  std::string prefix_;
  RandomPieces<salt_size> salts_;
  std::unique_ptr<AesGcm> sealer_;
  std::uint32_t count_ = 0;
  std::string bytes_;  // salt, count, ciphertext, tag
  std::unique_ptr<AesGcm> opener_;
  std::string opener_salt_;
  std::string sealed_;
  std::array<char, AesGcm::nonce_size> nonce_{};
};

}  // namespace

Made make_seal(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments) {
  SLUICE_CHECK(check_domain(arguments[0]));
  return std::make_unique<SealMask>(*keyring, key_id, arguments[0]);
}

}  // namespace sluice::mask
