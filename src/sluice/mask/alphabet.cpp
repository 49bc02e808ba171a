#include "sluice/mask/alphabet.hpp"

#include <algorithm>
#include <vector>

#include "sluice/core/words.hpp"

namespace sluice::mask {
namespace {

constexpr std::string_view base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct Named {
  std::string_view name;
  std::string_view characters;
};

constexpr std::array named{
    Named{"digits", "0123456789"},
    Named{"hex", "0123456789abcdef"},
    Named{"base36", "0123456789abcdefghijklmnopqrstuvwxyz"},
    Named{"base62", base62},
    Named{"alnum", base62},
};

constexpr std::size_t long_name = 5;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// A name that was typed with a letter too few, or with two neighbours exchanged. Of a short one that leaves too little
// to tell it from three letters that are meant.
bool is_slip(std::string_view text, std::string_view name) {
  if (name.size() < long_name) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    std::string slip(name);
    if (text == slip.erase(i, 1)) return true;
    slip = name;
    if (i > 0) std::swap(slip[i - 1], slip[i]);
    if (text == slip) return true;
  }
  return false;
}

// "base64", "ipv6": the name of something that is no alphabet here.
bool is_numbered(std::string_view text) {
  for (const std::string_view stem : {"base", "ipv", "ip"}) {
    if (!text.starts_with(stem) || text.size() == stem.size()) continue;
    if (text.substr(stem.size()).find_first_not_of("0123456789") == std::string_view::npos) return true;
  }
  return false;
}

// A text that would do as an alphabet, but is far more likely a name gone wrong.
bool is_mistyped(std::string_view text, std::span<const std::string> names) {
  const std::string plain = lower(text);
  return is_numbered(plain) ||
         std::ranges::any_of(names, [&](const std::string& name) { return plain == name || is_slip(plain, name); });
}

}  // namespace

Alphabet::Alphabet(std::string_view characters) : characters_(characters) {
  digits_.fill(no_digit);
  for (std::size_t i = 0; i < characters.size(); ++i)
    digits_[static_cast<unsigned char>(characters[i])] = static_cast<std::uint8_t>(i);
}

Result<Alphabet> Alphabet::read(std::string_view text) {
  std::vector<std::string> names{"ipv4"};
  for (const Named& one : named) {
    if (one.name == text) return Alphabet(one.characters);
    names.emplace_back(one.name);
  }
  const std::string near = did_you_mean_near(lower(text), names);
  const std::string hint = near.empty() ? "known names are " + join(names, ", ") : near;
  if (is_mistyped(text, names)) return fail(Fault::config, "there is no alphabet '" + std::string(text) + "'", hint);
  if (text.size() < 2 || !std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; })) {
    return fail(Fault::config, "an alphabet is " + join(names, ", ") +
                                   ", or 2 to 94 different characters of printable ASCII without the space");
  }
  std::string sorted(text);
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end())
    return fail(Fault::config, "a character stands twice in the alphabet", hint);
  return Alphabet(text);
}

}  // namespace sluice::mask
