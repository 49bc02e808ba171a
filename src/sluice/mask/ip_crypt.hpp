// ipcrypt-deterministic and ipcrypt-pfx (https://datatracker.ietf.org/doc/draft-denis-ipcrypt/): 16 bytes of an
// address to 16 others under one key, and back. No call allocates. Used by one thread.
#pragma once

#include <span>

#include "sluice/mask/aes_blocks.hpp"
#include "sluice/mask/ip_address.hpp"

namespace sluice::mask {

// One block of AES-128. An IPv4 address comes out as an IPv6 one.
class IpCrypt {
 public:
  static constexpr std::size_t key_size = 16;
  explicit IpCrypt(std::span<const std::uint8_t, key_size> key) : aes_(key) {}
  void encrypt(IpBytes& address) { aes_.encrypt(address.data(), address.data(), 1); }
  void decrypt(IpBytes& address) { aes_.decrypt(address.data(), address.data(), 1); }

 private:
  AesBlocks aes_;
};

// Addresses whose first n bits are one have results whose first n bits are one. IPv4 stays IPv4, IPv6 almost always
// IPv6 (a result in ::ffff:0:0/96 has a chance of 2^-96).
class IpPrefixCrypt {
 public:
  static constexpr std::size_t key_size = 32;
  explicit IpPrefixCrypt(std::span<const std::uint8_t, key_size> key);
  void encrypt(IpBytes& address);
  void decrypt(IpBytes& address);

 private:
  AesBlocks first_;
  AesBlocks second_;
};

}  // namespace sluice::mask
