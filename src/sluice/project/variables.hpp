// Variables of a project file: ${NAME}, ${NAME:-default}, ${NAME:?message}, $$ for a dollar.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::project {

class Variables {
 public:
  using Lookup = std::function<std::optional<std::string>(const std::string&)>;

  Variables(std::map<std::string, std::string> from_command_line, Lookup environment)
      : command_line_(std::move(from_command_line)), environment_(std::move(environment)) {}

  // Letters, digits and _, not first a digit.
  static bool is_name(std::string_view name);

  // NAME=VALUE a line, # for comments, values may be quoted. A file that is not there is none.
  // Errors (config) name file and line.
  Result<void> read_dot_env(const std::string& file);
  // A variable of the file itself; --var wins over it.
  void define(const std::string& name, std::string value) { defined_[name] = std::move(value); }

  // By --var. Empty: it was not.
  std::optional<std::string> given(const std::string& name) const;
  // Given by --var, and so far neither defined by the file nor asked for by find() or expand(): each with the nearest
  // name that is, or an empty one.
  std::map<std::string, std::string> strange(const std::vector<std::string>& also_named) const;

  // `text` with its variables put in. Errors (config) name the place and the variable, never a value.
  Result<std::string> expand(const std::string& text, const Place& place) const;
  // Of the file and of the command line: those that SQL may name.
  std::map<std::string, std::string, std::less<>> values() const;
  // --var, then the file's own, then the environment, then .env.
  std::optional<std::string> find(const std::string& name) const;

 private:
  std::map<std::string, std::string> command_line_;
  std::map<std::string, std::string> defined_;
  std::map<std::string, std::string> dot_env_;
  Lookup environment_;
  mutable std::set<std::string> asked_;
};

}  // namespace sluice::project
