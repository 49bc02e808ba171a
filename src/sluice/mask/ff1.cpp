#include "sluice/mask/ff1.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "sluice/mask/must.hpp"

namespace sluice::mask {
namespace {

constexpr std::size_t block_size = AesBlocks::block_size;
constexpr unsigned rounds = 10;
constexpr std::uint64_t short_max = std::uint64_t{1} << 63U;  // so that two numbers below it add up without overflow

__extension__ typedef unsigned __int128 Wide;

void put_big_endian(std::uint64_t number, std::size_t bytes, std::uint8_t* out) {
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::uint8_t>(number >> 8 * (bytes - 1 - i));
}

std::uint64_t big_endian(const std::uint8_t* bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes, sizeof number);
  return __builtin_bswap64(number);
}

// radix^exponent, or 0 where it does not fit.
std::uint64_t power(unsigned radix, std::size_t exponent) {
  std::uint64_t product = 1;
  for (std::size_t i = 0; i < exponent; ++i) {
    if (product > (short_max - 1) / radix) return 0;
    product *= radix;
  }
  return product;
}

std::uint64_t number_of(std::span<const std::uint8_t> digits, unsigned radix) {
  std::uint64_t number = 0;
  for (const std::uint8_t digit : digits) number = number * radix + digit;
  return number;
}

void digits_of(std::uint64_t number, unsigned radix, std::span<std::uint8_t> digits) {
  for (std::size_t i = digits.size(); i-- > 0; number /= radix) digits[i] = static_cast<std::uint8_t>(number % radix);
}

std::uint64_t plus(std::uint64_t a, std::uint64_t b, std::uint64_t modulus) {
  const std::uint64_t sum = a + b;
  return sum >= modulus ? sum - modulus : sum;
}
std::uint64_t minus(std::uint64_t a, std::uint64_t b, std::uint64_t modulus) {
  return a >= b ? a - b : a + modulus - b;
}

// words = words * factor + more
void multiply_add(std::vector<std::uint32_t>& words, std::uint32_t factor, std::uint32_t more) {
  std::uint64_t carry = more;
  for (std::uint32_t& word : words) {
    carry += std::uint64_t{word} * factor;
    word = static_cast<std::uint32_t>(carry);
    carry >>= 32U;
  }
}

// words = words / divisor; gives the remainder
std::uint32_t divide(std::vector<std::uint32_t>& words, std::uint32_t divisor) {
  std::uint64_t rest = 0;
  for (std::size_t i = words.size(); i-- > 0;) {
    rest = rest << 32U | words[i];
    words[i] = static_cast<std::uint32_t>(rest / divisor);
    rest %= divisor;
  }
  return static_cast<std::uint32_t>(rest);
}

}  // namespace

Ff1::Ff1(std::span<const std::uint8_t> key, unsigned radix, std::string_view tweak)
    : aes_(key), radix_(radix), tweak_(tweak) {
  must(radix >= 2 && radix <= radix_max, "FF1 with that radix");
}

// Digits of values have been in these.
Ff1::~Ff1() {
  OPENSSL_cleanse(words_.data(), words_.size() * sizeof words_[0]);
  OPENSSL_cleanse(blocks_.data(), blocks_.size());
  OPENSSL_cleanse(stream_.data(), stream_.size());
  OPENSSL_cleanse(sum_.data(), sum_.size());
}

bool Ff1::encrypt(std::span<std::uint8_t> digits) { return run<true>(digits); }
bool Ff1::decrypt(std::span<std::uint8_t> digits) { return run<false>(digits); }

const Ff1::Shape& Ff1::shape_of(std::size_t length) {
  Shape& shape = length < shapes_.size() ? shapes_[length] : long_;
  if (shape.length != length) compute(shape, length);
  return shape;
}

// SP 800-38G, algorithm 7, steps 1 to 5. Q of step 6.i is the tweak, zeros, the round and the half: all but its last
// blocks are the same in each round.
void Ff1::compute(Shape& shape, std::size_t length) {
  shape.length = length;
  shape.left = length / 2;
  shape.right = length - shape.left;
  shape.right_modulus = power(radix_, shape.right);
  shape.left_modulus = shape.right_modulus == 0 ? 0 : power(radix_, shape.left);
  words_.assign(shape.right / 4 + 2, 0);  // a digit is at most a byte
  for (std::size_t i = 0; i < shape.right; ++i) multiply_add(words_, radix_, radix_ - 1);
  std::size_t bits = 0;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (words_[i] != 0) bits = 32 * i + static_cast<std::size_t>(std::bit_width(words_[i]));
  }
  shape.bytes = (bits + 7) / 8;

  Block state;
  std::uint8_t* p = state.bytes;
  p[0] = 1;
  p[1] = 2;
  p[2] = 1;
  put_big_endian(radix_, 3, p + 3);
  p[6] = rounds;
  p[7] = static_cast<std::uint8_t>(shape.left);
  put_big_endian(length, 4, p + 8);
  put_big_endian(tweak_.size(), 4, p + 12);
  aes_.encrypt(state);

  const std::size_t used = tweak_.size() + shape.bytes + 1;
  std::vector<std::uint8_t> q((used + block_size - 1) / block_size * block_size, 0);
  std::ranges::copy(tweak_, q.begin());
  // The blocks before the one in which the round's number stands.
  const std::size_t constant = (q.size() - shape.bytes - 1) / block_size * block_size;
  for (std::size_t at = 0; at < constant; at += block_size) {
    for (std::size_t i = 0; i < block_size; ++i) state.bytes[i] ^= q[at + i];
    aes_.encrypt(state);
  }
  for (std::size_t i = 0; i < block_size; ++i) state.bytes[i] ^= q[constant + i];
  shape.start = state;
  shape.variable.assign(q.size() - constant, 0);
}

