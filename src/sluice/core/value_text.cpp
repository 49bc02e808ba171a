#include "sluice/core/value_text.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>

namespace sluice {
namespace {

constexpr std::int64_t second = 1000000;
constexpr std::int64_t day = 86400 * second;
constexpr const char* hex_digits = "0123456789abcdef";

char* put(std::string_view text, char* to) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* put_number(std::int64_t number, char* to) { return std::to_chars(to, to + 24, number).ptr; }

char* put_two(std::int64_t number, char* to) {
  *to++ = static_cast<char>('0' + number / 10);
  *to++ = static_cast<char>('0' + number % 10);
  return to;
}

struct Civil {
  std::int64_t year;  // 0 is 1 BC
  unsigned month;
  unsigned day;
};

// Days since 1970-01-01 to a date of the Gregorian calendar, counted in eras of 400 years from March on.
Civil civil_of(std::int64_t days) {
  const std::int64_t shifted = days + 719468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const std::int64_t of_era = shifted - era * 146097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * of_year + 2) / 153;
  const auto day_of_month = static_cast<unsigned>(of_year - (153 * month_from_march + 2) / 5 + 1);
  const auto month = static_cast<unsigned>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day_of_month};
}

char* put_civil(const Civil& civil, char* to) {
  const std::int64_t year = civil.year > 0 ? civil.year : 1 - civil.year;
  for (std::int64_t least = 1000; least > year && least > 1; least /= 10) *to++ = '0';
  to = put_number(year, to);
  *to++ = '-';
  to = put_two(civil.month, to);
  *to++ = '-';
  return put_two(civil.day, to);
}

char* put_date(std::int32_t days, char* to) {
  if (days == INT32_MAX) return put("infinity", to);
  if (days <= -INT32_MAX) return put("-infinity", to);
  const Civil civil = civil_of(days);
  to = put_civil(civil, to);
  return civil.year > 0 ? to : put(" BC", to);
}

char* put_timestamp(std::int64_t micros, bool utc, char* to) {
  if (micros == INT64_MAX) return put("infinity", to);
  if (micros <= -INT64_MAX) return put("-infinity", to);
  const std::int64_t days = micros >= 0 ? micros / day : -((-micros + day - 1) / day);
  std::int64_t left = micros - days * day;
  const Civil civil = civil_of(days);
  to = put_civil(civil, to);
  for (const auto& [unit, mark] :
       {std::pair(3600 * second, ' '), std::pair(60 * second, ':'), std::pair(second, ':')}) {
    *to++ = mark;
    to = put_two(left / unit, to);
    left %= unit;
  }
  if (left > 0) {
    *to++ = '.';
    for (std::int64_t unit = second / 10; left > 0; unit /= 10) {
      *to++ = static_cast<char>('0' + left / unit);
      left %= unit;
    }
  }
  if (utc) to = put("+00", to);
  return civil.year > 0 ? to : put(" BC", to);
}

char* put_double(double value, char* to) {
  if (std::isnan(value)) return put("NaN", to);
  if (std::isinf(value)) return put(value > 0 ? "Infinity" : "-Infinity", to);
  // std::to_chars alone would take the shorter form: 1e+05.
  const double size = std::abs(value);
  const bool fixed = value == 0 || (size >= 1e-4 && size < 1e15);
  return std::to_chars(to, to + value_text_max, value, fixed ? std::chars_format::fixed : std::chars_format::scientific)
      .ptr;
}

char* put_decimal(Int128 value, int scale, char* to) {
  __extension__ typedef unsigned __int128 UInt128;
  UInt128 left = value < 0 ? UInt128{0} - static_cast<UInt128>(value) : static_cast<UInt128>(value);
  std::array<char, 48> text;
  std::size_t at = text.size();
  int digits = 0;
  const auto put_digit = [&](unsigned digit) {
    if (digits++ == scale && scale > 0) text[--at] = '.';
    text[--at] = static_cast<char>('0' + digit);
  };
  for (; left > UINT64_MAX; left /= 10) put_digit(static_cast<unsigned>(left % 10));
  for (auto low = static_cast<std::uint64_t>(left); low > 0 || digits <= scale; low /= 10)
    put_digit(static_cast<unsigned>(low % 10));
  if (value < 0) text[--at] = '-';
  return put({text.data() + at, text.size() - at}, to);
}

char* put_uuid(const std::uint8_t* bytes, char* to) {
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    *to++ = hex_digits[bytes[i] >> 4U];
    *to++ = hex_digits[bytes[i] & 15U];
  }
  return to;
}

}  // namespace

char* put_value(Type type, const Vector& values, std::size_t row, char* to) {
  switch (type.kind) {
    case Kind::boolean: return put(values.at<std::uint8_t>(row) != 0 ? "true" : "false", to);
    case Kind::int32: return put_number(values.at<std::int32_t>(row), to);
    case Kind::int64: return put_number(values.at<std::int64_t>(row), to);
    case Kind::float64: return put_double(values.at<double>(row), to);
    case Kind::decimal: return put_decimal(values.at<Int128>(row), type.scale, to);
    case Kind::date: return put_date(values.at<std::int32_t>(row), to);
    case Kind::timestamp: return put_timestamp(values.at<std::int64_t>(row), false, to);
    case Kind::timestamp_tz: return put_timestamp(values.at<std::int64_t>(row), true, to);
    case Kind::uuid: return put_uuid(static_cast<const std::uint8_t*>(values.values) + row * 16, to);
    case Kind::text:
    case Kind::json:
    case Kind::bytes: break;
  }
  assert(false);  // the caller has these
  return to;
}

char* put_hex(std::string_view bytes, char* to) {
  to = put("\\x", to);
  for (const char c : bytes) {
    *to++ = hex_digits[static_cast<unsigned char>(c) >> 4U];
    *to++ = hex_digits[static_cast<unsigned char>(c) & 15U];
  }
  return to;
}

}  // namespace sluice
