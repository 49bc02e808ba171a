#include "sluice/project/vars_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "sluice/project/reader.hpp"

namespace sluice::project {
namespace {

bool is_whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

enum class VarType { text, whole, date };
constexpr std::array type_words{std::pair("text", VarType::text), std::pair("int", VarType::whole),
                                std::pair("date", VarType::date)};

// Empty: `text` is a value of the type.
std::string_view wanted_instead(VarType type, std::string_view text) {
  if (type == VarType::whole && !is_whole_number(text)) return "a whole number";
  if (type == VarType::date && !is_date(text)) return "a day, written as 2022-09-05";
  return {};
}

class VarsReader {
 public:
  VarsReader(const std::map<std::string, std::string>& built_in, Variables& variables)
      : built_in_(built_in), variables_(variables) {}

  Result<void> read(const Node& node) {
    if (node.kind != Node::Kind::map) return wrong_shape(node, "'vars'", "a map of names and values");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const std::string& name = node.keys[i];
      if (built_in_.contains(name)) {
        return fail(Fault::config, node.key_places[i].text() + ": variable '" + name + "' is built in",
                    "take another name; --var " + name + "=... gives it another value for one run");
      }
      if (node.items[i].kind == Node::Kind::map) {
        SLUICE_CHECK(read_typed(name, node.items[i], node.key_places[i]));
      } else {
        SLUICE_TRY(std::string value, read_text(node.items[i], name, variables_));
        variables_.define(name, std::move(value));
      }
    }
    return {};
  }

 private:
  // { type: date, default: VALUE, one_of: [...] }: the value that holds for this run is of that type.
  Result<void> read_typed(const std::string& name, const Node& node, const Place& place) {
    SLUICE_CHECK(check_keys(node, var_keys, "variable '" + name + "'"));
    SLUICE_TRY(const VarType type, read_word(node, "type", type_words, VarType::text, variables_));
    std::vector<std::string> allowed;
    if (const Node* one_of = node.find("one_of")) {
      SLUICE_TRY(allowed, read_names(*one_of, "one_of", "a list of values", variables_));
    }
    std::optional<std::string> value = variables_.given(name);
    if (const Node* preset = node.find("default"); preset != nullptr && !value) {
      SLUICE_TRY(value, read_text(*preset, "default", variables_));
    }
    if (!value) value = variables_.find(name);
    if (!value) {
      return fail(Fault::config, place.text() + ": variable " + name + " is not set",
                  "give it by --var " + name + "=...");
    }
    if (const std::string_view wanted = wanted_instead(type, *value); !wanted.empty())
      return fail(Fault::config, place.text() + ": variable " + name + " must be " + std::string(wanted));
    if (!allowed.empty() && std::ranges::find(allowed, *value) == allowed.end()) {
      return fail(Fault::config, place.text() + ": variable " + name + " is one of " + join(allowed, ", "));
    }
    variables_.define(name, *std::move(value));
    return {};
  }

  const std::map<std::string, std::string>& built_in_;
  Variables& variables_;
};

}  // namespace

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const auto number = [&](std::size_t at, std::size_t length) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + length, value);
    return error == std::errc() && end == text.data() + at + length ? value : 0;
  };
  const std::chrono::year_month_day day{std::chrono::year(static_cast<int>(number(0, 4))),
                                        std::chrono::month(number(5, 2)), std::chrono::day(number(8, 2))};
  return number(0, 4) > 0 && day.ok();
}

Result<void> read_vars(const Node& node, const std::map<std::string, std::string>& built_in, Variables& variables) {
  return VarsReader(built_in, variables).read(node);
}

}  // namespace sluice::project