template <bool encrypts>
bool Ff1::run(std::span<std::uint8_t> digits) {
  if (digits.size() < 2 || digits.size() > length_max) return false;
  if (radix_ < radix_max && std::ranges::any_of(digits, [this](std::uint8_t digit) { return digit >= radix_; }))
    return false;
  const Shape& shape = shape_of(digits.size());
  if (shape.right_modulus != 0) {
    run_short<encrypts>(shape, digits);
  } else {
    run_long<encrypts>(shape, digits);
  }
  return true;
}

// Steps 6.i to 6.v: the round's pseudorandom number. `half` is below 2^63, so it takes at most 8 of the last block's
// bytes, and the number at most 12 bytes of one block.
std::uint64_t Ff1::round_value(const Shape& shape, unsigned round, std::uint64_t half) {
  const std::uint64_t modulus = round % 2 == 0 ? shape.left_modulus : shape.right_modulus;
  Block block = shape.start;
  const Wide last = Wide{round} << 8 * shape.bytes | half;
  std::uint64_t words[2];
  std::memcpy(words, block.bytes, sizeof words);
  words[0] ^= __builtin_bswap64(static_cast<std::uint64_t>(last >> 64U));
  words[1] ^= __builtin_bswap64(static_cast<std::uint64_t>(last));
  std::memcpy(block.bytes, words, sizeof words);
  aes_.encrypt(block);
  const std::uint64_t high = big_endian(block.bytes);
  const bool power_of_two = (modulus & (modulus - 1)) == 0;
  if (shape.bytes <= 4) return power_of_two ? high & (modulus - 1) : high % modulus;
  const Wide number = Wide{high} << 32U | big_endian(block.bytes + 8) >> 32U;
  return static_cast<std::uint64_t>(power_of_two ? number & (modulus - 1) : number % modulus);
}

template <bool encrypts>
void Ff1::run_short(const Shape& shape, std::span<std::uint8_t> digits) {
  std::uint64_t a = number_of(digits.first(shape.left), radix_);
  std::uint64_t b = number_of(digits.last(shape.right), radix_);
  for (unsigned i = 0; i < rounds; i += 2) {
    if constexpr (encrypts) {
      a = plus(a, round_value(shape, i, b), shape.left_modulus);
      b = plus(b, round_value(shape, i + 1, a), shape.right_modulus);
    } else {
      b = minus(b, round_value(shape, rounds - 1 - i, a), shape.right_modulus);
      a = minus(a, round_value(shape, rounds - 2 - i, b), shape.left_modulus);
    }
  }
  digits_of(a, radix_, digits.first(shape.left));
  digits_of(b, radix_, digits.last(shape.right));
}

void Ff1::to_words(std::span<const std::uint8_t> digits) {
  words_.assign(digits.size() / 4 + 2, 0);
  for (const std::uint8_t digit : digits) multiply_add(words_, radix_, digit);
}

// The same for long halves: fills `sum_` with the last `count` digits of the round's number.
void Ff1::round_digits(const Shape& shape, unsigned round, std::span<const std::uint8_t> half, std::size_t count) {
  blocks_ = shape.variable;
  to_words(half);
  for (std::size_t i = 0; i < shape.bytes; ++i) {
    blocks_[blocks_.size() - 1 - i] = static_cast<std::uint8_t>(words_[i / 4] >> 8 * (i % 4));
  }
  blocks_[blocks_.size() - 1 - shape.bytes] = static_cast<std::uint8_t>(round);
  Block state = shape.start;
  for (std::size_t at = 0; at < blocks_.size(); at += block_size) {
    for (std::size_t i = 0; i < block_size; ++i) state.bytes[i] ^= blocks_[at + i];
    aes_.encrypt(state);
  }

  const std::size_t size = (shape.bytes + 3) / 4 * 4 + 4;  // d
  stream_.resize((size + block_size - 1) / block_size * block_size);
  for (std::size_t at = 0; at < stream_.size(); at += block_size) {
    Block block = state;
    std::uint8_t number[8];
    put_big_endian(at / block_size, sizeof number, number);
    for (std::size_t i = 0; i < sizeof number; ++i) block.bytes[8 + i] ^= number[i];
    if (at > 0) aes_.encrypt(block);
    std::memcpy(stream_.data() + at, block.bytes, block_size);
  }
  words_.assign(size / 4, 0);
  for (std::size_t i = 0; i < size; ++i)
    words_[(size - 1 - i) / 4] |= std::uint32_t{stream_[i]} << 8 * ((size - 1 - i) % 4);
  sum_.resize(count);
  for (std::uint8_t& digit : sum_) digit = static_cast<std::uint8_t>(divide(words_, radix_));
}

template <bool encrypts>
void Ff1::run_long(const Shape& shape, std::span<std::uint8_t> digits) {
  const std::span left = digits.first(shape.left);
  const std::span right = digits.last(shape.right);
  for (unsigned i = 0; i < rounds; ++i) {
    const unsigned round = encrypts ? i : rounds - 1 - i;
    const std::span changed = round % 2 == 0 ? left : right;
    round_digits(shape, round, round % 2 == 0 ? right : left, changed.size());
    unsigned carry = 0;
    for (std::size_t at = 0; at < changed.size(); ++at) {
      std::uint8_t& digit = changed[changed.size() - 1 - at];
      const unsigned sum = encrypts ? digit + sum_[at] + carry : digit + radix_ - sum_[at] - carry;
      carry = encrypts ? sum / radix_ : 1 - sum / radix_;
      digit = static_cast<std::uint8_t>(sum % radix_);
    }
  }
}

}  // namespace sluice::mask
