#include "object_data.hpp"

#include <array>
#include <cstring>
#include <ctime>

namespace sluice::servers {
namespace {

constexpr std::array<std::uint32_t, 256> table = [] {
  std::array<std::uint32_t, 256> made{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
    made[byte] = value;
  }
  return made;
}();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_fast(std::uint32_t sum, std::string_view bytes) {
  std::uint64_t crc = static_cast<std::uint32_t>(~sum);
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    crc = __builtin_ia32_crc32di(crc, word);
    bytes.remove_prefix(8);
  }
  auto narrow = static_cast<std::uint32_t>(crc);
  for (const char c : bytes) narrow = __builtin_ia32_crc32qi(narrow, static_cast<unsigned char>(c));
  return ~narrow;
}
#endif

std::string formatted(Millis time, const char* format) {
  const std::time_t seconds = time / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> out{};
  std::strftime(out.data(), out.size(), format, &parts);
  return out.data();
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    bool found = false;
    for (const auto& [name, c] :
         {std::pair{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#34;", '"'}}) {
      if (!text.substr(at).starts_with(name)) continue;
      out += c;
      at += std::strlen(name) - 1;
      found = true;
      break;
    }
    if (!found) out += text[at];
  }
  return out;
}

}  // namespace

std::uint32_t crc32c(std::uint32_t sum, std::string_view bytes) {
#if defined(__x86_64__)
  static const bool fast = __builtin_cpu_supports("sse4.2") != 0;
  if (fast) return crc32c_fast(sum, bytes);
#endif
  std::uint32_t crc = ~sum;
  for (const char c : bytes) crc = (crc >> 8U) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xffU];
  return ~crc;
}

std::string crc_text(std::uint32_t sum) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::uint64_t bits = static_cast<std::uint64_t>(sum) << 4U;  // 36 bits: six letters
  std::string out;
  for (int shift = 30; shift >= 0; shift -= 6) out += letters[(bits >> static_cast<unsigned>(shift)) & 63U];
  return out + "==";
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\r': out += "&#13;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string url_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._*/";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

bool url_decode(std::string_view text, bool plus_is_space, std::string& out) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  out.clear();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      if (at + 2 >= text.size() || digit(text[at + 1]) < 0 || digit(text[at + 2]) < 0) return false;
      out += static_cast<char>(digit(text[at + 1]) * 16 + digit(text[at + 2]));
      at += 2;
    } else {
      out += text[at] == '+' && plus_is_space ? ' ' : text[at];
    }
  }
  return true;
}

std::string iso_time(Millis time) {
  const std::string millis = std::to_string(time % 1000 + 1000).substr(1);
  return formatted(time, "%Y-%m-%dT%H:%M:%S.") + millis + "Z";
}

std::string http_time(Millis time) { return formatted(time, "%a, %d %b %Y %H:%M:%S GMT"); }

bool next_element(std::string_view text, std::string_view name, std::size_t& at, std::string& inside) {
  const std::string open = "<" + std::string(name) + ">";
  const std::size_t begin = text.find(open, at);
  if (begin == std::string_view::npos) return false;
  const std::size_t end = text.find("</" + std::string(name) + ">", begin);
  if (end == std::string_view::npos) return false;
  inside = unescaped(text.substr(begin + open.size(), end - begin - open.size()));
  at = end + name.size() + 3;
  return true;
}

}  // namespace sluice::servers
