#include "sluice/cli/mask_options.hpp"

#include "sluice/cli/command_line.hpp"

#include <algorithm>

namespace sluice::cli {

void MaskOptions::add_to(Command command) {
  command.option("--function", function_, "mask_siv unless given; docs/masks.md has them all").type("NAME");
  command.option("--key", key_, "the key to use instead of the primary one, such as k1").type("ID");
  for (const mask::MaskKind& kind : mask::mask_kinds()) {
    for (const mask::MaskParameter& parameter : kind.parameters) {
      const std::string name(parameter.name);
      const auto [slot, fresh] = given_.try_emplace(name);
      if (!fresh) continue;  // several functions have a domain
      command.option("--" + name, slot->second, std::string(parameter.help)).type(parameter.number ? "NUMBER" : "TEXT");
    }
  }
}

Result<mask::MaskArguments> MaskOptions::arguments(const mask::MaskKind& kind) const {
  mask::MaskArguments out;
  for (const mask::MaskParameter& parameter : kind.parameters) {
    const auto& value = given_.at(std::string(parameter.name));
    if (!value && !parameter.otherwise) {
      return fail(Fault::config, std::string(kind.function) + " needs --" + std::string(parameter.name),
                  std::string(parameter.help));
    }
    out.push_back(value ? *value : std::string(*parameter.otherwise));
  }
  for (const auto& [name, value] : given_) {
    if (value && std::ranges::find(kind.parameters, name, &mask::MaskParameter::name) == kind.parameters.end())
      return fail(Fault::config, std::string(kind.function) + " has no --" + name);
  }
  return out;
}

}  // namespace sluice::cli
