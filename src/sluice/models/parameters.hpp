// Values put into SQL as psql does it: :name, :'name' (a text), :"name" (an identifier).
//
// Nothing is put in inside quotes, dollar quotes and comments; `::` is a cast, and `\:` a colon. Stricter than psql in
// two points: a name that has no value is an error, and what :name puts in is one word or one number, so that no value
// can change what the statement does.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::models {

// One thread. It remembers which of its values were asked for.
class ParameterValues {
 public:
  using Map = std::map<std::string, std::string, std::less<>>;
  ParameterValues() = default;
  explicit ParameterValues(Map values) : values_(std::move(values)) {}

  // Null: there is none.
  const std::string* find(const std::string& name) const;
  std::vector<std::string> names() const;
  std::vector<std::string> asked() const { return {asked_.begin(), asked_.end()}; }

 private:
  Map values_;
  mutable std::set<std::string> asked_;
};

// `place` is that of the first character of `sql`. Errors (config) say file:line:column and the name, never a value.
Result<std::string> put_in_parameters(const std::string& sql, const ParameterValues& values, const Place& place);

}  // namespace sluice::models
