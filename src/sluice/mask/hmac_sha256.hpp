// HMAC-SHA-256 (RFC 2104, FIPS 198-1) with the key's two blocks hashed once, and HKDF (RFC 5869) on it.
#pragma once

#include <openssl/sha.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace sluice::mask {

// No call allocates. Const calls may come from several threads.
class HmacSha256 {
 public:
  static constexpr std::size_t size = 32;

  explicit HmacSha256(std::span<const std::uint8_t> key);  // of any length
  ~HmacSha256();
  HmacSha256(const HmacSha256&) = delete;
  HmacSha256& operator=(const HmacSha256&) = delete;

  // The code of all `parts`, one after the other.
  void mac(std::initializer_list<std::string_view> parts, std::span<std::uint8_t, size> out) const;
  void mac(std::string_view message, std::span<std::uint8_t, size> out) const { mac({message}, out); }

 private:
  SHA256_CTX inner_;  // after the block of key xor 0x36
  SHA256_CTX outer_;  // after the block of key xor 0x5c
};

// Fills `out` (at most 8,160 bytes).
void hkdf_sha256(std::span<const std::uint8_t> key, std::string_view salt, std::string_view info,
                 std::span<std::uint8_t> out);

}  // namespace sluice::mask
