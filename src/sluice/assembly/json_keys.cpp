#include "sluice/assembly/json_keys.hpp"

#include <algorithm>

#include "sluice/scan/header.hpp"

namespace sluice::assembly {
namespace {

constexpr std::size_t keys_max = 200;
constexpr std::size_t objects_max = 4000;  // a map of objects has one a key, in each row other ones

}  // namespace

void JsonKeys::add(const Path& path, const nlohmann::json& object) {
  full_ = full_ || objects_.size() == objects_max;
  if (full_ && !objects_.contains(path)) return;
  Objects& seen = objects_[path];
  ++seen.count;
  for (const auto& [key, value] : object.items()) {
    if (seen.keys.size() < keys_max || seen.keys.contains(key)) {
      ++seen.keys[key];
    } else {
      seen.many = true;
    }
    seen.all_numbers = seen.all_numbers && (value.is_number() || value.is_boolean());
    std::string keys;
    if (value.is_object()) {
      for (const auto& [below, unused] : value.items()) keys += below + '\0';
      if (seen.keys_of_first.empty()) seen.keys_of_first = keys;
    }
    seen.all_alike = seen.all_alike && !keys.empty() && keys == seen.keys_of_first;
  }
}

bool JsonKeys::is_map(const Objects& objects, bool top) {
  if (objects.many) return true;
  std::uint64_t most = 0;
  for (const auto& [unused, count] : objects.keys) most = std::max(most, count);
  // Fields come again and again; what most rows do not share is no field.
  if (objects.count >= 4 && most * 2 < objects.count) return true;
  if (top) return false;
  return objects.all_numbers || (objects.all_alike && objects.keys.size() > 1);
}

bool JsonKeys::is_name(const Path& path) const {
  // What stands for keys and items is none itself.
  if (path.empty() || path.back() == "[]" || path.back() == "*" || path.back() == keys_column) return true;
  const Path outer(path.begin(), path.end() - 1);
  const auto objects = objects_.find(outer);
  if (objects == objects_.end()) return !full_;
  const std::string& key = path.back();
  if (!scan::is_field_name(key)) return false;
  return scan::is_known_name(key) || !is_map(objects->second, outer.empty());
}

}  // namespace sluice::assembly
