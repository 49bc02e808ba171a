#include "sluice/models/assignment.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <string>

namespace sluice::models {
namespace {

enum class Family { whole, decimal, floating, text, date, timestamp, timestamp_tz, json };

struct Named {
  std::string_view name;
  Family family;
  int size = 0;  // whole: digits that it may have; floating: digits that it holds; timestamps: of a second
};

constexpr int any_digits = 1000;

constexpr std::array named{
    Named{"smallint", Family::whole, 5},
    Named{"integer", Family::whole, 10},
    Named{"bigint", Family::whole, 19},
    Named{"tinyint", Family::whole, 3},
    Named{"utinyint", Family::whole, 3},
    Named{"usmallint", Family::whole, 5},
    Named{"uinteger", Family::whole, 10},
    Named{"ubigint", Family::whole, 20},
    Named{"hugeint", Family::whole, 39},
    Named{"uhugeint", Family::whole, 39},
    Named{"numeric", Family::decimal, any_digits},
    Named{"decimal", Family::decimal, any_digits},
    Named{"real", Family::floating, 6},
    Named{"float", Family::floating, 6},
    Named{"double precision", Family::floating, 15},
    Named{"double", Family::floating, 15},
    Named{"text", Family::text},
    Named{"character varying", Family::text},
    Named{"character", Family::text},
    Named{"bpchar", Family::text},  // what max() and coalesce() of a character(3) give
    Named{"name", Family::text},
    Named{"varchar", Family::text},
    Named{"date", Family::date},
    Named{"timestamp_s", Family::timestamp, 0},
    Named{"timestamp_ms", Family::timestamp, 3},
    Named{"timestamp", Family::timestamp, 6},
    Named{"timestamp without time zone", Family::timestamp, 6},
    Named{"timestamp_ns", Family::timestamp, 9},
    Named{"timestamp with time zone", Family::timestamp_tz, 6},
    Named{"timestamptz", Family::timestamp_tz, 6},
    Named{"json", Family::json},
    Named{"jsonb", Family::json},
};

struct Shape {
  std::string name;  // without what stands in brackets
  Family family;
  int size = 0;  // of a decimal: its digits
  int scale = 0;
};

// "timestamp(3) without time zone": what stands in brackets may have words behind it.
std::optional<Shape> shape_of(std::string_view type) {
  std::string name;
  std::string_view inside;
  const std::size_t open = type.find('(');
  const std::size_t close = type.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    name = type;
  } else {
    inside = type.substr(open + 1, close - open - 1);
    name = std::string(type.substr(0, open)) + std::string(type.substr(close + 1));
  }
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const Named& one : named) {
    if (one.name != name) continue;
    Shape shape{name, one.family, one.size};
    if (inside.empty() || one.family == Family::text) return shape;
    const char* end = inside.data() + inside.size();
    const auto [rest, error] = std::from_chars(inside.data(), end, shape.size);
    if (error != std::errc()) return std::nullopt;
    if (rest != end && std::from_chars(rest + 1, end, shape.scale).ec != std::errc()) return std::nullopt;
    return shape;
  }
  return std::nullopt;
}

bool into_decimal(const Shape& from, const Shape& to) {
  if (to.size == any_digits) return true;
  if (from.family == Family::whole) return to.scale >= 0;
  return from.size != any_digits && from.scale <= to.scale;
}

bool into_floating(const Shape& from, const Shape& to) { return from.size <= to.size; }

}  // namespace

bool assignable(std::string_view from, std::string_view to) {
  if (from == to) return true;
  const auto given = shape_of(from);
  const auto taken = shape_of(to);
  if (!given || !taken) return false;
  switch (taken->family) {
    case Family::whole: return given->family == Family::whole;
    case Family::decimal:
      return (given->family == Family::whole || given->family == Family::decimal) && into_decimal(*given, *taken);
    case Family::floating:
      return (given->family == Family::whole || given->family == Family::decimal ||
              given->family == Family::floating) &&
             into_floating(*given, *taken);
    case Family::text: return taken->name != "name" && (given->family == Family::text || given->family == Family::json);
    case Family::date: return given->family == Family::date;
    case Family::timestamp:
      return given->family == Family::date || (given->family == Family::timestamp && given->size <= taken->size);
    case Family::timestamp_tz: return given->family == Family::timestamp_tz && given->size <= taken->size;
    case Family::json: return given->family == Family::json || given->name == "varchar";
  }
  return false;
}

}  // namespace sluice::models
