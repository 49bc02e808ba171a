#include "sluice/mask/base64url.hpp"

#include <array>

namespace sluice::mask {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> digits = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}();

}  // namespace

void base64url_encode(std::span<const std::uint8_t> bytes, char* out) {
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const std::uint32_t three = std::uint32_t{bytes[at]} << 16U | std::uint32_t{bytes[at + 1]} << 8U | bytes[at + 2];
    *out++ = alphabet[three >> 18U];
    *out++ = alphabet[three >> 12U & 63U];
    *out++ = alphabet[three >> 6U & 63U];
    *out++ = alphabet[three & 63U];
  }
  if (at == bytes.size()) return;
  const bool two = at + 2 == bytes.size();
  const std::uint32_t rest = std::uint32_t{bytes[at]} << 8U | (two ? bytes[at + 1] : 0U);
  *out++ = alphabet[rest >> 10U];
  *out++ = alphabet[rest >> 4U & 63U];
  if (two) *out++ = alphabet[rest << 2U & 63U];
}

bool base64url_decode(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() % 4 == 1) return false;
  std::uint32_t bits = 0;
  unsigned held = 0;  // how many bits of `bits` are still to be written
  for (const char c : text) {
    const std::uint8_t digit = digits[static_cast<unsigned char>(c)];
    if (digit == no_digit) {
      out.clear();
      return false;
    }
    bits = bits << 6U | digit;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xffU);
    }
  }
  if ((bits & ((1U << held) - 1U)) == 0) return true;
  out.clear();
  return false;
}

}  // namespace sluice::mask
