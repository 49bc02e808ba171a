// Values in COPY's text form, for tables with a type that has no binary encoder here. Slower, and rare.
#include <array>
#include <charconv>
#include <cmath>

#include "sluice/core/words.hpp"
#include "sluice/postgres/encoder.hpp"
#include "sluice/postgres/utf8.hpp"

namespace sluice::postgres {
namespace {

constexpr std::int64_t second = 1000000;
constexpr std::int64_t day = 86400 * second;

void put_escaped(std::string_view text, CopyBuffer& out) {
  for (const char c : text) {
    switch (c) {
      case '\\': out.put("\\\\"); break;
      case '\n': out.put("\\n"); break;
      case '\r': out.put("\\r"); break;
      case '\t': out.put("\\t"); break;
      default: out.put(c);
    }
  }
}

void put_number(std::int64_t number, int width, CopyBuffer& out) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  for (auto size = end - text.data(); size < width; ++size) out.put('0');
  out.put({text.data(), static_cast<std::size_t>(end - text.data())});
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

// Gives whether the year is before Christ, which is said at the end.
bool put_civil(std::int64_t days, CopyBuffer& out) {
  const Civil civil = civil_of(days);
  put_number(civil.year > 0 ? civil.year : 1 - civil.year, 4, out);
  out.put('-');
  put_number(civil.month, 2, out);
  out.put('-');
  put_number(civil.day, 2, out);
  return civil.year <= 0;
}

void put_date(std::int32_t days, CopyBuffer& out) {
  if (days == INT32_MAX) return out.put("infinity");
  if (days <= -INT32_MAX) return out.put("-infinity");
  if (put_civil(days, out)) out.put(" BC");
}

void put_timestamp(std::int64_t micros, bool utc, CopyBuffer& out) {
  if (micros == INT64_MAX) return out.put("infinity");
  if (micros <= -INT64_MAX) return out.put("-infinity");
  const std::int64_t days = micros >= 0 ? micros / day : -((-micros + day - 1) / day);
  std::int64_t left = micros - days * day;
  const bool before_christ = put_civil(days, out);
  for (const auto& [unit, mark] :
       {std::pair(3600 * second, ' '), std::pair(60 * second, ':'), std::pair(second, ':')}) {
    out.put(mark);
    put_number(left / unit, 2, out);
    left %= unit;
  }
  out.put('.');
  put_number(left, 6, out);
  if (utc) out.put("+00");
  if (before_christ) out.put(" BC");
}

void put_double(double value, CopyBuffer& out) {
  if (std::isnan(value)) return out.put("NaN");
  if (std::isinf(value)) return out.put(value > 0 ? "Infinity" : "-Infinity");
  std::array<char, 40> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.put({text.data(), static_cast<std::size_t>(end - text.data())});
}

void put_decimal(Int128 value, int scale, CopyBuffer& out) {
  __extension__ typedef unsigned __int128 UInt128;
  UInt128 left = value < 0 ? UInt128{0} - static_cast<UInt128>(value) : static_cast<UInt128>(value);
  std::array<char, 48> text;
  std::size_t at = text.size();
  for (int i = 0; left > 0 || i <= scale; ++i) {
    if (i == scale && scale > 0) text[--at] = '.';
    text[--at] = static_cast<char>('0' + static_cast<int>(left % 10));
    left /= 10;
  }
  if (value < 0) text[--at] = '-';
  out.put({text.data() + at, text.size() - at});
}

void put_bytes(std::string_view bytes, CopyBuffer& out) {
  constexpr const char* digits = "0123456789abcdef";
  out.put("\\\\x");
  for (const char c : bytes) {
    out.put(digits[static_cast<unsigned char>(c) >> 4U]);
    out.put(digits[static_cast<unsigned char>(c) & 15U]);
  }
}

}  // namespace

const char* put_text(const Encoder& encoder, const Vector& values, std::size_t row, CopyBuffer& out,
                     CopyBuffer& scratch) {
  if (values.is_null(row)) {
    if (encoder.not_null) return "null_not_allowed";
    out.put("\\N");
    return nullptr;
  }
  if (encoder.encode != nullptr) {  // for its checks
    const char* reason = encoder.encode(encoder, values, row, scratch);
    scratch.clear();
    if (reason != nullptr) return reason;
  }
  switch (encoder.from.kind) {
    case Kind::boolean: out.put(values.at<std::uint8_t>(row) != 0 ? 't' : 'f'); break;
    case Kind::int32: put_number(values.at<std::int32_t>(row), 0, out); break;
    case Kind::int64: put_number(values.at<std::int64_t>(row), 0, out); break;
    case Kind::float64: put_double(values.at<double>(row), out); break;
    case Kind::decimal: put_decimal(values.at<Int128>(row), encoder.from.scale, out); break;
    case Kind::bytes: put_bytes(values.at<Text>(row).view(), out); break;
    case Kind::date: put_date(values.at<std::int32_t>(row), out); break;
    case Kind::timestamp: put_timestamp(values.at<std::int64_t>(row), true, out); break;
    case Kind::timestamp_tz: put_timestamp(values.at<std::int64_t>(row), true, out); break;
    case Kind::uuid: out.put(to_uuid(values.at<Key>(row))); break;
    case Kind::text:
    case Kind::json: {
      const std::string_view text = values.at<Text>(row).view();
      const Characters characters = count_characters(text);
      if (!characters.valid) return "invalid_utf8";
      if (characters.has_nul) return "nul_in_text";
      put_escaped(text, out);
      break;
    }
  }
  return nullptr;
}

}  // namespace sluice::postgres
