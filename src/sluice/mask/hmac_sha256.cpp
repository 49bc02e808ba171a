#include "sluice/mask/hmac_sha256.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "sluice/mask/must.hpp"
#include "sluice/mask/secret.hpp"

// OpenSSL 3 calls the plain SHA256_* functions deprecated. They are kept here because a prepared state is
// copied by one assignment: 105 ns a code, where copying two EVP_MD_CTX took 150 ns.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace sluice::mask {
namespace {

constexpr std::size_t block_size = 64;
constexpr const char* failing = "SHA-256";

}  // namespace

HmacSha256::HmacSha256(std::span<const std::uint8_t> key) {
  Wiped<block_size> block;
  if (key.size() > block_size) {
    must(SHA256(key.data(), key.size(), block.bytes.data()) != nullptr, failing);
  } else {
    std::ranges::copy(key, block.bytes.begin());
  }
  for (std::uint8_t& byte : block.bytes) byte ^= 0x36;
  must(SHA256_Init(&inner_) == 1 && SHA256_Update(&inner_, block.bytes.data(), block_size) == 1, failing);
  for (std::uint8_t& byte : block.bytes) byte ^= 0x36 ^ 0x5c;
  must(SHA256_Init(&outer_) == 1 && SHA256_Update(&outer_, block.bytes.data(), block_size) == 1, failing);
}

HmacSha256::~HmacSha256() {
  OPENSSL_cleanse(&inner_, sizeof inner_);
  OPENSSL_cleanse(&outer_, sizeof outer_);
}

void HmacSha256::mac(std::initializer_list<std::string_view> parts, std::span<std::uint8_t, size> out) const {
  SHA256_CTX state = inner_;
  bool ok = true;
  for (const std::string_view part : parts) ok &= SHA256_Update(&state, part.data(), part.size()) == 1;
  ok &= SHA256_Final(out.data(), &state) == 1;
  state = outer_;
  ok &= SHA256_Update(&state, out.data(), size) == 1;
  ok &= SHA256_Final(out.data(), &state) == 1;  // also wipes the state
  must(ok, failing);
}

void hkdf_sha256(std::span<const std::uint8_t> key, std::string_view salt, std::string_view info,
                 std::span<std::uint8_t> out) {
  constexpr std::size_t size = HmacSha256::size;
  must(out.size() <= 255 * size, "HKDF of so many bytes");
  Wiped<size> pseudorandom;
  // RFC 5869: no salt is a salt of 32 zero bytes, and that is the same HMAC key as an empty one.
  const HmacSha256 extract({reinterpret_cast<const std::uint8_t*>(salt.data()), salt.size()});
  extract.mac({reinterpret_cast<const char*>(key.data()), key.size()}, pseudorandom.bytes);

  const HmacSha256 expand(pseudorandom.bytes);
  Wiped<size> block;
  std::string_view before;  // the block before this one; none before the first
  char number = 1;
  for (std::size_t at = 0; at < out.size(); at += size, ++number) {
    expand.mac({before, info, std::string_view(&number, 1)}, block.bytes);
    std::memcpy(out.data() + at, block.bytes.data(), std::min(size, out.size() - at));
    before = {reinterpret_cast<const char*>(block.bytes.data()), size};
  }
}

}  // namespace sluice::mask
