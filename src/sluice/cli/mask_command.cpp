// `sluice mask`: a filter that masks values, one a line.
#include <iostream>

#include "sluice/assembly/key_vault.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/mask_options.hpp"

namespace sluice::cli {
namespace {

struct MaskCommandArguments {
  std::string keys;
  MaskOptions mask;
};

// Values come by stdin only: a command line can be read by every user of the machine.
Result<Answer> mask_lines(const MaskCommandArguments& arguments, bool json) {
  SLUICE_TRY(const mask::MaskKind* kind, arguments.mask.kind());
  SLUICE_TRY(mask::MaskArguments constants, arguments.mask.arguments(*kind));
  std::optional<mask::Keyring> keyring;
  if (!arguments.keys.empty()) {
    SLUICE_TRY(keyring, load_keyring(arguments.keys));
  } else if (kind->keyed) {
    return fail(Fault::config, std::string(kind->function) + " needs --keys FILE",
                "make a keyring by `sluice keys init keys.json`");
  }
  SLUICE_TRY(const auto mask,
             mask::make_mask(*kind, keyring ? &*keyring : nullptr, std::move(constants), arguments.mask.key()));
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  Answer answer;
  answer.result["tokens"] = Json::array();
  std::size_t count = 0;
  std::string token;
  for (std::string line; std::getline(std::cin, line); ++count) {
    if (const char* refusal = mask->mask(line, token)) {
      std::cout.flush();
      return fail(
          Fault::data,
          "line " + std::to_string(count + 1) + ": " + std::string(kind->function) + " refuses the value: " + refusal,
          std::string(json ? "no token is given" : "the lines before it were masked, none after it") +
              "; docs/masks.md says what is refused");
    }
    if (json) {
      answer.result["tokens"].push_back(token);
    } else {
      std::cout << token << '\n';  // as it comes: the input may be larger than memory
      if (!std::cout) break;       // which finish() tells
    }
  }
  if (std::cin.bad()) return fail(Fault::failed, "stdin cannot be read any further", "is it a file, or a pipe?");
  answer.summary = std::to_string(count) + " values masked";
  return answer;
}

}  // namespace

void add_mask(Command app, Session& session) {
  const Command command = app.command("mask", "mask values from stdin, one a line",
                                      "sluice mask --keys keys.json --function siv --domain ip < addresses.txt");
  auto arguments = std::make_shared<MaskCommandArguments>();
  command.option("--keys", arguments->keys, "the keyring").type("FILE");
  arguments->mask.add_to(command);
  command.does(session, [arguments, &session] { return mask_lines(*arguments, session.json); });
}

}  // namespace sluice::cli
