// What `sluice mask` and `sluice unmask` have in common: the function, and its parameters as options.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "sluice/core/result.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::cli {

class Command;

class MaskOptions {
 public:
  void add_to(Command command);

  Result<const mask::MaskKind*> kind() const { return mask::find_mask(function_); }
  // One text a parameter. An option that the function does not have is an error.
  Result<mask::MaskArguments> arguments(const mask::MaskKind& kind) const;
  // Empty where none was given.
  const std::string& key() const { return key_; }
  // One option as it was given; empty where it was not.
  std::optional<std::string> given(const std::string& parameter) const {
    const auto found = given_.find(parameter);
    return found == given_.end() ? std::nullopt : found->second;
  }

 private:
  std::string function_ = "mask_siv";
  std::string key_;
  std::map<std::string, std::optional<std::string>> given_;  // by parameter
};

}  // namespace sluice::cli
