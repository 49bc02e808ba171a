// The contract of one input row: which fields, of which type, what is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/type.hpp"

namespace sluice {

struct RecordField {
  std::string name;
  Type type;
  bool nullable = false;
  std::optional<std::uint32_t> max{};         // text: characters (code points), bytes for `bytes`
  std::optional<std::string> default_text{};  // JSON text of the value a missing field gets
  std::vector<std::string> one_of{};          // text of the allowed values; empty: any
  std::string pattern{};                      // RE2, must match the whole text; empty: any
  std::vector<std::string> path{};            // where the value stands in a nested body; empty: {name}
  std::string pii{};  // kind of personal data: a word of grammar.hpp (ip, email, ...); empty: none
};

struct Record {
  enum class Extra { ignore, reject };
  std::vector<RecordField> fields;
  Extra extra = Extra::ignore;  // what a field that is not named here does
};

}  // namespace sluice
