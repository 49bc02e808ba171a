#include "sluice/scan/shapes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "sluice/mask/ip_address.hpp"
#include "sluice/scan/check_digits.hpp"

namespace sluice::scan {
namespace {

constexpr std::size_t npos = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alnum(char c) { return is_digit(c) || is_letter(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool one_of(char c, std::string_view set) { return set.find(c) != npos; }
std::size_t digits_in(std::string_view text) { return static_cast<std::size_t>(std::ranges::count_if(text, is_digit)); }

int number(std::string_view digits) {
  int out = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return -1;
    out = out * 10 + (c - '0');
  }
  return digits.empty() ? -1 : out;
}

// The year, or 0 where `text` does not begin with a date that ends there or goes on with a time.
int year_of(std::string_view text) {
  if (text.size() < 8) return 0;
  if (text.size() == 8 && std::ranges::all_of(text, is_digit)) {
    const int year = number(text.substr(0, 4));
    return is_date(year, number(text.substr(4, 2)), number(text.substr(6, 2))) ? year : 0;
  }
  if (text.size() < 10 || (text.size() > 10 && text[10] != 'T' && text[10] != ' ')) return 0;
  const std::string_view day = text.substr(0, 10);
  if (one_of(day[4], "-/.") && day[4] == day[7]) {
    const int year = number(day.substr(0, 4));
    return is_date(year, number(day.substr(5, 2)), number(day.substr(8, 2))) ? year : 0;
  }
  if (one_of(day[2], "-/.") && day[2] == day[5]) {
    const int year = number(day.substr(6, 4));
    const int one = number(day.substr(0, 2));
    const int two = number(day.substr(3, 2));
    return is_date(year, two, one) || is_date(year, one, two) ? year : 0;
  }
  return 0;
}

// Degrees with at least three digits after the point, at the front of `text`, which is then shorter by them.
bool take_degrees(std::string_view& text, double most) {
  double value = 0;
  const char* end = text.data() + text.size();
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || !(std::abs(value) <= most)) return false;
  const std::string_view token(text.data(), static_cast<std::size_t>(stop - text.data()));
  const std::size_t point = token.find('.');
  if (point == npos || token.size() - point < 4) return false;
  text.remove_prefix(token.size());
  return true;
}

// "tel:" in front, " x12" behind.
std::string_view without_extension(std::string_view text) {
  if (text.starts_with("tel:")) text.remove_prefix(4);
  const std::size_t extension = text.find(" x");
  return extension != npos && number(text.substr(extension + 2)) >= 0 ? text.substr(0, extension) : text;
}

bool rest_is(std::string_view text, std::size_t from, std::size_t least, std::string_view also) {
  if (text.size() < from + least) return false;
  return std::ranges::all_of(text.substr(from), [&](char c) { return is_alnum(c) || one_of(c, also); });
}

// How tokens begin whose issuers mark them so that they can be found, and how long the rest is at least.
struct Mark {
  std::string_view prefix;
  std::size_t least;
};
constexpr std::array marks{
    Mark{"AKIA", 16},     Mark{"ASIA", 16},        Mark{"ghp_", 30},   Mark{"gho_", 30},     Mark{"ghu_", 30},
    Mark{"ghs_", 30},     Mark{"github_pat_", 30}, Mark{"glpat-", 16}, Mark{"sk_live_", 16}, Mark{"sk_test_", 16},
    Mark{"rk_live_", 16}, Mark{"xoxb-", 20},       Mark{"xoxp-", 20},  Mark{"AIza", 30},     Mark{"npm_", 30},
};

}  // namespace

bool is_ipv4(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != npos) {
    const std::string_view port = text.substr(colon + 1);
    if (port.size() > 5 || number(port) < 0) return false;
    text = text.substr(0, colon);
  }
  mask::IpBytes bytes{};
  return text.size() >= 7 && text.size() <= 15 && mask::parse_ip(text, bytes);
}

bool is_ipv6(std::string_view text) {
  mask::IpBytes bytes{};
  return text.size() >= 3 && text.size() <= 45 && std::ranges::count(text, ':') >= 2 && mask::parse_ip(text, bytes);
}

bool is_email(std::string_view text) {
  if (text.starts_with("mailto:")) text.remove_prefix(7);
  const std::size_t at = text.find('@');
  if (at == npos || at == 0 || at > 64 || text.size() > 254 || text.find('@', at + 1) != npos) return false;
  const std::string_view local = text.substr(0, at);
  const std::string_view domain = text.substr(at + 1);
  const auto in_local = [](char c) { return is_alnum(c) || is_beyond_ascii(c) || one_of(c, ".!#$%&'*+/=?^_`{|}~-"); };
  if (!std::ranges::all_of(local, in_local) || local.front() == '.' || local.back() == '.') return false;
  const auto in_domain = [](char c) { return is_alnum(c) || is_beyond_ascii(c) || c == '-' || c == '.'; };
  const std::size_t dot = domain.rfind('.');
  if (dot == npos || dot == 0 || domain.size() - dot < 3 || !std::ranges::all_of(domain, in_domain)) return false;
  return domain.find("..") == npos && domain.front() != '.' && domain.front() != '-' && !is_digit(domain[dot + 1]);
}

bool is_mac(std::string_view text) {
  const bool by_two = text.size() == 17;
  if (!by_two && text.size() != 14) return false;
  const std::size_t group = by_two ? 2 : 4;
  const char separator = text[group];
  if (by_two ? !one_of(separator, ":-") : separator != '.') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % (group + 1) == group ? text[i] != separator : !is_hex(text[i])) return false;
  }
  return true;
}

