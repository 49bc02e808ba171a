#include "sluice/core/type.hpp"

#include <array>
#include <charconv>

namespace sluice {
namespace {

struct NamedKind {
  std::string_view name;
  Kind kind;
};
// The first name of a kind is the one that is printed.
constexpr std::array<NamedKind, 13> named_kinds{{
    {"text", Kind::text},
    {"int", Kind::int32},
    {"bigint", Kind::int64},
    {"float", Kind::float64},
    {"decimal", Kind::decimal},
    {"bool", Kind::boolean},
    {"date", Kind::date},
    {"timestamp", Kind::timestamp},
    {"timestamptz", Kind::timestamp_tz},
    {"uuid", Kind::uuid},
    {"json", Kind::json},
    {"bytes", Kind::bytes},
    {"boolean", Kind::boolean},
}};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<std::uint8_t> small_number(std::string_view text) {
  text = trimmed(text);
  std::uint8_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string to_string(Type type) {
  for (const NamedKind& named : named_kinds) {
    if (named.kind != type.kind) continue;
    if (type.kind != Kind::decimal) return std::string(named.name);
    return "decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
  }
  return "?";
}

std::optional<Type> parse_type(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with("decimal(") && text.ends_with(")")) {
    const std::string_view inside = text.substr(8, text.size() - 9);
    const std::size_t comma = inside.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    const auto precision = small_number(inside.substr(0, comma));
    const auto scale = small_number(inside.substr(comma + 1));
    if (!precision || !scale || *precision == 0 || *precision > 38 || *scale > *precision) return std::nullopt;
    return Type{Kind::decimal, *precision, *scale};
  }
  for (const NamedKind& named : named_kinds) {
    if (named.name == text && named.kind != Kind::decimal) return Type{named.kind};
  }
  return std::nullopt;
}

const std::vector<std::string_view>& type_names() {
  static const std::vector<std::string_view> names{"text",         "int",  "bigint", "float",
                                                   "decimal(p,s)", "bool", "date",   "timestamp",
                                                   "timestamptz",  "uuid", "json",   "bytes"};
  return names;
}

}  // namespace sluice
