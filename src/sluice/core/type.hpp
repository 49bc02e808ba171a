// The types a value can have between source and sink, and how each lies in memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

__extension__ typedef __int128 Int128;  // g++ has it, ISO C++ does not

// In a Vector, one value takes:
enum class Kind : std::uint8_t {
  boolean,       // 1 byte, 0 or 1
  int32,         // std::int32_t
  int64,         // std::int64_t
  float64,       // double
  decimal,       // Int128: the number times 10^scale
  text,          // Text, valid UTF-8
  bytes,         // Text, any bytes
  date,          // std::int32_t: days since 1970-01-01
  timestamp,     // std::int64_t: microseconds since 1970-01-01 00:00, no time zone
  timestamp_tz,  // std::int64_t: microseconds since 1970-01-01 00:00 UTC
  uuid,          // 16 bytes, in the order they are printed
  json,          // Text, valid JSON
};

struct Type {
  Kind kind = Kind::text;
  std::uint8_t precision = 0;  // decimal only: digits in all, at most 38
  std::uint8_t scale = 0;      // decimal only: digits after the point

  bool operator==(const Type&) const = default;
};

// "decimal(10,2)", "text", ... as a project file writes it (int64 is "bigint").
std::string to_string(Type type);
// The other way; empty if there is no such type.
std::optional<Type> parse_type(std::string_view text);
// The names of all types, for messages and the schema ("decimal(p,s)" for decimal).
const std::vector<std::string_view>& type_names();

struct Field {
  std::string name;
  Type type;
};
using Schema = std::vector<Field>;

}  // namespace sluice
