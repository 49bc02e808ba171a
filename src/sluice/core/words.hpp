// Help with names: the nearest known one, and lists of them for messages.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// The candidate that a mistyped `name` most likely meant; empty if none is near.
std::string nearest(std::string_view name, std::span<const std::string> candidates);
// "did you mean 'queue'?" or "known are a, b, c".
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);
// The first of these alone, for a message that names all candidates.
std::string did_you_mean_near(std::string_view name, std::span<const std::string> candidates);
std::string join(std::span<const std::string> words, std::string_view between);

// Lower-case hex and back; uuid text of 16 bytes (8-4-4-4-12) and back.
struct Key;
std::string to_uuid(const Key& key);
bool parse_uuid(std::string_view text, Key& key);

}  // namespace sluice
