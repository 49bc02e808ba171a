// Base64 with the URL alphabet and without padding (RFC 4648, 5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::mask {

constexpr std::size_t base64url_size(std::size_t bytes) { return (bytes * 4 + 2) / 3; }

// Writes base64url_size(bytes.size()) characters.
void base64url_encode(std::span<const std::uint8_t> bytes, char* out);

// Strict: no padding, no space, unused bits zero, so that each text has one meaning and each meaning one
// text. False leaves `out` empty.
bool base64url_decode(std::string_view text, std::string& out);

}  // namespace sluice::mask
