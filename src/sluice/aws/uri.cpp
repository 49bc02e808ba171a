#include "sluice/aws/uri.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice::aws {
namespace {

constexpr bool is_alphanumeric(unsigned char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

constexpr std::array<bool, 256> make_unreserved() {
  std::array<bool, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    table[byte] =
        is_alphanumeric(static_cast<unsigned char>(byte)) || byte == '-' || byte == '.' || byte == '_' || byte == '~';
  }
  return table;
}
constexpr std::array<bool, 256> unreserved = make_unreserved();

// 16 or more: no hex digit.
unsigned hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return 16;
}

void encode(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += digits[byte >> 4U];
  out += digits[byte & 15U];
}

// Nothing that curl could read in another way than we do: "127.1", "0x7f.1" and names with
// user parts or backslashes must not pass for what they are not.
bool is_host_character(char c) {
  return is_alphanumeric(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  unsigned port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port >= 1 && port <= 65535;
}

}  // namespace

std::optional<Url> split_url(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '#' || c == '\\') return {};
  }
  Url url;
  std::size_t start = 0;
  if (text.starts_with("https://")) {
    url.https = true;
    start = 8;
  } else if (text.starts_with("http://")) {
    start = 7;
  } else {
    return {};
  }
  std::size_t end = text.find_first_of("/?", start);
  if (end == std::string_view::npos) end = text.size();
  url.origin = text.substr(0, end);
  url.authority = text.substr(start, end - start);

  std::string_view port;
  bool has_port = false;
  if (url.authority.starts_with('[')) {
    const std::size_t close = url.authority.find(']');
    if (close == std::string_view::npos) return {};
    url.host = url.authority.substr(1, close - 1);
    in6_addr address{};
    if (inet_pton(AF_INET6, std::string(url.host).c_str(), &address) != 1) return {};
    const std::string_view rest = url.authority.substr(close + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port) return {};
    if (has_port) port = rest.substr(1);
  } else {
    const std::size_t colon = url.authority.find(':');
    has_port = colon != std::string_view::npos;
    url.host = url.authority.substr(0, colon);
    if (has_port) port = url.authority.substr(colon + 1);
    if (url.host.empty() || !std::all_of(url.host.begin(), url.host.end(), is_host_character)) return {};
  }
  if (has_port && !is_port(port)) return {};
  if (has_port && port == (url.https ? "443" : "80")) url.authority.remove_suffix(port.size() + 1);

  const std::string_view rest = text.substr(end);
  const std::size_t question = rest.find('?');
  url.path = rest.substr(0, question);
  if (question != std::string_view::npos) url.query = rest.substr(question + 1);
  return url;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const std::string text(host);
  in_addr four{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24U == 127;
  in6_addr six{};
  return inet_pton(AF_INET6, text.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool is_metadata_address(std::string_view host) {
  return host == "169.254.169.254" || host == "169.254.170.2" || host == "169.254.170.23" || host == "fd00:ec2::254" ||
         host == "fd00:ec2::23";
}

void percent_encode_to(std::string& out, std::string_view text, bool keep_slash) {
  for (const char c : text) {
    if (unreserved[static_cast<unsigned char>(c)] || (keep_slash && c == '/')) {
      out += c;
    } else {
      encode(out, c);
    }
  }
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  percent_encode_to(out, text, keep_slash);
  return out;
}

void percent_encode_anew_to(std::string& out, std::string_view text, bool keep_slash) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (unreserved[static_cast<unsigned char>(c)] || (keep_slash && c == '/')) {
      out += c;
    } else if (c == '%' && at + 2 < text.size() && hex_value(text[at + 1]) < 16 && hex_value(text[at + 2]) < 16) {
      const auto byte = static_cast<unsigned char>(hex_value(text[at + 1]) * 16 + hex_value(text[at + 2]));
      percent_encode_to(out, std::string_view(reinterpret_cast<const char*>(&byte), 1), false);
      at += 2;
    } else {
      encode(out, c);
    }
  }
}

}  // namespace sluice::aws
