#include "sluice/mask/ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace sluice::mask {
namespace {

constexpr IpBytes mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
constexpr std::size_t mapped_prefix = 12;

bool parse_ipv4(std::string_view text, std::uint8_t* four) {
  unsigned number = 0;
  unsigned digits = 0;
  unsigned parts = 0;
  for (const char c : text) {
    if (c == '.') {
      if (digits == 0 || parts == 3) return false;
      four[parts++] = static_cast<std::uint8_t>(number);
      number = digits = 0;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > 3) return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
    if (number > 255) return false;
  }
  if (digits == 0 || parts != 3) return false;
  four[3] = static_cast<std::uint8_t>(number);
  return true;
}

// One to four hex digits from the front of `text`, which loses them.
std::optional<unsigned> take_group(std::string_view& text) {
  unsigned group = 0;
  const char* end = text.data() + std::min<std::size_t>(text.size(), 4);
  const auto [rest, error] = std::from_chars(text.data(), end, group, 16);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return group;
}

bool parse_ipv6(std::string_view text, IpBytes& bytes) {
  bytes.fill(0);
  std::size_t at = 0;              // bytes read
  std::optional<std::size_t> gap;  // where "::" stands
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (at == bytes.size()) return false;
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos && text.find('.') != std::string_view::npos) {
      if (at > mapped_prefix || !parse_ipv4(text, bytes.data() + at)) return false;
      at += 4;
      break;
    }
    const auto group = take_group(text);
    if (!group) return false;
    bytes[at++] = static_cast<std::uint8_t>(*group >> 8U);
    bytes[at++] = static_cast<std::uint8_t>(*group & 0xffU);
    if (text.empty()) break;
    if (text.starts_with("::")) {
      if (gap) return false;
      gap = at;
      text.remove_prefix(2);
    } else if (text.front() == ':' && text.size() > 1) {
      text.remove_prefix(1);
    } else {
      return false;
    }
  }
  if (!gap) return at == bytes.size();
  if (at > bytes.size() - 2) return false;  // "::" stands for at least one group
  std::ranges::rotate(bytes.begin() + static_cast<std::ptrdiff_t>(*gap),
                      bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end());
  return true;
}

// Without leading zeros; gives where the text ends.
char* put_decimal(unsigned byte, char* out) {
  if (byte >= 100) *out++ = static_cast<char>('0' + byte / 100);
  if (byte >= 10) *out++ = static_cast<char>('0' + byte / 10 % 10);
  *out++ = static_cast<char>('0' + byte % 10);
  return out;
}

char* put_group(unsigned group, char* out) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (group >= 0x1000) *out++ = digits[group >> 12U];
  if (group >= 0x100) *out++ = digits[group >> 8U & 15U];
  if (group >= 0x10) *out++ = digits[group >> 4U & 15U];
  *out++ = digits[group & 15U];
  return out;
}

// The longest run of at least two zero groups, the first of equal ones (RFC 5952, 4.2).
struct Run {
  std::size_t start = 0;
  std::size_t groups = 1;
};

Run longest_zeros(const IpBytes& bytes) {
  Run best;
  Run now{0, 0};
  for (std::size_t group = 0; group < 8; ++group) {
    if (bytes[2 * group] != 0 || bytes[2 * group + 1] != 0) {
      now = {group + 1, 0};
    } else if (++now.groups > best.groups) {
      best = now;
    }
  }
  return best;
}

}  // namespace

bool parse_ip(std::string_view text, IpBytes& bytes) {
  if (text.size() <= 15) {
    bytes = mapped;
    if (parse_ipv4(text, bytes.data() + mapped_prefix)) return true;
  }
  return parse_ipv6(text, bytes);
}

bool is_ipv4(const IpBytes& bytes) { return std::equal(mapped.begin(), mapped.begin() + mapped_prefix, bytes.begin()); }

void append_ip(const IpBytes& bytes, std::string& out) {
  char text[40];
  char* at = text;
  if (is_ipv4(bytes)) {
    for (std::size_t i = mapped_prefix; i < bytes.size(); ++i) {
      if (i > mapped_prefix) *at++ = '.';
      at = put_decimal(bytes[i], at);
    }
  } else {
    const Run zeros = longest_zeros(bytes);
    for (std::size_t group = 0; group < 8; ++group) {
      if (zeros.groups > 1 && group == zeros.start) {
        *at++ = ':';
        *at++ = ':';
        group += zeros.groups - 1;
        continue;
      }
      if (at != text && at[-1] != ':') *at++ = ':';
      at = put_group(unsigned{bytes[2 * group]} << 8U | bytes[2 * group + 1], at);
    }
  }
  out.append(text, at);
}

}  // namespace sluice::mask
