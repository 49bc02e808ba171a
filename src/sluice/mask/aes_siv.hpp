// AES-SIV (RFC 5297) and AES-CMAC (RFC 4493), composed over keyed AES blocks.
//
// OpenSSL's own AES-SIV sets its key up again for each value (0.5 M values/s) and refuses an empty one.
// Here the keys, CMAC's sub-keys and the associated data's part of S2V are computed once, and a value of
// up to 16 bytes takes two blocks of AES. No call allocates. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sluice/mask/aes_blocks.hpp"

namespace sluice::mask {

class AesCmac {
 public:
  explicit AesCmac(std::span<const std::uint8_t> key);
  ~AesCmac();
  AesCmac(const AesCmac&) = delete;
  AesCmac& operator=(const AesCmac&) = delete;

  Block mac(std::string_view message);
  // The code of `head` (whole blocks) followed by `tail` (1 to 32 bytes, or none where head is empty too).
  Block mac(std::string_view head, std::string_view tail);

 private:
  AesBlocks aes_;
  Block whole_;   // xored to a last block that is full (K1)
  Block padded_;  // xored to a last block that was filled up (K2)
};

class AesSiv {
 public:
  static constexpr std::size_t tag_size = 16;

  explicit AesSiv(std::span<const std::uint8_t> key);  // 32, 48 or 64 bytes: half for S2V, half for CTR
  static bool takes_key_of(std::size_t bytes) { return bytes % 2 == 0 && AesBlocks::takes_key_of(bytes / 2); }
  ~AesSiv();
  AesSiv(const AesSiv&) = delete;
  AesSiv& operator=(const AesSiv&) = delete;

  // Sets the components of associated data for the calls that follow; none at first. No component
  // and one empty component are different things.
  void associate(std::span<const std::string_view> components);

  // Writes tag and ciphertext: tag_size + plain.size() bytes, which must not overlap `plain`.
  void encrypt(std::string_view plain, std::uint8_t* out);
  // Takes them back. False, with `plain` empty, if they were not made with this key and associated data.
  bool decrypt(std::string_view sealed, std::string& plain);

 private:
  Block s2v(std::string_view plain);
  void stream(const Block& tag, const char* in, std::size_t size, std::uint8_t* out);

  AesCmac cmac_;
  AesBlocks counter_;
  Block start_;    // S2V's D after the associated data
  Block doubled_;  // dbl(D), for values shorter than a block
};

}  // namespace sluice::mask
