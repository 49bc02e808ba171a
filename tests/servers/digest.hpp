// The hashes that SQS answers and request signatures need, over OpenSSL, and their text forms.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::servers {

using Md5 = std::array<std::uint8_t, 16>;
using Sha256 = std::array<std::uint8_t, 32>;

Md5 md5(std::string_view bytes);
Sha256 sha256(std::string_view bytes);
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);

// Nothing when the text is no base64.
bool decode_base64(std::string_view text, std::string& bytes);

void append_hex(std::string& out, const std::uint8_t* bytes, std::size_t size);

template <std::size_t N>
std::string hex(const std::array<std::uint8_t, N>& bytes) {
  std::string out;
  append_hex(out, bytes.data(), N);
  return out;
}
template <std::size_t N>
std::string_view as_text(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

}  // namespace sluice::servers
