// Counts the characters of a text, as varchar(n) does, and finds what PostgreSQL does not take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::postgres {

struct Characters {
  std::size_t count = 0;  // code points
  bool valid = true;      // UTF-8 without surrogates and overlong forms
  bool has_nul = false;
};

Characters count_characters(std::string_view text);

// How many bytes the first `characters` of a valid text take; all of them where it has fewer.
std::size_t bytes_of(std::string_view text, std::size_t characters);

}  // namespace sluice::postgres
