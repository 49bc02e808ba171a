// The characters that mask_fpe works in, each a digit.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/core/result.hpp"

namespace sluice::mask {

class Alphabet {
 public:
  static constexpr std::uint8_t no_digit = 0xff;

  // By name (digits, hex, base36, base62, alnum) or by its characters: 2 to 94 different ones of printable ASCII
  // without the space. Refused is what would do as characters but is a name in capitals (HEX), a long one with a
  // letter left out or two exchanged (digts), or one with another number (base64).
  static Result<Alphabet> read(std::string_view text);

  unsigned radix() const { return static_cast<unsigned>(characters_.size()); }
  const std::string& characters() const { return characters_; }
  std::uint8_t digit(char c) const { return digits_[static_cast<unsigned char>(c)]; }
  char character(std::uint8_t digit) const { return characters_[digit]; }

 private:
  explicit Alphabet(std::string_view characters);

  std::string characters_;
  std::array<std::uint8_t, 256> digits_{};
};

}  // namespace sluice::mask
