// Fernet tokens (https://github.com/fernet/spec): AES-128-CBC and HMAC-SHA-256 under a key of 32 bytes. Used by one
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sluice/mask/aes_blocks.hpp"
#include "sluice/mask/hmac_sha256.hpp"

namespace sluice::mask {

class Fernet {
 public:
  static constexpr std::size_t key_size = 32;  // the first half signs, the second encrypts
  static constexpr std::size_t iv_size = 16;

  explicit Fernet(std::span<const std::uint8_t, key_size> key) : hmac_(key.first<16>()), aes_(key.last<16>()) {}

  // `time` in seconds since 1970. An `iv` must be random and serve once.
  void encrypt(std::string_view plain, std::uint64_t time, std::span<const std::uint8_t, iv_size> iv,
               std::string& token);
  // nullptr, or "not_a_token", "not_made_here". The time of the token is not judged: it is given back.
  const char* decrypt(std::string_view token, std::string& plain, std::uint64_t& time);
  // Whether it was made with this key: decrypt() gives a value, or a padding that is wrong.
  bool made(std::string_view token) { return check(token) == nullptr; }
  // What a token says of when it was made, whoever made it; empty: it is too short, or no base64url.
  static std::optional<std::uint64_t> time_of(std::string_view token);

 private:
  // Leaves the token's bytes in bytes_.
  const char* check(std::string_view token);

  HmacSha256 hmac_;
  AesBlocks aes_;
  std::string bytes_;  // a token's, before base64
};

}  // namespace sluice::mask
