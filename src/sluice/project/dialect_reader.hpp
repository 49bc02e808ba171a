// How an object's rows are written, as a flow's `from` or `into` says it; and keys whose value is one of a few words.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "sluice/core/words.hpp"
#include "sluice/objects/format.hpp"
#include "sluice/project/reader.hpp"

namespace sluice::project {

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

Result<void> read_dialect(const Node& node, const Variables& variables, objects::Dialect& dialect);

}  // namespace sluice::project
