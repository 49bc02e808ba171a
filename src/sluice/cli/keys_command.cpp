// `sluice keys`: makes a keyring, shows it, changes it. `keys rewrap` stands in rewrap_command.cpp.
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/key_vault.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/export_fernet_command.hpp"
#include "sluice/cli/rewrap_command.hpp"
#include "sluice/mask/key_material.hpp"
#include "sluice/mask/keyring.hpp"

namespace sluice::cli {
namespace {

struct KeysArguments {
  std::string file;
  std::string id;
  mask::NewKey fresh;
  bool decrypt_only = false;
  ProjectArguments project;
};

Result<Answer> init(const KeysArguments& arguments) {
  const std::string& file = arguments.file;
  AwsVault vault;
  SLUICE_CHECK(mask::Keyring::init(file, arguments.fresh, &vault));
  Answer answer;
  answer.summary = "made " + file + " with key k1";
  answer.text =
      answer.summary +
      " (readable by you alone).\n"
      "Keep a copy in a safe place: without it no masked value can be recovered, and equal values get other tokens.\n"
      "Name it in the project file: keys: " +
      file + "\n";
  answer.result = {{"file", file}, {"key", "k1"}};
  return answer;
}

std::string place_of(const mask::KeyFacts& key) {
  if (!key.fernet_domain.empty()) {
    mask::KeyFacts bare = key;
    bare.fernet_domain.clear();
    return place_of(bare) + ", for Fernet in " + key.fernet_domain;
  }
  if (!key.material_env.empty()) {
    const bool is_set = std::getenv(key.material_env.c_str()) != nullptr;
    return "variable " + key.material_env + (!is_set ? ", which is not set" : key.check.empty() ? ", no key" : "");
  }
  if (!key.aws_secret.empty()) return "AWS secret " + key.aws_secret;
  if (!key.kms_key.empty()) return "wrapped by " + key.kms_key;
  return "in the file";
}

// All keys of a keyring, without their secrets.
Answer shown(const std::vector<mask::KeyFacts>& keys) {
  const auto optional = [](const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); };
  Answer answer;
  Table table({"id", "status", "created (UTC)", "secret", "check value"});
  answer.result["keys"] = Json::array();
  for (const mask::KeyFacts& key : keys) {
    table.add({key.id, to_string(key.status), key.created, place_of(key), key.check.empty() ? "not known" : key.check});
    answer.result["keys"].push_back({{"id", key.id},
                                     {"status", to_string(key.status)},
                                     {"created", key.created},
                                     {"material_env", optional(key.material_env)},
                                     {"aws_secret", optional(key.aws_secret)},
                                     {"kms_key", optional(key.kms_key)},
                                     {"check", optional(key.check)},
                                     {"fernet_domain", optional(key.fernet_domain)}});
    if (key.status == mask::KeyStatus::primary)
      answer.summary = std::to_string(keys.size()) + " keys, " + key.id + " is primary";
  }
  answer.text = table.text(0);
  return answer;
}

// What stands in AWS is not asked for, and variables need not be set, so that a key can be looked at and disabled when
// its secret cannot be had.
Result<Answer> list(const KeysArguments& arguments) {
  SLUICE_TRY(const auto keys, mask::Keyring::look(arguments.file));
  return shown(keys);
}

// A link stays one, and the copy stands beside the file that it names.
std::string backup_of(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::is_symlink(file, error)) return file + ".bak";
  const std::filesystem::path real = std::filesystem::canonical(file, error);
  return (error ? file : real.string()) + ".bak";
}

// The keyring after a change, and what to do next.
Result<Answer> changed(const KeysArguments& arguments, const std::string& what, const std::string& next) {
  SLUICE_TRY(const auto keys, mask::Keyring::look(arguments.file));
  Answer answer = shown(keys);
  answer.summary = what;
  answer.text = what + "; what was before is " + backup_of(arguments.file) + "\n" + answer.text + next;
  return answer;
}

Result<Answer> add(const KeysArguments& arguments) {
  AwsVault vault;
  SLUICE_TRY(const std::string id, mask::Keyring::add(arguments.file, arguments.fresh, &vault));
  return changed(arguments, "added key " + id,
                 "Copy the keyring to wherever it is used, and only then make the key primary: sluice keys promote " +
                     arguments.file + " " + id + "\n");
}

// The key comes by stdin, unless it is read from where it stands: a command line can be read by every user.
Result<Answer> import_fernet(const KeysArguments& arguments) {
  if (arguments.fresh.fernet_domain.empty())
    return fail(Fault::config, "--domain is empty", "name the domain that the key is for");
  mask::NewKey wanted = arguments.fresh;
  mask::Wiped<mask::Keyring::key_size> bytes;
  if (wanted.material_env.empty() && wanted.aws_secret.empty()) {
    std::string line;
    std::getline(std::cin, line);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    auto read = mask::read_key_text("the key on stdin", line, bytes.bytes);
    OPENSSL_cleanse(line.data(), line.capacity());
    if (!read) return fail(std::move(read).error());
    wanted.bytes = bytes.bytes;
  }
  AwsVault vault;
  SLUICE_TRY(const std::string id, mask::Keyring::add(arguments.file, wanted, &vault));
  return changed(arguments, "added key " + id + " for Fernet tokens of the domain " + wanted.fernet_domain,
                 "mask_fernet(value, '" + wanted.fernet_domain +
                     "') reads its tokens, and writes them while the key is enabled.\n");
}

