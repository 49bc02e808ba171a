// Which keys of sampled JSON are names of fields, and which may be values: {"friends": {"ann": {...}, "bob": {...}}}.
//
// Each key is judged by how many of the objects at its place have it, and by how many others come as seldom. A key is
// not told unless that speaks for a name: a name shown as * can be borne, a value shown cannot.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
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
  // What the project file names is told in any case.
  void trust(const Path& path);
  // Whether the last key of the path may be told. True of what stands in no object that was added,
  // as long as all of them are kept.
  bool is_name(const Path& path) const;

 private:
  struct Objects {
    std::uint64_t count = 0;
    std::map<std::string, std::uint64_t> keys;  // of the first of them, at most keys_max; the others are not told
    bool many = false;                          // there are others
    bool all_numbers = true;                    // or booleans
    bool all_alike = true;                      // objects with the same keys
    std::string keys_of_first;                  // of the first of them

    void add(const Objects& other);
    void count_key(const std::string& key, std::uint64_t times);
  };
  static std::set<std::string> told_of(const Objects& objects, bool top);

  bool judge(const Path& shown_outer, const Path& path) const;
  Path shown_of(const Path& path) const;
  void decide() const;

  std::map<Path, Objects> objects_;
  std::set<Path> trusted_;
  bool full_ = false;  // others were not kept
  // The keys that are told, by what is shown of their object's path: objects below keys that are not told are one
  // place.
  mutable std::map<Path, std::set<std::string>> told_;
  mutable bool is_decided_ = false;
};

}  // namespace sluice::assembly
