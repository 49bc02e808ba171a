#include "sluice/mask/ip_crypt.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "sluice/mask/must.hpp"
#include "sluice/mask/secret.hpp"

namespace sluice::mask {
namespace {

// 128 bits as the draft counts them: bit 127 is the first of the address.
__extension__ typedef unsigned __int128 Bits;

Bits load(const std::uint8_t* bytes) {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, bytes, 8);
  std::memcpy(&low, bytes + 8, 8);
  return Bits{__builtin_bswap64(high)} << 64U | __builtin_bswap64(low);
}

void store(Bits bits, std::uint8_t* bytes) {
  const std::uint64_t high = __builtin_bswap64(static_cast<std::uint64_t>(bits >> 64U));
  const std::uint64_t low = __builtin_bswap64(static_cast<std::uint64_t>(bits));
  std::memcpy(bytes, &high, 8);
  std::memcpy(bytes + 8, &low, 8);
}

constexpr Bits mapped = Bits{0xffff} << 32U;  // ::ffff:0:0

// How many bits in front are not encrypted.
unsigned start_of(Bits address) { return address >> 32U == mapped >> 32U ? 96 : 0; }

// The first `length` bits of the address, behind a one that tells how many they are.
Bits padded(Bits address, unsigned length) {
  return length == 0 ? Bits{1} : Bits{1} << length | address >> (128U - length);
}

constexpr unsigned bits_max = 128;

}  // namespace

IpPrefixCrypt::IpPrefixCrypt(std::span<const std::uint8_t, key_size> key)
    : first_(key.first<16>()), second_(key.last<16>()) {
  // The draft asks for it: with equal halves every bit of the key stream would be zero.
  must(!std::ranges::equal(key.first<16>(), key.last<16>()), "a key with two equal halves");
}

// All prefixes are known before the first bit is encrypted, so the blocks go through the cipher side by side.
void IpPrefixCrypt::encrypt(IpBytes& address) {
  const Bits clear = load(address.data());
  const unsigned start = start_of(clear);
  const unsigned count = bits_max - start;
  alignas(16) std::uint8_t prefixes[bits_max * 16];
  alignas(16) std::uint8_t stream[bits_max * 16];
  for (unsigned i = 0; i < count; ++i) store(padded(clear, start + i), prefixes + i * 16);
  Bits out = start == 0 ? Bits{0} : mapped;
  first_.encrypt(prefixes, stream, count);
  second_.encrypt(prefixes, prefixes, count);
  for (unsigned i = 0; i < count; ++i) {
    const unsigned at = bits_max - 1 - start - i;
    const auto bit = static_cast<unsigned>(clear >> at & 1U) ^
                     ((unsigned{stream[i * 16 + 15]} ^ unsigned{prefixes[i * 16 + 15]}) & 1U);
    out |= Bits{bit} << at;
  }
  store(out, address.data());
}

void IpPrefixCrypt::decrypt(IpBytes& address) {
  const Bits hidden = load(address.data());
  const unsigned start = start_of(hidden);
  Bits clear = start == 0 ? Bits{0} : mapped;
  for (unsigned length = start; length < bits_max; ++length) {
    Block one;
    store(padded(clear, length), one.bytes);
    Block two = one;
    first_.encrypt(one);
    second_.encrypt(two);
    const unsigned at = bits_max - 1 - length;
    const auto bit =
        static_cast<unsigned>(hidden >> at & 1U) ^ ((unsigned{one.bytes[15]} ^ unsigned{two.bytes[15]}) & 1U);
    clear |= Bits{bit} << at;
  }
  store(clear, address.data());
}

}  // namespace sluice::mask
