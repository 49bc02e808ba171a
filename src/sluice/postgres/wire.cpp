#include "sluice/postgres/wire.hpp"

#include <algorithm>
#include <array>

namespace sluice::postgres {
namespace {

__extension__ typedef unsigned __int128 Unsigned128;

// The decimal digits of a number, most significant first, without leading zeros; none for 0.
struct Digits {
  std::array<char, 40> text{};
  std::size_t count = 0;
  bool negative = false;

  explicit Digits(Int128 number) : negative(number < 0) {
    Unsigned128 rest = negative ? ~static_cast<Unsigned128>(number) + 1 : static_cast<Unsigned128>(number);
    while (rest != 0) {
      // 64-bit divisions are far cheaper: 19 digits at a time.
      constexpr std::uint64_t ten_19 = 10'000'000'000'000'000'000ULL;
      auto low = static_cast<std::uint64_t>(rest % ten_19);
      rest /= ten_19;
      for (int i = 0; i < 19 && (rest != 0 || low != 0); ++i) {
        text[count++] = static_cast<char>(low % 10);
        low /= 10;
      }
    }
    std::reverse(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(count));
  }
};

}  // namespace

void put_numeric(Int128 number, unsigned scale, std::string& out) {
  const Digits digits(number);
  // Groups of four digits, counted from the point: weight 0 holds the ones.
  const int before = static_cast<int>(digits.count) - static_cast<int>(scale);  // digits before the point; may be negative
  const int first_group = before > 0 ? (before - 1) / 4 : -((-before) / 4) - 1;
  std::array<std::int16_t, 14> groups{};
  int count = 0;
  int weight = 0;
  if (digits.count > 0) {
    weight = first_group;
    // Zeros that the first group has in front.
    int at = before - (first_group + 1) * 4;
    while (at < static_cast<int>(digits.count)) {
      int group = 0;
      for (int i = 0; i < 4; ++i, ++at) {
        const bool inside = at >= 0 && at < static_cast<int>(digits.count);
        group = group * 10 + (inside ? digits.text[static_cast<std::size_t>(at)] : 0);
      }
      groups[static_cast<std::size_t>(count++)] = static_cast<std::int16_t>(group);
    }
    while (count > 0 && groups[static_cast<std::size_t>(count) - 1] == 0) --count;
  }
  put_number(static_cast<std::int32_t>(8 + 2 * count), out);
  put_number(static_cast<std::int16_t>(count), out);
  put_number(static_cast<std::int16_t>(weight), out);
  put_number(static_cast<std::int16_t>(digits.negative ? 0x4000 : 0), out);
  put_number(static_cast<std::int16_t>(scale), out);
  for (int i = 0; i < count; ++i) put_number(groups[static_cast<std::size_t>(i)], out);
}

void put_decimal_text(Int128 number, unsigned scale, std::string& out) {
  const Digits digits(number);
  if (digits.negative) out += '-';
  const std::size_t width = std::max<std::size_t>(digits.count, scale + 1);
  for (std::size_t i = 0; i < width; ++i) {
    if (i == width - scale) out += '.';
    const std::size_t missing = width - digits.count;
    out += i < missing ? '0' : static_cast<char>('0' + digits.text[i - missing]);
  }
}

bool fits_numeric(Int128 number, unsigned number_scale, int precision, int scale) {
  if (precision < 0) return true;
  const Digits digits(number);
  int after = static_cast<int>(number_scale);
  auto count = static_cast<int>(digits.count);
  for (; after > scale && count > 0; --after, --count) {
    if (digits.text[static_cast<std::size_t>(count) - 1] != 0) return false;
  }
  return count - after <= precision - scale;
}

}  // namespace sluice::postgres
