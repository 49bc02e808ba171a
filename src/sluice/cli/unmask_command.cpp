// `sluice unmask`: gives the key holder the value behind a token back.
#include <CLI/CLI.hpp>
#include <iostream>

#include "sluice/cli/audit.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/key_vault.hpp"
#include "sluice/cli/mask_options.hpp"

namespace sluice::cli {
namespace {

struct UnmaskArguments {
  std::string file;
  MaskOptions mask;
  AuditOptions audit;
  std::vector<std::string> tokens;
};

Result<Answer> unmask(const UnmaskArguments& arguments) {
  SLUICE_TRY(const mask::MaskKind* kind, arguments.mask.kind());
  mask::MaskArguments constants;
  if (kind->recoverable()) {  // else Unmasker says more than that an option is missing
    SLUICE_TRY(constants, arguments.mask.arguments(*kind));
  }
  SLUICE_TRY(const mask::Keyring keyring, load_keyring(arguments.file));
  SLUICE_TRY(auto unmasker, mask::Unmasker::open(*kind, &keyring, std::move(constants), arguments.mask.key()));
  std::vector<std::string> tokens = arguments.tokens;
  if (tokens.empty()) {
    for (std::string line; std::getline(std::cin, line);) tokens.push_back(line);
  }
  const auto domain = arguments.mask.given("domain");
  SLUICE_CHECK(arguments.audit.write(arguments.file, {{"command", "unmask"},
                                                      {"function", kind->function},
                                                      {"domain", domain ? Json(*domain) : Json(nullptr)},
                                                      {"tokens", tokens.size()}}));
  Answer answer;
  answer.result["values"] = Json::array();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    auto value = unmasker.unmask(tokens[i]);
    if (!value) return fail(std::move(value).error().within("token " + std::to_string(i + 1)));
    answer.text += *value + '\n';
    answer.result["values"].push_back(*value);
  }
  answer.summary = std::to_string(tokens.size()) + " tokens unmasked";
  return answer;
}

}  // namespace

void add_unmask(CLI::App& app, Session& session) {
  CLI::App* command = add_command(app, "unmask", "the values behind tokens, for the holder of the keyring",
                                  "sluice unmask keys.json --domain ip k1.sWvX...");
  auto arguments = std::make_shared<UnmaskArguments>();
  command->add_option("FILE", arguments->file, "the keyring")->required()->type_name("");
  command->add_option("TOKEN", arguments->tokens, "the tokens; without any, one a line from stdin")->type_name("");
  arguments->mask.add_to(*command);
  arguments->audit.add_to(*command);
  command->callback([arguments, &session] { session.action = [arguments] { return unmask(*arguments); }; });
}

}  // namespace sluice::cli
