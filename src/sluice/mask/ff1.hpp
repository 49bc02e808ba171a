// FF1 (NIST SP 800-38G): encrypts a row of digits to a row of digits of the same length and radix.
//
// Halves below 2^63 (up to 36 decimal digits in all) are computed in 64-bit arithmetic, longer ones digit by digit
// over 32-bit words, in time that grows with the square of the length. What depends on key, tweak, radix and length
// alone is computed once. No call allocates once the longest length was seen. Used by one thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/mask/aes_blocks.hpp"

namespace sluice::mask {

class Ff1 {
 public:
  static constexpr unsigned radix_max = 256;
  static constexpr std::size_t length_max = 4096;

  // `radix` from 2; a key of 16, 24 or 32 bytes.
  Ff1(std::span<const std::uint8_t> key, unsigned radix, std::string_view tweak);
  ~Ff1();
  Ff1(const Ff1&) = delete;
  Ff1& operator=(const Ff1&) = delete;

  // In place. False, with `digits` as they were, if there are less than two or more than length_max, or one is not
  // below the radix. That the domain is large enough (10^6, says revision 1) is for the caller to see to.
  bool encrypt(std::span<std::uint8_t> digits);
  bool decrypt(std::span<std::uint8_t> digits);

 private:
  // What depends on the length.
  struct Shape {
    std::size_t length = 0;           // 0: not computed yet
    std::size_t left = 0;             // u
    std::size_t right = 0;            // v
    std::size_t bytes = 0;            // b: of the right half as a number
    std::uint64_t left_modulus = 0;   // radix^u; 0 where radix^v does not fit 63 bits
    std::uint64_t right_modulus = 0;  // radix^v
    Block start;  // CBC-MAC state after P and all of Q but its last blocks, with their constant part xored in
    std::vector<std::uint8_t> variable;  // long halves: the last blocks of Q, zero but for tweak
  };

  const Shape& shape_of(std::size_t length);
  void compute(Shape& shape, std::size_t length);
  template <bool encrypts>
  bool run(std::span<std::uint8_t> digits);
  template <bool encrypts>
  void run_short(const Shape& shape, std::span<std::uint8_t> digits);
  template <bool encrypts>
  void run_long(const Shape& shape, std::span<std::uint8_t> digits);
  std::uint64_t round_value(const Shape& shape, unsigned round, std::uint64_t half);
  void round_digits(const Shape& shape, unsigned round, std::span<const std::uint8_t> half, std::size_t count);
  void to_words(std::span<const std::uint8_t> digits);

  AesBlocks aes_;
  unsigned radix_;
  std::string tweak_;
  std::array<Shape, 65> shapes_;      // by length
  Shape long_;                        // of the last length beyond these
  std::vector<std::uint32_t> words_;  // a long number, least significant word first
  std::vector<std::uint8_t> stream_;  // the round function's output
  std::vector<std::uint8_t> blocks_;
  std::vector<std::uint8_t> sum_;  // digits of the round function's output, least significant first
};

}  // namespace sluice::mask
