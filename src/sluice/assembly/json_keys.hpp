// Which keys of sampled JSON are names of fields, and which may be values: {"friends": {"ann": {...}, "bob": {...}}}.
//
// A key is taken for a name where it looks like one and its object does not look like a map from values to something.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::assembly {

// The column of keys that are values themselves.
inline constexpr std::string_view keys_column = "(its keys)";

class JsonKeys {
 public:
  using Path = std::vector<std::string>;  // of keys and "[]", from the outside in

  void add(const Path& path, const nlohmann::json& object);
  // Whether the last key of the path may be told. True of what stands in no object that was added,
  // as long as all of them are kept.
  bool is_name(const Path& path) const;

 private:
  struct Objects {
    std::uint64_t count = 0;
    std::map<std::string, std::uint64_t> keys;  // at most keys_max; more are a map in any case
    bool many = false;
    bool all_numbers = true;    // or booleans
    bool all_alike = true;      // objects with the same keys
    std::string keys_of_first;  // of the first of them
  };
  static bool is_map(const Objects& objects, bool top);

  std::map<Path, Objects> objects_;
  bool full_ = false;  // others were not kept, and nothing of theirs is told
};

}  // namespace sluice::assembly