bool is_uuid(std::string_view text) {
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

bool is_phone_digits(std::string_view text) {
  text = without_extension(text);
  if (text.size() > 24 || text.empty()) return false;
  const std::size_t digits = digits_in(text);
  if (digits < 7 || digits > 15 || year_of(text) != 0) return false;
  const bool plus = text.front() == '+';
  const bool shaped =
      std::ranges::all_of(text.substr(plus ? 1 : 0), [](char c) { return is_digit(c) || one_of(c, " -()./"); });
  return shaped && is_digit(text.back()) && (plus || text.front() == '(' || is_digit(text.front()));
}

bool is_written_phone(std::string_view text) {
  if (!is_phone_digits(text)) return false;
  if (text.starts_with("tel:") || text.starts_with('+') || text.starts_with('(')) return true;
  if (is_dashed_ssn(text)) return false;
  text = without_extension(text);
  // How long the groups of digits are: 555-010-0123 is 3, 3, 4; 08-123 456 78 begins with a 0.
  std::array<std::size_t, 5> groups{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_digit(text[i])) continue;
    if (i == 0 || !is_digit(text[i - 1])) ++count;
    if (count > groups.size()) return false;
    ++groups[count - 1];
  }
  if (count == 3 && groups[0] == 3 && groups[1] == 3 && groups[2] == 4) return true;
  return text.front() == '0' && count >= 3 && groups[0] >= 2 && std::ranges::max(groups) <= 4 && digits_in(text) >= 9;
}

bool is_dashed_ssn(std::string_view text) { return text.size() == 11 && is_ssn(text); }

bool is_coordinates(std::string_view text) {
  if (text.starts_with("geo:")) text.remove_prefix(4);
  const bool point = text.starts_with("POINT") && text.find('(') != npos && text.back() == ')';
  if (point) {
    text = text.substr(text.find('(') + 1);
    text.remove_suffix(1);
  } else if (text.size() > 2 && one_of(text.front(), "([") && one_of(text.back(), ")]")) {
    text = text.substr(1, text.size() - 2);
  }
  if (!take_degrees(text, point ? 180 : 90)) return false;
  const std::size_t between = text.find_first_not_of(" ,;");
  if (between == 0 || between == npos) return false;
  text.remove_prefix(between);
  return take_degrees(text, 180) && text.empty();
}

bool is_degrees(std::string_view text) { return take_degrees(text, 180) && text.empty(); }

bool is_birth_date(std::string_view text) {
  const int year = year_of(text);
  return year >= 1900 && year < 2030;
}

bool is_old_date(std::string_view text) {
  const int year = year_of(text);
  return year >= 1925 && year < 1990 && text != "1970-01-01" && !text.starts_with("1970-01-01T");
}

bool is_marked_secret(std::string_view text) {
  if (text.starts_with("-----BEGIN ")) return text.substr(0, 64).find("PRIVATE KEY") != npos;
  if (text.starts_with("Bearer ") || text.starts_with("Basic "))
    return rest_is(text, text.find(' ') + 1, 12, "-._~+/=");
  if (text.starts_with("eyJ"))
    return text.size() > 40 && std::ranges::count(text, '.') == 2 && rest_is(text, 3, 20, "-_.=");
  if (text.starts_with("$argon2") || text.starts_with("$scrypt$")) return text.size() > 40;
  if (text.starts_with("$2") && text.size() == 60) return rest_is(text, 1, 59, "$./");
  return std::ranges::any_of(marks, [&](const Mark& mark) {
    return text.starts_with(mark.prefix) && rest_is(text, mark.prefix.size(), mark.least, "-_");
  });
}

bool is_some_secret(std::string_view text) {
  if (text.size() < 6 || text.find(' ') != npos || year_of(text) != 0) return false;
  return text.size() > 10 || !std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.' || c == '-'; });
}

bool is_some_phrase(std::string_view text) {
  return text.size() >= 12 && text.find(' ') != npos && std::ranges::any_of(text, is_letter);
}

bool is_some_name(std::string_view text) {
  if (text.size() < 2 || text.size() > 60) return false;
  if (!(text.front() >= 'A' && text.front() <= 'Z') && !is_beyond_ascii(text.front())) return false;
  return std::ranges::all_of(text, [](char c) { return is_letter(c) || is_beyond_ascii(c) || one_of(c, " -'.,"); });
}

bool is_full_name(std::string_view text) {
  if (!is_some_name(text)) return false;
  std::size_t words = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i != 0 && text[i - 1] != ' ') continue;
    if (!(text[i] >= 'A' && text[i] <= 'Z') && !is_beyond_ascii(text[i])) return false;
    ++words;
  }
  return words >= 2 && words <= 4;
}

bool is_some_street(std::string_view text) {
  if (text.size() < 5 || text.size() > 200) return false;
  const auto letters = std::ranges::count_if(text, [](char c) { return is_letter(c) || is_beyond_ascii(c); });
  return letters >= 3 && (text.find(' ') != npos || digits_in(text) > 0) && text.find('@') == npos;
}

bool is_some_id(std::string_view text) {
  return text.size() >= 6 && text.size() <= 64 && digits_in(text) > 0 && rest_is(text, 0, 6, "-_:.");
}

}  // namespace sluice::scan
