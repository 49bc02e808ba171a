// Reads parts of the tree by their rules: what every level of a project file has in common.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sluice/core/words.hpp"
#include "sluice/project/connector.hpp"
#include "sluice/project/grammar.hpp"
#include "sluice/project/tree.hpp"
#include "sluice/project/variables.hpp"

namespace sluice::project {

// The map `node` has only keys of these rules, and every required one. `what` is "a flow", "the project", ...
Result<void> check_keys(const Node& node, std::span<const KeyRule> rules, const std::string& what);
Result<void> check_keys(const Node& node, const std::vector<std::string>& known, const std::string& what);

// A scalar with its variables put in; a map, a list or nothing is an error that names `key`.
Result<std::string> read_text(const Node& node, const std::string& key, const Variables& variables);
Result<bool> read_boolean(const Node& node, const std::string& key, const Variables& variables);

Result<std::int64_t> read_integer(const Node& node, const std::string& key, std::int64_t least, std::int64_t most,
                                  const Variables& variables);
// A name, or a list of them, which may be empty.
Result<std::vector<std::string>> read_names(const Node& node, const std::string& key, const std::string& wanted,
                                            const Variables& variables);

template <class T, std::size_t N>
using Words = std::array<std::pair<const char*, T>, N>;

// One of `words`, or what stands for a key that is not there.
template <class T, std::size_t N>
Result<T> read_word(const Node& node, const char* key, const Words<T, N>& words, T otherwise,
                    const Variables& variables) {
  const Node* value = node.find(key);
  if (value == nullptr) return otherwise;
  SLUICE_TRY(const std::string text, read_text(*value, key, variables));
  std::vector<std::string> known;
  for (const auto& [word, meaning] : words) {
    if (text == word) return meaning;
    known.emplace_back(word);
  }
  return fail(Fault::config, value->place.text() + ": '" + key + "' is one of " + join(known, ", "),
              did_you_mean_near(text, known));
}

tl::unexpected<Error> wrong_shape(const Node& node, const std::string& key, const std::string& wanted);

// Whether a connection of this role may have the key, which is one of connection_keys.
bool fits(const KeyRule& rule, Role role);

// Letters, digits, _ and -, not first a digit; at most 63 characters.
bool is_plain_name(const std::string& name);

}  // namespace sluice::project
