// AES-256-GCM (NIST SP 800-38D) with a key that is set up once. Used by one thread.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice::mask {

class AesGcm {
 public:
  static constexpr std::size_t key_size = 32;
  static constexpr std::size_t nonce_size = 12;
  static constexpr std::size_t tag_size = 16;

  explicit AesGcm(std::span<const std::uint8_t, key_size> key);

  // Appends ciphertext and tag to `out`. A nonce must never serve twice under one key.
  void seal(std::string_view nonce, std::initializer_list<std::string_view> associated, std::string_view plain,
            std::string& out);
  // Takes ciphertext and tag; false, with `plain` empty, if key, nonce or associated data are others.
  bool open(std::string_view nonce, std::initializer_list<std::string_view> associated, std::string_view sealed,
            std::string& plain);

 private:
  void start(std::string_view nonce, std::initializer_list<std::string_view> associated, bool encrypt);

  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }  // wipes the key
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
};

}  // namespace sluice::mask
