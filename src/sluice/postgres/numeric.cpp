#include "sluice/postgres/numeric.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::postgres {
namespace {

__extension__ typedef unsigned __int128 UInt128;

void put_int16(int value, char* out) {
  out[0] = static_cast<char>(value >> 8 & 0xff);
  out[1] = static_cast<char>(value & 0xff);
}

int floor_divide(int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

void strip_zeros(Digits& digits) {
  while (digits.count > 0 && digits.digit[static_cast<std::size_t>(digits.count - 1)] == 0) --digits.count;
  if (digits.count == 0) digits.point = 0;
}

}  // namespace

Digits digits_of(Int128 value, int scale) {
  Digits out;
  out.negative = value < 0;
  UInt128 left = out.negative ? UInt128{0} - static_cast<UInt128>(value) : static_cast<UInt128>(value);
  std::array<std::uint8_t, 40> backwards;
  std::size_t count = 0;
  while (left > UINT64_MAX) {
    backwards[count++] = static_cast<std::uint8_t>(left % 10);
    left /= 10;
  }
  for (auto small = static_cast<std::uint64_t>(left); small > 0; small /= 10) {
    backwards[count++] = static_cast<std::uint8_t>(small % 10);
  }
  for (std::size_t i = 0; i < count; ++i) out.digit[i] = backwards[count - 1 - i];
  out.count = static_cast<int>(count);
  out.point = out.count - scale;
  strip_zeros(out);
  return out;
}

Digits digits_of(double value) {
  Digits out;
  std::array<char, 40> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific).ptr;
  const char* at = text.data();
  if (*at == '-') {
    out.negative = true;
    ++at;
  }
  for (; at < end && *at != 'e'; ++at) {
    if (*at != '.') out.digit[static_cast<std::size_t>(out.count++)] = static_cast<std::uint8_t>(*at - '0');
  }
  int exponent = 0;
  if (at < end) {
    ++at;
    if (*at == '+') ++at;
    std::from_chars(at, end, exponent);
  }
  out.point = exponent + 1;
  strip_zeros(out);
  return out;
}

NumericLimit numeric_limit(std::int32_t typmod) {
  if (typmod < 4) return {};
  const std::int32_t packed = typmod - 4;
  // Precision in the upper 16 bits, scale in the lower 11, signed since server 15.
  return {packed >> 16 & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024};
}

void round_to(int scale, Digits& digits) {
  const int keep = digits.point + scale;
  if (keep >= digits.count) return;
  if (keep < 0) {
    digits.count = 0;
    digits.point = 0;
    return;
  }
  const bool up = digits.digit[static_cast<std::size_t>(keep)] >= 5;
  digits.count = keep;
  if (up) {
    int i = keep - 1;
    while (i >= 0 && digits.digit[static_cast<std::size_t>(i)] == 9) digits.digit[static_cast<std::size_t>(i--)] = 0;
    if (i >= 0) {
      ++digits.digit[static_cast<std::size_t>(i)];
    } else {
      digits.digit[0] = 1;  // 9.99 became 10
      digits.count = 1;
      ++digits.point;
    }
  }
  strip_zeros(digits);
}

Fit fits(const Digits& digits, NumericLimit limit) {
  if (limit.precision == 0 || digits.count == 0) return Fit::fits;
  if (digits.point > limit.precision - limit.scale) return Fit::too_large;
  if (digits.count - digits.point > limit.scale) return Fit::too_fine;
  return Fit::fits;
}

std::size_t put_numeric(const Digits& digits, int digits_shown, char* out) {
  // Layout: number of groups, weight of the first, sign, digits shown, then groups of four digits; all int16.
  std::array<int, 14> groups{};
  int count = 0;
  int weight = 0;
  if (digits.count > 0) {
    weight = floor_divide(digits.point - 1, 4);
    count = weight - floor_divide(digits.point - digits.count, 4) + 1;
    for (int i = 0; i < digits.count; ++i) {
      const int power = digits.point - 1 - i;
      const int group = floor_divide(power, 4);
      constexpr std::array powers{1, 10, 100, 1000};
      groups[static_cast<std::size_t>(weight - group)] +=
          digits.digit[static_cast<std::size_t>(i)] * powers[static_cast<std::size_t>(power - 4 * group)];
    }
  }
  put_int16(count, out);
  put_int16(weight, out + 2);
  put_int16(digits.negative && count > 0 ? 0x4000 : 0, out + 4);
  put_int16(digits_shown, out + 6);
  for (int i = 0; i < count; ++i) put_int16(groups[static_cast<std::size_t>(i)], out + 8 + 2 * i);
  return 8 + 2 * static_cast<std::size_t>(count);
}

std::size_t put_numeric_nan(char* out) {
  put_int16(0, out);
  put_int16(0, out + 2);
  put_int16(0xc000, out + 4);
  put_int16(0, out + 6);
  return 8;
}

bool get_numeric(std::string_view bytes, int scale, Int128& out) {
  const auto int16_at = [bytes](std::size_t at) {
    return static_cast<std::int16_t>(static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8U |
                                                                static_cast<unsigned char>(bytes[at + 1])));
  };
  if (bytes.size() < 8) return false;
  const int groups = int16_at(0);
  const int sign = static_cast<std::uint16_t>(int16_at(4));
  if (groups < 0 || bytes.size() != 8 + 2 * static_cast<std::size_t>(groups) || (sign != 0 && sign != 0x4000))
    return false;
  // 38 nines fit 127 bits.
  constexpr UInt128 limit = (UInt128{1} << 127U) / 10000 - 1;
  UInt128 number = 0;
  for (int i = 0; i < groups; ++i) {
    if (number > limit) return false;
    number = number * 10000 + static_cast<unsigned>(int16_at(8 + 2 * static_cast<std::size_t>(i)));
  }
  int power = 4 * (int16_at(2) - groups + 1) + scale;
  for (; power > 0 && number != 0; --power) {
    if (number > limit) return false;
    number *= 10;
  }
  for (; power < 0 && number != 0; ++power) {
    if (number % 10 != 0) return false;  // finer than the column's own scale
    number /= 10;
  }
  out = sign == 0 ? static_cast<Int128>(number) : -static_cast<Int128>(number);
  return true;
}

}  // namespace sluice::postgres
