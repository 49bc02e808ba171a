#include "sluice/core/object_store.hpp"

namespace sluice {
namespace {

// Matches one [...] at pattern[at]; moves `at` behind it. False with `at` unchanged: it is no class, '[' is itself.
bool match_class(std::string_view pattern, std::size_t& at, char c, bool& matched) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (std::size_t first = i; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      const auto low = static_cast<unsigned char>(pattern[i]);
      const auto high = static_cast<unsigned char>(pattern[i + 2]);
      const auto byte = static_cast<unsigned char>(c);
      found = found || (low <= byte && byte <= high);
      i += 2;
    } else {
      found = found || pattern[i] == c;
    }
  }
  if (i >= pattern.size()) return false;
  at = i + 1;
  matched = found != negated && c != '/';
  return true;
}

}  // namespace

std::string glob_prefix(std::string_view pattern) {
  return std::string(pattern.substr(0, pattern.find_first_of("*?[")));
}

bool glob_matches(std::string_view pattern, std::string_view key) {
  if (key.ends_with('/')) return false;
  // Two places to go back to: the last * (within a level) and the last ** (over levels). Enough, since what stands
  // before a star never needs to be matched anew: wherever else it could end, the star goes there, too. That holds for
  // a level's `**/` as well, which ends at beginnings of levels only: the "/" before it does so wherever it is matched.
  constexpr auto none = std::string_view::npos;
  std::size_t p = 0;
  std::size_t k = 0;
  std::size_t star_p = none;
  std::size_t star_k = 0;
  std::size_t stars_p = none;
  std::size_t stars_k = 0;
  bool whole_levels = false;  // the last ** stands for whole levels, or none
  const auto stars_stand_for_more = [&] {
    if (!whole_levels) return stars_k++ < key.size();
    const std::size_t slash = key.find('/', stars_k);
    stars_k = slash + 1;
    return slash != none;
  };
  while (true) {
    if (pattern.substr(p).starts_with("**")) {
      whole_levels = (p == 0 || pattern[p - 1] == '/') && pattern.substr(p + 2).starts_with('/');
      p += whole_levels ? 3 : 2;
      stars_p = p;
      stars_k = k;
      star_p = none;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '*') {
      star_p = ++p;
      star_k = k;
      continue;
    }
    if (k == key.size()) {
      if (p == pattern.size()) return true;
    } else if (p < pattern.size()) {
      bool matched = false;
      std::size_t after = p;
      if (pattern[p] == '?') {
        matched = key[k] != '/';
        ++after;
      } else if (pattern[p] != '[' || !match_class(pattern, after, key[k], matched)) {
        matched = pattern[p] == key[k];
        after = p + 1;
      }
      if (matched) {
        p = after;
        ++k;
        continue;
      }
    }
    if (star_p != none && star_k < key.size() && key[star_k] != '/') {
      p = star_p;
      k = ++star_k;
    } else if (stars_p != none && stars_stand_for_more()) {
      p = stars_p;
      k = stars_k;
      star_p = none;
    } else {
      return false;
    }
  }
}

Result<std::vector<ObjectFacts>> find_objects(ObjectStore& store, const ObjectNames& names) {
  std::vector<ObjectFacts> found;
  if (names.by == ObjectNames::By::key) {
    if (names.text.ends_with('/'))
      return fail(Fault::config, store.uri(names.text) + " is a folder marker, which is never read",
                  "give an object's whole key; a flow takes what stands below by `prefix`");
    SLUICE_TRY(auto facts, store.head(names.text));
    if (!facts) return fail(Fault::conflict, "there is no object " + store.uri(names.text), "check bucket and key");
    found.push_back(*std::move(facts));
    return found;
  }
  const bool glob = names.by == ObjectNames::By::glob;
  SLUICE_CHECK(store.list(glob ? glob_prefix(names.text) : names.text, [&](ObjectFacts facts) {
    if (glob ? glob_matches(names.text, facts.key) : !facts.key.ends_with('/')) found.push_back(std::move(facts));
    return true;
  }));
  return found;
}

}  // namespace sluice
