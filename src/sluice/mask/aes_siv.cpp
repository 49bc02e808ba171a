#include "sluice/mask/aes_siv.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sluice::mask {
namespace {

constexpr std::size_t block_size = 16;

const std::uint8_t* bytes_of(const char* text) { return reinterpret_cast<const std::uint8_t*>(text); }

void xor_into(Block& block, const std::uint8_t* other) {
  std::uint64_t a[2];
  std::uint64_t b[2];
  std::memcpy(a, block.bytes, block_size);
  std::memcpy(b, other, block_size);
  a[0] ^= b[0];
  a[1] ^= b[1];
  std::memcpy(block.bytes, a, block_size);
}

std::uint64_t big_endian(const std::uint8_t* bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes, sizeof number);
  return __builtin_bswap64(number);
}

void put_big_endian(std::uint64_t number, std::uint8_t* bytes) {
  number = __builtin_bswap64(number);
  std::memcpy(bytes, &number, sizeof number);
}

// Multiplication by x in GF(2^128), in constant time.
Block doubled(const Block& block) {
  const std::uint64_t high = big_endian(block.bytes);
  const std::uint64_t low = big_endian(block.bytes + 8);
  Block out;
  put_big_endian(high << 1U | low >> 63U, out.bytes);
  put_big_endian(low << 1U ^ ((0U - (high >> 63U)) & 0x87U), out.bytes + 8);
  return out;
}

void wipe(Block& block) { OPENSSL_cleanse(block.bytes, block_size); }

}  // namespace

AesCmac::AesCmac(std::span<const std::uint8_t> key) : aes_(key) {
  Block zero;
  aes_.encrypt(zero);
  whole_ = doubled(zero);
  padded_ = doubled(whole_);
  wipe(zero);
}

AesCmac::~AesCmac() {
  wipe(whole_);
  wipe(padded_);
}

Block AesCmac::mac(std::string_view message) {
  if (message.empty()) return mac({}, {});
  const std::size_t head = (message.size() - 1) / block_size * block_size;
  return mac(message.substr(0, head), message.substr(head));
}

Block AesCmac::mac(std::string_view head, std::string_view tail) {
  assert(head.size() % block_size == 0 && tail.size() <= 2 * block_size);
  Block state;
  for (std::size_t at = 0; at < head.size(); at += block_size) {
    xor_into(state, bytes_of(head.data() + at));
    aes_.encrypt(state);
  }
  if (tail.size() > block_size) {
    xor_into(state, bytes_of(tail.data()));
    aes_.encrypt(state);
    tail.remove_prefix(block_size);
  }
  if (tail.size() == block_size) {
    xor_into(state, bytes_of(tail.data()));
    xor_into(state, whole_.bytes);
  } else {
    Block last;
    if (!tail.empty()) std::memcpy(last.bytes, tail.data(), tail.size());
    last.bytes[tail.size()] = 0x80;
    xor_into(state, last.bytes);
    xor_into(state, padded_.bytes);
  }
  aes_.encrypt(state);
  return state;
}

AesSiv::AesSiv(std::span<const std::uint8_t> key)
    : cmac_(key.first(key.size() / 2)), counter_(key.subspan(key.size() / 2)) {
  associate({});
}

AesSiv::~AesSiv() {
  wipe(start_);
  wipe(doubled_);
}

void AesSiv::associate(std::span<const std::string_view> components) {
  const Block zero;
  start_ = cmac_.mac({reinterpret_cast<const char*>(zero.bytes), block_size});
  for (const std::string_view component : components) {
    start_ = doubled(start_);
    xor_into(start_, cmac_.mac(component).bytes);
  }
  doubled_ = doubled(start_);
}

// RFC 5297, 2.4. The last block of the input is xored with D where there is one (`xorend`), which touches at
// most two blocks of it; those are copied.
Block AesSiv::s2v(std::string_view plain) {
  Block end;
  if (plain.size() < block_size) {
    if (!plain.empty()) std::memcpy(end.bytes, plain.data(), plain.size());
    end.bytes[plain.size()] = 0x80;
    xor_into(end, doubled_.bytes);
    return cmac_.mac({}, {reinterpret_cast<const char*>(end.bytes), block_size});
  }
  const std::size_t tail = block_size + plain.size() % block_size;
  char copy[2 * block_size];
  std::memcpy(copy, plain.data() + plain.size() - tail, tail);
  std::memcpy(end.bytes, copy + tail - block_size, block_size);
  xor_into(end, start_.bytes);
  std::memcpy(copy + tail - block_size, end.bytes, block_size);
  return cmac_.mac(plain.substr(0, plain.size() - tail), {copy, tail});
}

// RFC 5297, 2.5: CTR from the tag with two bits cleared, so that its lower half never overflows.
void AesSiv::stream(const Block& tag, const char* in, std::size_t size, std::uint8_t* out) {
  constexpr std::size_t blocks_max = 8;  // enough to keep AES-NI busy
  alignas(16) std::uint8_t key_stream[blocks_max * block_size];
  Block counter = tag;
  counter.bytes[8] &= 0x7f;
  counter.bytes[12] &= 0x7f;
  std::uint64_t low = big_endian(counter.bytes + 8);
  while (size > 0) {
    const std::size_t step = std::min(size, sizeof key_stream);
    const std::size_t blocks = (step + block_size - 1) / block_size;
    for (std::size_t i = 0; i < blocks; ++i) {
      std::memcpy(key_stream + i * block_size, counter.bytes, 8);
      put_big_endian(low++, key_stream + i * block_size + 8);
    }
    counter_.encrypt(key_stream, key_stream, blocks);
    for (std::size_t i = 0; i < step; ++i) out[i] = static_cast<std::uint8_t>(bytes_of(in)[i] ^ key_stream[i]);
    in += step;
    out += step;
    size -= step;
  }
}

void AesSiv::encrypt(std::string_view plain, std::uint8_t* out) {
  const Block tag = s2v(plain);
  std::memcpy(out, tag.bytes, tag_size);
  stream(tag, plain.data(), plain.size(), out + tag_size);
}

bool AesSiv::decrypt(std::string_view sealed, std::string& plain) {
  plain.clear();
  if (sealed.size() < tag_size) return false;
  Block tag;
  std::memcpy(tag.bytes, sealed.data(), tag_size);
  plain.resize(sealed.size() - tag_size);
  stream(tag, sealed.data() + tag_size, plain.size(), reinterpret_cast<std::uint8_t*>(plain.data()));
  if (CRYPTO_memcmp(s2v(plain).bytes, tag.bytes, tag_size) == 0) return true;
  OPENSSL_cleanse(plain.data(), plain.size());
  plain.clear();
  return false;
}

}  // namespace sluice::mask
