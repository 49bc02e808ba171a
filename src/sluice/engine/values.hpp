// Text to values, strictly: all of the text or nothing. No locale, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/core/type.hpp"

namespace sluice::engine {

enum class Parsed { ok, malformed, out_of_range };

Parsed parse_int32(std::string_view text, std::int32_t& out);
Parsed parse_int64(std::string_view text, std::int64_t& out);
Parsed parse_float64(std::string_view text, double& out);  // NaN and infinities in the words of is_not_finite()
// NaN, Infinity and -Infinity, as an export writes them.
bool is_not_finite(std::string_view text);
// Into the number times 10^scale. More digits after the point than `scale` are out of range
// unless they are zeros: nothing is rounded silently.
Parsed parse_decimal(std::string_view text, unsigned precision, unsigned scale, Int128& out);
// "2022-09-05", years 0001 to 9999: days since 1970-01-01.
Parsed parse_date(std::string_view text, std::int32_t& out);
// "2022-09-05T10:11:12.345678Z", 'T' or a space, fraction of up to 6 digits, seconds may be missing.
// A zone (Z or +hh:mm) is required for `zoned`, refused otherwise: microseconds since 1970 (UTC).
Parsed parse_timestamp(std::string_view text, bool zoned, std::int64_t& out);
// 36 characters with dashes: 16 bytes as printed.
Parsed parse_uuid_bytes(std::string_view text, std::array<std::uint8_t, 16>& out);
// Base64 (RFC 4648, with padding), or `\x` and two hex digits a byte, as an export writes them. No base64 holds a `\`.
// Into `out`, which has room for text.size() bytes and may be the text's own; gives the length.
std::optional<std::size_t> parse_bytes(std::string_view text, char* out);
// Whether a token is a JSON number (RFC 8259, section 6).
bool is_json_number(std::string_view token);
// Code points in valid UTF-8.
std::size_t characters(std::string_view text);

}  // namespace sluice::engine
