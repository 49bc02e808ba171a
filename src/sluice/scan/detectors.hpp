// What personal data looks like: one row a kind, with how much its look and its name prove.
#pragma once

#include <span>
#include <string_view>

namespace sluice::scan {

struct Detector {
  std::string_view name;  // for people: "payment card"
  std::string_view tag;   // what `pii:` is to say; empty: not personal by itself
  bool (*matches)(std::string_view value);
  // How sure a column is of this kind, 0 to 1, when its values match and its name
  double alone;   // says nothing,
  double named;   // says so too.
  double chance;  // the share of values of an unrelated column of the same look that match by accident
  double full;    // the share above `chance` that counts as all: a column of mixed values is personal, too
  bool inside;    // also looked for among the words of a longer text
  // Words of column names, with _ between where several belong together, in English, Estonian, Finnish, Swedish,
  // German.
  std::string_view words;
  std::string_view against;  // words that say it is something else that looks alike
};

// Of two that are as sure, the first is taken: those that prove more stand first.
std::span<const Detector> detectors();

// Whether a column of this name may hold what `words` say: "customerEmail" has the word email.
bool has_word(std::string_view column, std::string_view words);

}  // namespace sluice::scan