Result<Answer> promote(const KeysArguments& arguments) {
  AwsVault vault;
  SLUICE_CHECK(mask::Keyring::promote(arguments.file, arguments.id, &vault));
  return changed(
      arguments, "key " + arguments.id + " is primary",
      "Runs that have started go on with the key that was primary. Start them again, then re-encrypt the tokens "
      "there are: sluice keys rewrap PROJECT\n");
}

Result<Answer> enable(const KeysArguments& arguments) {
  const auto status = arguments.decrypt_only ? mask::KeyStatus::decrypt_only : mask::KeyStatus::enabled;
  AwsVault vault;
  SLUICE_CHECK(mask::Keyring::set_status(arguments.file, arguments.id, status, &vault));
  return changed(arguments, "key " + arguments.id + " is " + to_string(status), "");
}

Result<Answer> disable(const KeysArguments& arguments) {
  SLUICE_CHECK(mask::Keyring::set_status(arguments.file, arguments.id, mask::KeyStatus::disabled));
  return changed(arguments, "key " + arguments.id + " is disabled",
                 "Its tokens can be read no more, until `sluice keys enable` takes that back.\n");
}

Result<Answer> check(const KeysArguments& arguments) {
  SLUICE_TRY(const mask::Keyring keyring, load_keyring(arguments.file));
  Answer answer = shown(keyring.all());
  answer.summary = arguments.file + " is a keyring that can be used";
  if (!arguments.project.file.empty()) {
    SLUICE_TRY(const auto assembly, assemble(arguments.project, Keys::if_there));
    for (const project::Flow& flow : assembly->project.flows) {
      SLUICE_TRY(const auto database, open_database(assembly->connection(flow.into_connection), system_clock()));
      if (auto compared = compare_keys(database->ledger(), keyring); !compared)
        return fail(std::move(compared).error().within("flow " + flow.name));
    }
    answer.summary += ", and holds every key that the ledgers of " + arguments.project.file + " know";
  }
  answer.text += answer.summary + "\n";
  return answer;
}

}  // namespace

void add_keys(Command app, Session& session) {
  const Command keys =
      app.command("keys", "make a keyring for masks and rejects, and change its keys", "sluice keys init keys.json");
  keys.needs_a_command();
  auto arguments = std::make_shared<KeysArguments>();
  const auto sub = [&](const char* name, const char* help, const std::string& example,
                       Result<Answer> (*action)(const KeysArguments&)) {
    const Command command = keys.command(name, help, example.c_str());
    command.option("FILE", arguments->file, "the keyring").required().type("");
    command.does(session, [arguments, action] { return action(*arguments); });
    return command;
  };
  const auto with_id = [&](const Command& command) {
    command.option("ID", arguments->id, "the key, such as k2").required().type("");
    return command;
  };
  const auto with_place = [&](const Command& command) {
    const Command places = command.alternatives("where its secret stands");
    places
        .option("--env", arguments->fresh.material_env,
                "the environment variable that holds its secret, in base64 or hex")
        .type("NAME");
    places
        .option("--aws-secret", arguments->fresh.aws_secret,
                "the secret in AWS Secrets Manager that holds it, in base64 or hex")
        .type("NAME");
    places.option("--kms", arguments->fresh.kms_key, "a key of AWS KMS: it makes the secret, and wraps it").type("KEY");
  };
  with_place(
      sub("init", "make a keyring with a new key, mode 0600; never overwrites", "sluice keys init keys.json", init));
  sub("list", "its keys, their status and check values; no secrets", "sluice keys list keys.json", list);
  with_place(sub("add", "add a key, enabled: it reads, and `promote` makes it the one that masks",
                 "sluice keys add keys.json", add));
  const Command import =
      sub("import-fernet", "add a Fernet key that other programs have, read from stdin, for one domain",
          "sluice keys import-fernet keys.json --domain legacy < fernet.key", import_fernet);
  import.option("--domain", arguments->fresh.fernet_domain, "the domain of mask_fernet that it is for")
      .required()
      .type("TEXT");
  const Argument by_variable =
      import.option("--env", arguments->fresh.material_env, "or: the environment variable that holds it").type("NAME");
  import.option("--aws-secret", arguments->fresh.aws_secret, "or: the secret in AWS Secrets Manager that holds it")
      .type("NAME")
      .excludes(by_variable);
  with_id(sub("promote", "make a key the primary one, which values are masked with", "sluice keys promote keys.json k2",
              promote));
  with_id(sub("enable", "let a key that was disabled be used again", "sluice keys enable keys.json k1", enable))
      .flag("--decrypt-only", arguments->decrypt_only, "for reading alone: no look-up masks with it");
  with_id(sub("disable", "let a key be used for nothing", "sluice keys disable keys.json k1", disable));
  const Command checking = sub("check", "can it be used, and with --project: is it that of the tables",
                               "sluice keys check keys.json", check);
  checking.option("--project", arguments->project.file, "compare with the ledgers of this project's flows")
      .type("FILE");
  checking.option("--var", arguments->project.vars, "a value for a variable of the project file; may be repeated")
      .type("NAME=VALUE")
      .repeated();
  add_export_fernet(keys, session);
  add_rewrap(keys, session);
}

}  // namespace sluice::cli
