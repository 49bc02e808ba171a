// What `sluice keys rewrap` makes of one row: its token of an older key becomes one of the key that masks now.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sluice/core/database.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::cli {

class RewrapTokens {
 public:
  // Of a mask that can be undone. The keyring outlives it.
  static Result<RewrapTokens> open(const mask::MaskKind& kind, const mask::Keyring& keyring,
                                   const mask::MaskArguments& arguments);

  // The key whose tokens all of them become: the primary one, or a Fernet key from elsewhere that writes in its place.
  const std::string& key_id() const { return key_id_; }
  // Empty: the token is of that key. The row's key counts only where tokens do not tell theirs. Errors name the row's
  // place, and repeat nothing of it but a key's id.
  Result<std::optional<std::string>> renewed(const OldText& row);

 private:
  RewrapTokens(const mask::MaskKind& kind, mask::Unmasker unmasker, std::unique_ptr<mask::Mask> mask,
               std::string key_id)
      : kind_(&kind), unmasker_(std::move(unmasker)), mask_(std::move(mask)), key_id_(std::move(key_id)) {}
  Result<std::string> clear(const OldText& row);

  const mask::MaskKind* kind_;
  mask::Unmasker unmasker_;
  std::unique_ptr<mask::Mask> mask_;
  std::string key_id_;
};

}  // namespace sluice::cli
