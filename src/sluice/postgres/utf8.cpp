#include "sluice/postgres/utf8.hpp"

#include <cstring>

namespace sluice::postgres {
namespace {

// Bytes of the character that starts at `from`; 0: no character starts there.
std::size_t character(const unsigned char* from, const unsigned char* end) {
  const unsigned char lead = *from;
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || static_cast<std::size_t>(end - from) < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((from[i] & 0xc0U) != 0x80) return 0;
  }
  if (lead == 0xe0 && from[1] < 0xa0) return 0;   // overlong
  if (lead == 0xed && from[1] >= 0xa0) return 0;  // surrogates
  if (lead == 0xf0 && from[1] < 0x90) return 0;   // overlong
  if (lead == 0xf4 && from[1] >= 0x90) return 0;  // above U+10FFFF
  return length;
}

}  // namespace

Characters count_characters(std::string_view text) {
  constexpr std::uint64_t high_bits = 0x8080808080808080U;
  constexpr std::uint64_t ones = 0x0101010101010101U;
  Characters out;
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* const end = at + text.size();
  while (at < end) {
    // Eight at once, as long as they are ASCII without a NUL: (w - ones) has a high bit where a byte is 0.
    if (end - at >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof word);
      if (((word | (word - ones)) & high_bits) == 0) {
        at += 8;
        out.count += 8;
        continue;
      }
    }
    const std::size_t length = character(at, end);
    if (length == 0) {
      out.valid = false;
      return out;
    }
    if (*at == 0) out.has_nul = true;
    at += length;
    ++out.count;
  }
  return out;
}

std::size_t bytes_of(std::string_view text, std::size_t characters) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80;
    if (begins && characters-- == 0) break;
  }
  return at;
}

}  // namespace sluice::postgres
