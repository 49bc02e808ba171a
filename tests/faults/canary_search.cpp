#include "canary_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace sluice::faults {
namespace {

std::string changed(std::string text, int (*change)(int)) {
  std::ranges::transform(text, text.begin(), [change](unsigned char c) { return static_cast<char>(change(c)); });
  return text;
}

// Each byte behind `before`, as two hex digits: "", "%", "\u00".
std::string hex_of(std::string_view text, const char* before) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += before;
    out += digits[static_cast<unsigned char>(c) >> 4U];
    out += digits[static_cast<unsigned char>(c) & 15U];
  }
  return out;
}

// The characters that these bytes alone decide where they stand `offset` bytes behind a multiple of three.
std::string base64_of(std::string_view text, std::size_t offset, const char* last_two) {
  const std::string digits = std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") + last_two;
  std::string out;
  const std::size_t bits = (offset + text.size()) * 8;
  for (std::size_t at = (offset * 8 + 5) / 6 * 6; at + 6 <= bits; at += 6) {
    unsigned value = 0;
    for (std::size_t bit = at; bit < at + 6; ++bit) {
      const auto byte = static_cast<unsigned char>(text[bit / 8 - offset]);
      value = value * 2 + ((byte >> (7 - bit % 8)) & 1U);
    }
    out += digits[value];
  }
  return out;
}

// As a URL writes it: only what has to be is escaped.
std::string percent_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '+') {
      out += hex_of(std::string_view(&c, 1), "%");
    } else {
      out += c;
    }
  }
  return out;
}

struct Needles {
  std::set<std::string> any_case;  // in small letters
  std::set<std::string> exact;
};

Needles make_needles() {
  Needles needles;
  for (const char* one : {mark, mark_ip, mark_ip6, mark_device, mark_phone, mark_date, mark_card}) {
    const std::string small = changed(one, &std::tolower);
    needles.any_case.insert({small, percent_of(small)});
    for (const std::string& text : {std::string(one), small, changed(one, &std::toupper)}) {
      for (const char* before : {"", "%", "\\u00", "\\x"}) needles.any_case.insert(hex_of(text, before));
      for (std::size_t offset = 0; offset < 3; ++offset) {
        for (const char* last_two : {"+/", "-_"}) needles.exact.insert(base64_of(text, offset, last_two));
      }
    }
  }
  return needles;
}

}  // namespace

std::optional<std::string> mark_in(std::string_view text) {
  static const Needles needles = make_needles();
  const auto first_of = [text](std::string_view in, const std::set<std::string>& wanted) -> std::optional<std::string> {
    for (const std::string& one : wanted) {
      const std::size_t found = in.find(one);
      if (found == std::string_view::npos) continue;
      const std::size_t from = found < 200 ? 0 : found - 200;
      return "\"" + one + "\" in ..." + std::string(text.substr(from, 400));
    }
    return std::nullopt;
  };
  if (auto found = first_of(text, needles.exact)) return found;
  return first_of(changed(std::string(text), &std::tolower), needles.any_case);
}

void expect_no_mark(const std::string& where, std::string_view text) {
  if (const auto found = mark_in(text)) ADD_FAILURE() << where << " has a personal value: " << *found;
}

}  // namespace sluice::faults
