// Between the keyring's file and its text.
#pragma once

#include <limits>
#include <span>
#include <string_view>

#include "sluice/mask/keyring.hpp"

namespace sluice::mask {

// Of a disabled key without material.
inline constexpr std::size_t no_slot = std::numeric_limits<std::size_t>::max();

// Whether a shell can set a variable of that name.
bool is_variable(std::string_view name);

// Reads `text`, and overwrites the secrets in it. It should stand in a SecretBytes.
Result<Keyring> read_keyring(std::string_view place, std::span<char> text);

}  // namespace sluice::mask
