#include "sluice/project/variables.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>

#include "sluice/core/words.hpp"

namespace sluice::project {
namespace {

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

bool Variables::is_name(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front())) != 0) return false;
  return std::ranges::all_of(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
}

Result<void> Variables::read_dot_env(const std::string& file) {
  std::ifstream in(file);
  if (!in) return {};
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    line = trimmed(line);
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    const std::size_t equals = line.find('=');
    const std::string name = trimmed(line.substr(0, equals));
    if (equals == std::string::npos || !is_name(name)) {
      return fail(Fault::config, file + ":" + std::to_string(number) + ":1: is not NAME=VALUE");
    }
    std::string value = trimmed(line.substr(equals + 1));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    dot_env_[name] = value;
  }
  return {};
}

std::map<std::string, std::string, std::less<>> Variables::values() const {
  std::map<std::string, std::string, std::less<>> out(command_line_.begin(), command_line_.end());
  out.insert(defined_.begin(), defined_.end());
  return out;
}

std::optional<std::string> Variables::given(const std::string& name) const {
  const auto found = command_line_.find(name);
  return found == command_line_.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, std::string> Variables::strange(const std::vector<std::string>& also_named) const {
  std::set<std::string> known(also_named.begin(), also_named.end());
  known.insert(asked_.begin(), asked_.end());
  for (const auto& [name, unused] : defined_) known.insert(name);
  const std::vector<std::string> names(known.begin(), known.end());
  std::map<std::string, std::string> out;
  for (const auto& [name, unused] : command_line_) {
    if (!known.contains(name)) out[name] = nearest(name, names);
  }
  return out;
}

std::optional<std::string> Variables::find(const std::string& name) const {
  asked_.insert(name);
  for (const auto* values : {&command_line_, &defined_}) {
    if (const auto found = values->find(name); found != values->end()) return found->second;
  }
  if (auto value = environment_(name)) return value;
  if (const auto found = dot_env_.find(name); found != dot_env_.end()) return found->second;
  return std::nullopt;
}

Result<std::string> Variables::expand(const std::string& text, const Place& place) const {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '$' || at + 1 == text.size()) {
      out += text[at++];
      continue;
    }
    if (text[at + 1] == '$') {
      out += '$';
      at += 2;
      continue;
    }
    if (text[at + 1] != '{') {
      out += text[at++];
      continue;
    }
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos)
      return fail(Fault::config, place.text() + ": ${ without its }", "write $$ for a dollar");
    const std::string inside = text.substr(at + 2, end - at - 2);
    at = end + 1;
    const std::size_t colon = inside.find(':');
    const std::string name = inside.substr(0, colon);
    const std::string rest = colon == std::string::npos ? "" : inside.substr(colon + 1);
    if (!is_name(name) || (colon != std::string::npos && !rest.starts_with('-') && !rest.starts_with('?')) ||
        rest.find("${") != std::string::npos) {
      return fail(Fault::config, place.text() + ": a variable is ${NAME}, ${NAME:-default} or ${NAME:?message}");
    }
    const std::optional<std::string> value = find(name);
    // As in a shell, an empty variable takes the default too.
    if (value && (!value->empty() || rest.empty())) {
      out += *value;
    } else if (rest.starts_with('-')) {
      out += rest.substr(1);
    } else if (rest.starts_with('?')) {
      return fail(Fault::config, place.text() + ": variable " + name + ": " + rest.substr(1));
    } else {
      std::vector<std::string> known;
      for (const auto& [defined, unused] : defined_) known.push_back(defined);
      for (const auto& [given, unused] : command_line_) known.push_back(given);
      const std::string near = nearest(name, known);
      return fail(Fault::config, place.text() + ": variable " + name + " is not set",
                  near.empty() ? "set it in the environment, in .env beside the file, or by --var " + name + "=..."
                               : "did you mean '" + near + "'?");
    }
  }
  return out;
}

}  // namespace sluice::project
