// Numbers as digits, and digits as PostgreSQL's numeric lies in a binary COPY.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sluice/core/type.hpp"

namespace sluice::postgres {

// 0.d0 d1 d2 ... times 10^point, without zeros at either end. Zero has no digits.
struct Digits {
  std::array<std::uint8_t, 48> digit;
  int count = 0;
  int point = 0;
  bool negative = false;
};

Digits digits_of(Int128 value, int scale);
Digits digits_of(double value);  // finite; the shortest digits that read back as the same double

struct NumericLimit {
  int precision = 0;  // 0: no limit
  int scale = 0;      // may be negative, or above the precision
};
NumericLimit numeric_limit(std::int32_t typmod);

// Half away from zero, to `scale` digits after the point.
void round_to(int scale, Digits& digits);

enum class Fit : std::uint8_t { fits, too_large, too_fine };
Fit fits(const Digits& digits, NumericLimit limit);

// The field's bytes, without its length; `digits_shown` is the number of digits after the point that
// the server prints. Gives how many bytes.
constexpr std::size_t numeric_bytes_max = 8 + 2 * 14;
std::size_t put_numeric(const Digits& digits, int digits_shown, char* out);
std::size_t put_numeric_nan(char* out);

// The other way: the number times 10^scale. False: it is none (NaN, infinity), or does not fit 38 digits.
bool get_numeric(std::string_view bytes, int scale, Int128& out);

}  // namespace sluice::postgres
