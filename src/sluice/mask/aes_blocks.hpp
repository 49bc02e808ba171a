// The AES block cipher (FIPS 197) under one key of 16, 24 or 32 bytes, set up once.
//
// On x86-64 with AES instructions these are used directly: a call through OpenSSL costs more than the block itself.
// Elsewhere OpenSSL does the work. No call allocates. Used by one thread.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace sluice::mask {

struct Block {
  alignas(16) std::uint8_t bytes[16] = {};
};

// Whether this machine has the instructions.
bool has_aes_instructions();

class AesBlocks {
 public:
  static constexpr std::size_t block_size = 16;

  // `instructions` is for tests, which compare both ways.
  explicit AesBlocks(std::span<const std::uint8_t> key, bool instructions = has_aes_instructions());
  ~AesBlocks();
  AesBlocks(const AesBlocks&) = delete;
  AesBlocks& operator=(const AesBlocks&) = delete;
  static bool takes_key_of(std::size_t bytes) { return bytes == 16 || bytes == 24 || bytes == 32; }

  // `out` may be `in`.
  void encrypt(const std::uint8_t* in, std::uint8_t* out, std::size_t blocks);
  void decrypt(const std::uint8_t* in, std::uint8_t* out, std::size_t blocks);
  void encrypt(Block& block) { encrypt(block.bytes, block.bytes, 1); }

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }  // wipes the key
  };
  using Context = std::unique_ptr<EVP_CIPHER_CTX, Free>;
  static Context open(std::span<const std::uint8_t> key, bool encrypts);

  static constexpr std::size_t round_keys_max = 15;
  unsigned rounds_ = 0;  // 0: OpenSSL does it
  alignas(16) std::uint8_t encrypting_[round_keys_max * block_size] = {};
  alignas(16) std::uint8_t decrypting_[round_keys_max * block_size] = {};
  Context encrypter_;
  Context decrypter_;
};

}  // namespace sluice::mask
