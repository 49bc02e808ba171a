#include "sluice/assembly/json_keys.hpp"

#include <algorithm>

#include "sluice/scan/header.hpp"

namespace sluice::assembly {
namespace {

constexpr std::size_t keys_max = 200;
constexpr std::size_t objects_max = 4000;  // a map of objects has one a key, in each row other ones

// A field that is left out of most rows is told if it comes this often,
constexpr std::uint64_t seldom_min = 2;
// and there are so few such fields, with twice as many beside them that most rows have.
constexpr std::uint64_t seldom_max = 3;

// What stands for keys and items is none itself.
bool is_stand_in(const std::string& key) { return key == "[]" || key == "*" || key == keys_column; }

}  // namespace

void JsonKeys::Objects::count_key(const std::string& key, std::uint64_t times) {
  if (keys.size() < keys_max || keys.contains(key)) {
    keys[key] += times;
  } else {
    many = true;
  }
}

void JsonKeys::Objects::add(const Objects& other) {
  count += other.count;
  for (const auto& [key, times] : other.keys) count_key(key, times);
  many = many || other.many;
  all_numbers = all_numbers && other.all_numbers;
  if (other.keys.empty()) return;
  if (keys_of_first.empty()) keys_of_first = other.keys_of_first;
  all_alike = all_alike && other.all_alike && keys_of_first == other.keys_of_first;
}

void JsonKeys::add(const Path& path, const nlohmann::json& object) {
  full_ = full_ || objects_.size() == objects_max;
  if (full_ && !objects_.contains(path)) return;
  is_decided_ = false;
  Objects& seen = objects_[path];
  ++seen.count;
  for (const auto& [key, value] : object.items()) {
    seen.count_key(key, 1);
    seen.all_numbers = seen.all_numbers && (value.is_number() || value.is_boolean());
    std::string keys;
    if (value.is_object()) {
      for (const auto& [below, unused] : value.items()) keys += below + '\0';
      if (seen.keys_of_first.empty()) seen.keys_of_first = keys;
    }
    seen.all_alike = seen.all_alike && !keys.empty() && keys == seen.keys_of_first;
  }
}

void JsonKeys::trust(const Path& path) {
  for (std::size_t size = 1; size <= path.size(); ++size)
    trusted_.emplace(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(size));
  is_decided_ = false;
}

std::set<std::string> JsonKeys::told_of(const Objects& objects, bool top) {
  std::set<std::string> told;
  std::vector<std::string> seldom;  // and of no known word
  std::size_t steady = 0;
  const bool is_map = !top && (objects.all_numbers || (objects.all_alike && objects.keys.size() > 1));
  for (const auto& [key, times] : objects.keys) {
    const bool is_steady = times * 2 > objects.count;
    const bool is_field = scan::is_field_name(key);
    steady += is_steady ? 1 : 0;
    if (is_field && (scan::is_known_name(key) || (is_steady && !is_map))) {
      told.insert(key);
    } else if (!is_steady) {
      seldom.push_back(key);
    }
  }
  if (is_map || objects.many || seldom.size() > seldom_max || seldom.size() * 2 > steady) return told;
  for (const std::string& key : seldom) {
    if (scan::is_field_name(key) && objects.keys.at(key) >= seldom_min) told.insert(key);
  }
  return told;
}

bool JsonKeys::judge(const Path& shown_outer, const Path& path) const {
  const std::string& key = path.back();
  if (is_stand_in(key) || trusted_.contains(path)) return true;
  const auto told = told_.find(shown_outer);
  if (told == told_.end()) return !full_;
  return told->second.contains(key) || (scan::is_field_name(key) && scan::is_known_name(key));
}

// With * for the keys that are not told.
JsonKeys::Path JsonKeys::shown_of(const Path& path) const {
  Path shown;
  Path upto;
  for (const std::string& key : path) {
    upto.push_back(key);
    shown.push_back(judge(shown, upto) ? key : "*");
  }
  return shown;
}

// From the outside in: which objects are one place depends on which keys above them are told.
void JsonKeys::decide() const {
  told_.clear();
  std::size_t depth = 0;
  for (const auto& [path, unused] : objects_) depth = std::max(depth, path.size());
  for (std::size_t size = 0; size <= depth; ++size) {
    std::map<Path, Objects> places;
    for (const auto& [path, objects] : objects_) {
      if (path.size() == size) places[shown_of(path)].add(objects);
    }
    for (const auto& [shown, objects] : places) told_[shown] = told_of(objects, shown.empty());
  }
  is_decided_ = true;
}

bool JsonKeys::is_name(const Path& path) const {
  if (path.empty()) return true;
  if (!is_decided_) decide();
  return judge(shown_of(Path(path.begin(), path.end() - 1)), path);
}

}  // namespace sluice::assembly
