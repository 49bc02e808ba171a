// Seals bytes that are kept for later, such as a rejected message, so that only the keyring opens them.
//
// AES-256-GCM. The layout stands in docs/masks.md. Sealing one thing twice gives two different results.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/core/result.hpp"
#include "sluice/mask/aes_gcm.hpp"
#include "sluice/mask/keyring.hpp"

namespace sluice::mask {

// Has a sub-key of its own, from the primary key and a fresh random salt. Used by one thread.
class Sealer {
 public:
  explicit Sealer(const Keyring& keyring);

  // `associated` is not kept; unseal() needs the same again. At most 1 GiB.
  std::string seal(std::string_view plain, std::string_view associated);

 private:
  Sealer(const Keyring& keyring, std::string head);

  std::string head_;  // version, key id, salt
  AesGcm gcm_;
  std::uint64_t sealed_ = 0;  // the nonce: never twice under one sub-key
};

// Errors hold nothing of what is sealed.
Result<std::string> unseal(const Keyring& keyring, std::string_view sealed, std::string_view associated);

}  // namespace sluice::mask
