// `sluice keys`: makes a keyring.
#include <CLI/CLI.hpp>

#include "sluice/cli/commands.hpp"
#include "sluice/mask/keyring.hpp"

namespace sluice::cli {
namespace {

Result<Answer> init(const std::string& file) {
  SLUICE_CHECK(mask::Keyring::init(file));
  SLUICE_TRY(const mask::Keyring keyring, mask::Keyring::load(file));
  Answer answer;
  answer.summary = "made " + file + " with key " + keyring.primary_id();
  answer.text =
      answer.summary +
      " (readable by you alone).\n"
      "Keep a copy in a safe place: without it no masked value can be recovered, and equal values get other tokens.\n"
      "Name it in the project file: keys: " +
      file + "\n";
  answer.result = {{"file", file}, {"key", keyring.primary_id()}};
  return answer;
}

}  // namespace

void add_keys(CLI::App& app, Session& session) {
  CLI::App* keys = add_command(app, "keys", "make a keyring for masks and rejects", "sluice keys init keys.json");
  keys->require_subcommand(1);
  CLI::App* command = add_command(*keys, "init", "make a keyring with a new random key, mode 0600; never overwrites",
                                  "sluice keys init keys.json");
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "where to write it")->required()->type_name("");
  command->callback([file, &session] { session.action = [file] { return init(*file); }; });
}

}  // namespace sluice::cli
