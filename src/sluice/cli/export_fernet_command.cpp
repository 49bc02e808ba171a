// `sluice keys export-fernet`: the key of mask_fernet for one domain, as Python's cryptography and others take it.
#include "sluice/cli/export_fernet_command.hpp"

#include "sluice/assembly/key_vault.hpp"
#include "sluice/cli/audit.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/mask/base64url.hpp"
#include "sluice/mask/fernet.hpp"

namespace sluice::cli {
namespace {

struct ExportArguments {
  std::string file;
  std::string domain;
  std::string key;
  AuditOptions audit;
};

Result<Answer> export_fernet(const ExportArguments& arguments) {
  if (arguments.domain.empty()) return fail(Fault::config, "--domain is empty", "name the domain of the tokens");
  SLUICE_TRY(const mask::Keyring keyring, load_keyring(arguments.file));
  // What mask_fernet writes with: one from elsewhere, or the primary key's.
  const mask::KeyFacts* imported = nullptr;
  for (const mask::KeyFacts* key : keyring.fernet_keys(arguments.domain)) {
    const bool writes = arguments.key.empty() && key->status == mask::KeyStatus::enabled;
    if (writes || key->id == arguments.key) imported = key;
  }
  const std::string id = imported != nullptr     ? imported->id
                         : arguments.key.empty() ? keyring.primary_id()
                                                 : arguments.key;
  if (imported == nullptr && !keyring.has(id)) {
    return fail(Fault::config, "keyring " + arguments.file + ": there is no key '" + id + "' that can be used",
                "`sluice keys list` shows its keys");
  }
  SLUICE_CHECK(arguments.audit.write(arguments.file,
                                     {{"command", "keys export-fernet"}, {"domain", arguments.domain}, {"key", id}}));
  mask::Wiped<mask::Fernet::key_size> bytes;
  if (imported != nullptr) {
    keyring.copy_fernet(*imported, bytes.bytes);
  } else {
    keyring.derive(id, "fernet", arguments.domain, bytes.bytes);
  }
  std::string text(mask::base64url_size(bytes.bytes.size()), ' ');
  mask::base64url_encode(bytes.bytes, text.data());
  text.resize((text.size() + 3) / 4 * 4, '=');
  Answer answer;
  answer.summary = "the Fernet key of " + id + " for the domain " + arguments.domain;
  answer.result = {{"key", id}, {"domain", arguments.domain}, {"fernet_key", text}};
  answer.text = text + "\n";
  return answer;
}

}  // namespace

void add_export_fernet(Command keys, Session& session) {
  const Command command =
      keys.command("export-fernet", "a domain's Fernet key: whoever has it reads and makes its tokens",
                   "sluice keys export-fernet keys.json --domain email");
  auto arguments = std::make_shared<ExportArguments>();
  command.option("FILE", arguments->file, "the keyring").required().type("");
  command.option("--domain", arguments->domain, "the domain of the tokens").required().type("TEXT");
  command.option("--key", arguments->key, "the key to use instead of the primary one, such as k1").type("ID");
  arguments->audit.add_to(command);
  command.does(session, [arguments] { return export_fernet(*arguments); });
}

}  // namespace sluice::cli
