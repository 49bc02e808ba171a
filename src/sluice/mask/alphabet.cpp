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

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

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
  const std::string near = nearest(text, names);
  if (!near.empty() && !text.empty() && is_letter(text.front())) {
    return fail(Fault::config, "there is no alphabet '" + std::string(text) + "'", "did you mean '" + near + "'?");
  }
  if (text.size() < 2 || !std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; })) {
    return fail(Fault::config, "an alphabet is " + join(names, ", ") +
                                   ", or 2 to 94 different characters of printable ASCII without the space");
  }
  std::string sorted(text);
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end())
    return fail(Fault::config, "a character stands twice in the alphabet", "known names are " + join(names, ", "));
  return Alphabet(text);
}

}  // namespace sluice::mask
