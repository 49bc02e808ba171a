#include "sluice/engine/values.hpp"

#include <charconv>
#include <chrono>
#include <cmath>

#include "sluice/core/delivery.hpp"
#include "sluice/core/words.hpp"

namespace sluice::engine {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// `length` digits at the front of `text`, taken off it.
bool take_digits(std::string_view& text, std::size_t length, int& out) {
  if (text.size() < length) return false;
  out = 0;
  for (std::size_t i = 0; i < length; ++i) {
    if (!is_digit(text[i])) return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(length);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

template <class T>
Parsed parse_whole(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (end != text.data() + text.size() || text.empty()) return Parsed::malformed;
  if (error == std::errc::result_out_of_range) return Parsed::out_of_range;
  return error == std::errc{} ? Parsed::ok : Parsed::malformed;
}

Parsed take_date(std::string_view& text, std::int32_t& out) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!take_digits(text, 4, year) || !take(text, '-') || !take_digits(text, 2, month) || !take(text, '-') ||
      !take_digits(text, 2, day)) {
    return Parsed::malformed;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year == 0) return Parsed::out_of_range;
  out = static_cast<std::int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
  return Parsed::ok;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::size_t> parse_hex(std::string_view text, char* out) {
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i / 2] = static_cast<char>(high * 16 + low);
  }
  return text.size() / 2;
}

std::optional<std::size_t> parse_base64(std::string_view text, char* out) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::uint32_t bits = 0;
  unsigned held = 0;
  std::size_t length = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[length++] = static_cast<char>((bits >> held) & 0xFFU);
    }
  }
  if ((bits & ((1U << held) - 1U)) != 0) return std::nullopt;  // bits that stand for nothing
  return length;
}

}  // namespace

Parsed parse_int32(std::string_view text, std::int32_t& out) { return parse_whole(text, out); }
Parsed parse_int64(std::string_view text, std::int64_t& out) { return parse_whole(text, out); }

bool is_not_finite(std::string_view text) { return text == "NaN" || text == "Infinity" || text == "-Infinity"; }

Parsed parse_float64(std::string_view text, double& out) {
  const Parsed parsed = parse_whole(text, out);
  return parsed == Parsed::ok && !std::isfinite(out) && !is_not_finite(text) ? Parsed::malformed : parsed;
}

Parsed parse_decimal(std::string_view text, unsigned precision, unsigned scale, Int128& out) {
  const bool negative = take(text, '-');
  int exponent = 0;
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view power = text.substr(e + 1);
    if (!power.empty() && power.front() == '+') power.remove_prefix(1);
    if (const Parsed parsed = parse_whole(power, exponent); parsed != Parsed::ok) return parsed;
    if (exponent > 60 || exponent < -60) return Parsed::out_of_range;
    text = text.substr(0, e);
  }
  // The digits with the point taken out, and how many of them stand after it.
  Int128 number = 0;
  unsigned digits = 0;
  int after = 0;
  bool point = false;
  bool any = false;
  int zeros = 0;  // zeros held back: trailing ones after the point never count
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(c)) return Parsed::malformed;
    any = true;
    if (point) ++after;
    if (c == '0' && point) {
      ++zeros;
      continue;
    }
    for (int i = 0; i <= zeros; ++i) {
      const int digit = i == zeros ? c - '0' : 0;
      if (digits > 0 || digit > 0) ++digits;
      if (digits > 38) return Parsed::out_of_range;
      number = number * 10 + digit;
    }
    zeros = 0;
  }
  if (!any || text.back() == '.') return Parsed::malformed;
  after -= zeros;
  int shift = static_cast<int>(scale) + exponent - after;
  for (; shift > 0 && number != 0; --shift) {
    if (++digits > 38) return Parsed::out_of_range;
    number *= 10;
  }
  for (; shift < 0 && number != 0; ++shift) {
    if (number % 10 != 0) return Parsed::out_of_range;
    number /= 10;
    --digits;
  }
  if (digits > precision) return Parsed::out_of_range;
  out = negative ? -number : number;
  return Parsed::ok;
}

Parsed parse_date(std::string_view text, std::int32_t& out) {
  const Parsed parsed = take_date(text, out);
  return parsed == Parsed::ok && !text.empty() ? Parsed::malformed : parsed;
}

Parsed parse_timestamp(std::string_view text, bool zoned, std::int64_t& out) {
  std::int32_t days = 0;
  if (const Parsed parsed = take_date(text, days); parsed != Parsed::ok) return parsed;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!take(text, 'T') && !take(text, ' ')) return Parsed::malformed;
  if (!take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute)) return Parsed::malformed;
  std::int64_t micros = 0;
  if (take(text, ':')) {
    if (!take_digits(text, 2, second)) return Parsed::malformed;
    if (take(text, '.')) {
      std::int64_t unit = 100000;
      std::size_t length = 0;
      while (!text.empty() && is_digit(text.front())) {
        if (++length > 6) {
          if (text.front() != '0') return Parsed::out_of_range;
        } else {
          micros += (text.front() - '0') * unit;
          unit /= 10;
        }
        text.remove_prefix(1);
      }
      if (length == 0) return Parsed::malformed;
    }
  }
  if (hour > 23 || minute > 59 || second > 59) return Parsed::out_of_range;
  std::int64_t offset = 0;
  if (zoned) {
    if (!take(text, 'Z')) {
      const bool west = !text.empty() && text.front() == '-';
      if (!take(text, '+') && !take(text, '-')) return Parsed::malformed;
      int offset_hour = 0;
      int offset_minute = 0;
      if (!take_digits(text, 2, offset_hour)) return Parsed::malformed;
      if (!text.empty()) {
        take(text, ':');
        if (!take_digits(text, 2, offset_minute)) return Parsed::malformed;
      }
      if (offset_hour > 15 || offset_minute > 59) return Parsed::out_of_range;
      offset = (offset_hour * 60 + offset_minute) * (west ? -60 : 60);
    }
  }
  if (!text.empty()) return Parsed::malformed;
  out = (std::int64_t{days} * 86400 + hour * 3600 + minute * 60 + second - offset) * 1000000 + micros;
  return Parsed::ok;
}

Parsed parse_uuid_bytes(std::string_view text, std::array<std::uint8_t, 16>& out) {
  Key key;
  if (!parse_uuid(text, key)) return Parsed::malformed;
  out = key.bytes;
  return Parsed::ok;
}

std::optional<std::size_t> parse_bytes(std::string_view text, char* out) {
  return text.starts_with("\\x") ? parse_hex(text.substr(2), out) : parse_base64(text, out);
}

bool is_json_number(std::string_view token) {
  take(token, '-');
  const auto digits = [&token] {
    std::size_t count = 0;
    while (!token.empty() && is_digit(token.front())) {
      token.remove_prefix(1);
      ++count;
    }
    return count;
  };
  const bool zero = !token.empty() && token.front() == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (take(token, '.') && digits() == 0) return false;
  if (take(token, 'e') || take(token, 'E')) {
    if (!take(token, '+')) take(token, '-');
    if (digits() == 0) return false;
  }
  return token.empty();
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1U : 0U;
  return count;
}

}  // namespace sluice::engine
