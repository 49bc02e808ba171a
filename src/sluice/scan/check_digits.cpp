#include "sluice/scan/check_digits.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace sluice::scan {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
int digit(char c) { return c - '0'; }
bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }
int number(std::string_view digits) {
  int out = 0;
  for (const char c : digits) out = out * 10 + digit(c);
  return out;
}

// A number without its separators.
struct Compact {
  std::array<char, 40> bytes{};
  std::size_t size = 0;
  std::string_view view() const { return {bytes.data(), size}; }
};

// False: longer than any number here, a separator at an end, or two side by side.
bool compact(std::string_view text, std::string_view separators, Compact& out) {
  bool after_separator = true;
  for (const char c : text) {
    const bool separator = separators.find(c) != std::string_view::npos;
    if (separator && after_separator) return false;
    if (!separator) {
      if (out.size == out.bytes.size()) return false;
      out.bytes[out.size++] = c;
    }
    after_separator = separator;
  }
  return !after_separator;
}

// Ranges of ISO/IEC 7812 numbers as the networks publish them: first digits from, to, and the lengths.
struct CardRange {
  int from;
  int to;
  std::size_t shortest;
  std::size_t longest;
};
constexpr std::array card_ranges{
    CardRange{4000, 4999, 16, 16}, CardRange{4000, 4999, 13, 13}, CardRange{4000, 4999, 19, 19},  // Visa
    CardRange{5100, 5599, 16, 16}, CardRange{2221, 2720, 16, 16},                                 // Mastercard
    CardRange{3400, 3499, 15, 15}, CardRange{3700, 3799, 15, 15},                                 // American Express
    CardRange{6011, 6011, 16, 19}, CardRange{6440, 6599, 16, 19},                                 // Discover
    CardRange{3528, 3589, 16, 19},                                                                // JCB
    CardRange{3000, 3059, 14, 19}, CardRange{3600, 3699, 14, 19}, CardRange{3800, 3999, 14, 19},  // Diners Club
    CardRange{6200, 6299, 16, 19},                                                                // UnionPay
    CardRange{5018, 5018, 12, 19}, CardRange{5020, 5020, 12, 19}, CardRange{5038, 5038, 12, 19},  // Maestro
    CardRange{5893, 5893, 12, 19}, CardRange{6304, 6304, 12, 19}, CardRange{6759, 6763, 12, 19},
};

// Of the ISO 13616 registry.
constexpr std::array<std::pair<std::string_view, std::size_t>, 42> iban_lengths{{
    {"AD", 24}, {"AE", 23}, {"AT", 20}, {"BE", 16}, {"BG", 22}, {"CH", 21}, {"CY", 28}, {"CZ", 24}, {"DE", 22},
    {"DK", 18}, {"EE", 20}, {"ES", 24}, {"FI", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23},
    {"GL", 18}, {"GR", 27}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IS", 26}, {"IT", 27}, {"LI", 21},
    {"LT", 20}, {"LU", 20}, {"LV", 21}, {"MC", 27}, {"MT", 31}, {"NL", 18}, {"NO", 15}, {"PL", 28}, {"PT", 25},
    {"RO", 24}, {"SA", 24}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"TR", 26},
}};

bool is_two_digit_date(std::string_view yymmdd) {
  // The century is not told; 2000 has a leap day as every fourth year does.
  return is_date(2000 + number(yymmdd.substr(0, 2)), number(yymmdd.substr(2, 2)), number(yymmdd.substr(4, 2)));
}

}  // namespace

bool is_date(int year, int month, int day) {
  constexpr std::array days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= days[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

bool is_luhn(std::string_view digits) {
  if (!all_digits(digits)) return false;
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    int value = digit(digits[digits.size() - 1 - i]);
    if (i % 2 == 1) value = value > 4 ? 2 * value - 9 : 2 * value;
    sum += value;
  }
  return sum % 10 == 0;
}

bool is_card(std::string_view text) {
  Compact card;
  if (!compact(text, " -", card) || card.size < 12 || card.size > 19 || !all_digits(card.view())) return false;
  const int head = number(card.view().substr(0, 4));
  const bool issued = std::ranges::any_of(card_ranges, [&](const CardRange& range) {
    return head >= range.from && head <= range.to && card.size >= range.shortest && card.size <= range.longest;
  });
  return issued && is_luhn(card.view());
}

bool is_iban(std::string_view text) {
  Compact iban;
  if (!compact(text, " ", iban) || iban.size < 15 || iban.size > 34) return false;
  for (char& c : iban.bytes) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  const std::string_view all = iban.view();
  if (!is_upper(all[0]) || !is_upper(all[1]) || !is_digit(all[2]) || !is_digit(all[3])) return false;
  const auto length =
      std::ranges::find(iban_lengths, all.substr(0, 2), &std::pair<std::string_view, std::size_t>::first);
  if (length != iban_lengths.end() && length->second != all.size()) return false;
  int remainder = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const char c = all[(i + 4) % all.size()];
    if (is_digit(c)) {
      remainder = (remainder * 10 + digit(c)) % 97;
    } else if (is_upper(c)) {
      remainder = (remainder * 100 + c - 'A' + 10) % 97;
    } else {
      return false;
    }
  }
  return remainder == 1;
}

