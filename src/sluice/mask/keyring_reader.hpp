// Between the keyring's file and its text.
#pragma once

#include <span>
#include <string_view>

#include "sluice/mask/keyring.hpp"

namespace sluice::mask {

// Reads `text`, and overwrites the secrets in it. It should stand in a SecretBytes.
Result<Keyring> read_keyring(std::string_view place, std::span<char> text);

}  // namespace sluice::mask
