// `sluice unmask`: gives the key holder the value behind a token back.
#include <CLI/CLI.hpp>
#include <iostream>

#include "sluice/cli/commands.hpp"
#include "sluice/mask/canonical.hpp"
#include "sluice/mask/keyring.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::cli {
namespace {

struct UnmaskArguments {
  std::string file;
  std::string domain;
  std::string form;
  std::string function = "mask_siv";
  std::vector<std::string> tokens;
};

Result<const mask::MaskKind*> recoverable(const std::string& name) {
  for (const mask::MaskKind& kind : mask::mask_kinds()) {
    if (kind.function != name) continue;
    if (kind.unmask != nullptr) return &kind;
    return fail(Fault::config, name + " cannot be undone: it only tells equal values",
                "mask with mask_siv where a value must be recovered");
  }
  return fail(Fault::config, "there is no mask '" + name + "'", "see docs/masks.md");
}

Result<Answer> unmask(const UnmaskArguments& arguments) {
  SLUICE_TRY(const mask::MaskKind* kind, recoverable(arguments.function));
  SLUICE_TRY(const mask::Keyring keyring, mask::Keyring::load(arguments.file));
  mask::Form form = mask::form_of_domain(arguments.domain);
  if (!arguments.form.empty()) {
    const auto named = mask::parse_form(arguments.form);
    if (!named)
      return fail(Fault::config, "there is no form '" + arguments.form + "'", "known are ip, device, email, text");
    form = *named;
  }
  std::vector<std::string> tokens = arguments.tokens;
  if (tokens.empty()) {
    for (std::string line; std::getline(std::cin, line);) tokens.push_back(line);
  }
  Answer answer;
  answer.result["values"] = Json::array();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    auto value = kind->unmask(keyring, arguments.domain, form, tokens[i]);
    if (!value) return fail(std::move(value).error().within("token " + std::to_string(i + 1)));
    answer.text += *value + '\n';
    answer.result["values"].push_back(*value);
  }
  answer.summary = std::to_string(tokens.size()) + " tokens unmasked";
  return answer;
}

}  // namespace

void add_unmask(CLI::App& app, Session& session) {
  CLI::App* command = add_command(app, "unmask", "the values behind tokens of mask_siv, for the holder of the keyring",
                                  "sluice unmask keys.json --domain ip k1.sWvX...");
  auto arguments = std::make_shared<UnmaskArguments>();
  command->add_option("FILE", arguments->file, "the keyring")->required()->type_name("");
  command->add_option("TOKEN", arguments->tokens, "the tokens; without any, one a line from stdin")->type_name("");
  command->add_option("--domain", arguments->domain, "the domain they were masked in")->required()->type_name("NAME");
  command->add_option("--form", arguments->form, "the form, where the select gave one: ip, device, email, text")
      ->type_name("FORM");
  command->callback([arguments, &session] { session.action = [arguments] { return unmask(*arguments); }; });
}

}  // namespace sluice::cli