bool is_imei(std::string_view text) {
  Compact imei;
  return compact(text, " -", imei) && imei.size == 15 && is_luhn(imei.view());
}

bool is_ssn(std::string_view text) {
  std::array<char, 9> digits{};
  if (text.size() == 11 && text[3] == '-' && text[6] == '-') {
    std::ranges::copy(text.substr(0, 3), digits.begin());
    std::ranges::copy(text.substr(4, 2), digits.begin() + 3);
    std::ranges::copy(text.substr(7, 4), digits.begin() + 5);
  } else if (text.size() == 9) {
    std::ranges::copy(text, digits.begin());
  } else {
    return false;
  }
  const std::string_view all(digits.data(), digits.size());
  if (!all_digits(all)) return false;
  const int area = number(all.substr(0, 3));
  return area != 0 && area != 666 && area < 900 && all.substr(3, 2) != "00" && all.substr(5) != "0000";
}

bool is_isikukood(std::string_view text) {
  if (text.size() != 11 || !all_digits(text) || text[0] < '1' || text[0] > '8') return false;
  const int century = 1800 + (digit(text[0]) - 1) / 2 * 100;
  if (!is_date(century + number(text.substr(1, 2)), number(text.substr(3, 2)), number(text.substr(5, 2)))) return false;
  constexpr std::array first{1, 2, 3, 4, 5, 6, 7, 8, 9, 1};
  constexpr std::array second{3, 4, 5, 6, 7, 8, 9, 1, 2, 3};
  int one = 0;
  int two = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    one += first[i] * digit(text[i]);
    two += second[i] * digit(text[i]);
  }
  const int check = one % 11 < 10 ? one % 11 : two % 11 % 10;
  return check == digit(text[10]);
}

bool is_hetu(std::string_view text) {
  if (text.size() != 11) return false;
  constexpr std::string_view signs_1900 = "-YXWVU";
  constexpr std::string_view signs_2000 = "ABCDEF";
  const std::string_view date = text.substr(0, 6);
  const std::string_view individual = text.substr(7, 3);
  if (!all_digits(date) || !all_digits(individual)) return false;
  const int century = text[6] == '+'                                       ? 1800
                      : signs_1900.find(text[6]) != std::string_view::npos ? 1900
                      : signs_2000.find(text[6]) != std::string_view::npos ? 2000
                                                                           : 0;
  if (century == 0 ||
      !is_date(century + number(date.substr(4, 2)), number(date.substr(2, 2)), number(date.substr(0, 2)))) {
    return false;
  }
  constexpr std::string_view marks = "0123456789ABCDEFHJKLMNPRSTUVWXY";
  return text[10] == marks[static_cast<std::size_t>((number(date) * 1000 + number(individual)) % 31)];
}

bool is_personnummer(std::string_view text) {
  const std::size_t sign = text.find_first_of("-+");
  if (sign != std::string_view::npos && sign + 5 != text.size()) return false;
  Compact all;
  if (!compact(text, "-+", all) || (all.size != 10 && all.size != 12) || !all_digits(all.view())) return false;
  if (all.size == 12 && !all.view().starts_with("18") && !all.view().starts_with("19") && !all.view().starts_with("20"))
    return false;
  const std::string_view ten = all.view().substr(all.size - 10);
  Compact date;
  std::ranges::copy(ten.substr(0, 6), date.bytes.begin());
  date.size = 6;
  if (date.bytes[4] >= '6') date.bytes[4] = static_cast<char>(date.bytes[4] - 6);
  return is_two_digit_date(date.view()) && is_luhn(ten);
}

bool is_steuer_id(std::string_view text) {
  Compact id;
  if (!compact(text, " ", id) || id.size != 11 || !all_digits(id.view()) || id.bytes[0] == '0') return false;
  std::array<int, 10> count{};
  int product = 10;
  for (std::size_t i = 0; i < 10; ++i) {
    ++count[static_cast<std::size_t>(digit(id.bytes[i]))];
    const int sum = (digit(id.bytes[i]) + product) % 10;
    product = (sum == 0 ? 10 : sum) * 2 % 11;
  }
  // One digit twice or thrice, every other at most once; thrice not side by side.
  const auto repeated = std::ranges::count_if(count, [](int n) { return n > 1; });
  if (repeated != 1 || std::ranges::max(count) > 3) return false;
  for (std::size_t i = 2; i < 10; ++i) {
    if (id.bytes[i] == id.bytes[i - 1] && id.bytes[i] == id.bytes[i - 2]) return false;
  }
  return (11 - product) % 10 == digit(id.bytes[10]);
}

}  // namespace sluice::scan
