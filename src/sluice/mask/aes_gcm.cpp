#include "sluice/mask/aes_gcm.hpp"

#include <openssl/crypto.h>

#include <array>

#include "sluice/mask/must.hpp"

namespace sluice::mask {
namespace {

constexpr const char* failing = "AES-GCM";
constexpr std::size_t size_max = std::size_t{1} << 30U;  // OpenSSL counts in int

const std::uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

}  // namespace

AesGcm::AesGcm(std::span<const std::uint8_t, key_size> key) : context_(EVP_CIPHER_CTX_new()) {
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  must(context_ != nullptr && cipher != nullptr, failing);
  must(EVP_CipherInit_ex2(context_.get(), cipher, key.data(), nullptr, 1, nullptr) == 1, failing);
  EVP_CIPHER_free(cipher);  // the context holds its own share
}

void AesGcm::start(std::string_view nonce, std::initializer_list<std::string_view> associated, bool encrypt) {
  must(nonce.size() == nonce_size, failing);
  must(EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, bytes_of(nonce), encrypt ? 1 : 0, nullptr) == 1, failing);
  for (const std::string_view part : associated) {
    int taken = 0;
    must(part.size() <= size_max, "sealing more than 1 GiB");
    if (part.empty()) continue;
    must(EVP_CipherUpdate(context_.get(), nullptr, &taken, bytes_of(part), static_cast<int>(part.size())) == 1,
         failing);
  }
}

void AesGcm::seal(std::string_view nonce, std::initializer_list<std::string_view> associated, std::string_view plain,
                  std::string& out) {
  must(plain.size() <= size_max, "sealing more than 1 GiB");
  start(nonce, associated, true);
  const std::size_t at = out.size();
  out.resize(at + plain.size() + tag_size);
  auto* cipher = reinterpret_cast<std::uint8_t*>(out.data()) + at;
  int size = 0;
  if (!plain.empty()) {
    must(EVP_CipherUpdate(context_.get(), cipher, &size, bytes_of(plain), static_cast<int>(plain.size())) == 1,
         failing);
  }
  must(EVP_CipherFinal_ex(context_.get(), cipher + plain.size(), &size) == 1, failing);
  must(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, cipher + plain.size()) == 1, failing);
}

bool AesGcm::open(std::string_view nonce, std::initializer_list<std::string_view> associated, std::string_view sealed,
                  std::string& plain) {
  plain.clear();
  if (sealed.size() < tag_size || sealed.size() > size_max) return false;
  start(nonce, associated, false);
  plain.resize(sealed.size() - tag_size);
  auto* out = reinterpret_cast<std::uint8_t*>(plain.data());
  int size = 0;
  if (!plain.empty()) {
    must(EVP_CipherUpdate(context_.get(), out, &size, bytes_of(sealed), static_cast<int>(plain.size())) == 1, failing);
  }
  std::array<char, tag_size> tag;
  sealed.copy(tag.data(), tag.size(), plain.size());
  must(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) == 1, failing);
  if (EVP_CipherFinal_ex(context_.get(), out + plain.size(), &size) == 1) return true;
  OPENSSL_cleanse(plain.data(), plain.size());
  plain.clear();
  return false;
}

}  // namespace sluice::mask
