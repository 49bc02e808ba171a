#include "sluice/core/settings.hpp"

#include <charconv>

namespace sluice {
namespace {

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::string at(const Setting& setting, std::string_view name) {
  return setting.place.text() + ": '" + std::string(name) + "'";
}

}  // namespace

std::string Place::text() const {
  if (line == 0) return file;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

const Setting* Settings::find(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? nullptr : &found->second;
}

std::string Settings::text(std::string_view name, std::string_view otherwise) const {
  const Setting* setting = find(name);
  return setting == nullptr ? std::string(otherwise) : setting->text;
}

Result<bool> Settings::boolean(std::string_view name, bool otherwise) const {
  const Setting* setting = find(name);
  if (setting == nullptr || setting->text.empty()) return otherwise;
  if (setting->text == "true") return true;
  if (setting->text == "false") return false;
  return fail(Fault::config, at(*setting, name) + " is neither true nor false");
}

Result<std::int64_t> Settings::integer(std::string_view name, std::int64_t otherwise, std::int64_t least,
                                       std::int64_t most) const {
  const Setting* setting = find(name);
  if (setting == nullptr || setting->text.empty()) return otherwise;
  const auto number = parse_integer(setting->text);
  if (!number || *number < least || *number > most) {
    return fail(Fault::config, at(*setting, name) + " must be a whole number from " + std::to_string(least) + " to " +
                                   std::to_string(most));
  }
  return *number;
}

Result<std::chrono::seconds> Settings::duration(std::string_view name, std::chrono::seconds otherwise) const {
  const Setting* setting = find(name);
  if (setting == nullptr || setting->text.empty()) return otherwise;
  auto parsed = parse_duration(setting->text);
  if (!parsed) return fail(std::move(parsed).error().within(at(*setting, name)));
  return *parsed;
}

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  std::int64_t unit = 1;
  std::string_view digits = text;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 's': unit = 1; break;
      case 'm': unit = 60; break;
      case 'h': unit = 3600; break;
      case 'd': unit = 86400; break;
      default: unit = 0; break;
    }
    if (unit == 0) {
      unit = 1;
    } else {
      digits.remove_suffix(1);
    }
  }
  const auto number = parse_integer(digits);
  if (!number || *number < 0 || *number > 366LL * 86400) {
    return fail(Fault::config, "is no duration", "write 30s, 5m, 2h or 7d");
  }
  return std::chrono::seconds(*number * unit);
}

}  // namespace sluice
