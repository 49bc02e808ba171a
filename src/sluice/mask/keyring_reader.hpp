// Between the keyring's file and its text.
#pragma once

#include <limits>
#include <span>
#include <string_view>

#include "sluice/mask/keyring.hpp"

namespace sluice::mask {

// Of a key whose secret was not read.
inline constexpr std::size_t no_slot = std::numeric_limits<std::size_t>::max();

enum class Fetch {
  all,   // whatever may be used
  none,  // AWS is not asked, and variables may be lost: such keys have no slot, and must not be derived from
};

// Reads `text`, and overwrites the secrets in it. It should stand in a SecretBytes.
Result<Keyring> read_keyring(std::string_view place, std::span<char> text, KeyVault* vault, Fetch fetch = Fetch::all);
Result<Keyring> read_keyring_file(const std::string& file, KeyVault* vault, Fetch fetch);

}  // namespace sluice::mask
