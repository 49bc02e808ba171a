// The masks: keyed functions that turn a value into a token. Equal values give equal tokens.
//
// A token is the key's id, a dot, and base64url without padding. docs/masks.md has every byte.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sluice/core/result.hpp"
#include "sluice/mask/canonical.hpp"
#include "sluice/mask/keyring.hpp"

namespace sluice::mask {

// One function, domain and form under the keyring's primary key, with all that depends on these computed.
// Used by one thread.
class Mask {
 public:
  virtual ~Mask() = default;

  // Replaces `out` by the token of `value`; allocates nothing once `out` has grown. nullptr: done; else the
  // reason code why there is none (those of canonicalize()), and `out` is empty.
  virtual const char* mask(std::string_view value, std::string& out) = 0;
};

struct MaskKind {
  std::string_view function;  // its name in SQL
  bool recoverable;
  std::string_view help;  // one line
  std::unique_ptr<Mask> (*make)(const Keyring& keyring, std::string_view domain, Form form);
  // The value behind a token, in its canonical form; nullptr where there is no way back.
  Result<std::string> (*unmask)(const Keyring& keyring, std::string_view domain, Form form, std::string_view token);
};

// All masks there are.
std::span<const MaskKind> mask_kinds();

}  // namespace sluice::mask
