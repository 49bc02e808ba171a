// `sluice unmask`: gives the key holder the value behind a token back.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "sluice/assembly/key_vault.hpp"
#include "sluice/cli/audit.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/csv_column.hpp"
#include "sluice/cli/mask_options.hpp"

namespace sluice::cli {
namespace {

struct UnmaskArguments {
  std::string file;
  MaskOptions mask;
  AuditOptions audit;
  std::vector<std::string> tokens;
  std::string csv;
  std::string column;
  std::string key_column;
  std::string entity_column;
  char delimiter = ',';
};

// The file goes to stdout with the column in clear, a row at a time: it may be larger than memory.
Result<Answer> unmask_column(const UnmaskArguments& arguments, mask::Unmasker& unmasker) {
  std::filebuf file;
  std::error_code unknown;
  if (std::filesystem::is_directory(arguments.csv, unknown) ||
      file.open(arguments.csv, std::ios::in | std::ios::binary) == nullptr)
    return fail(Fault::config, arguments.csv + ": cannot be read", "name a CSV file with a header");
  std::ios::sync_with_stdio(false);
  std::vector<std::string> others;
  if (!arguments.key_column.empty()) others.push_back(arguments.key_column);
  if (!arguments.entity_column.empty()) others.push_back(arguments.entity_column);
  const auto changed =
      change_column(file, std::cout, arguments.column, others, arguments.delimiter,
                    [&](std::string& value, const std::vector<std::string>& cells) -> Result<void> {
                      if (!arguments.entity_column.empty()) value += '\t' + cells.back();
                      SLUICE_TRY(value, arguments.key_column.empty() ? unmasker.unmask(value)
                                                                     : unmasker.unmask(value, cells.front()));
                      return {};
                    });
  std::cout.flush();
  if (!changed) return fail(Error(changed.error()).within(arguments.csv));
  Answer answer;
  answer.summary = std::to_string(*changed) + " tokens unmasked";
  return answer;
}

// Other columns than the one of tokens that its mask has a use for.
Result<void> check_others(const UnmaskArguments& arguments, const mask::MaskKind& kind) {
  const std::string function(kind.function);
  const bool dates = kind.input == mask::MaskInput::date;
  if (arguments.csv.empty()) {
    if (arguments.key_column.empty() && arguments.entity_column.empty()) return {};
    return fail(Fault::config, "--key-column and --entity-column are columns of a file", "name it by --csv FILE");
  }
  if (dates && arguments.entity_column.empty()) {
    return fail(Fault::config, function + " needs --entity-column",
                "the file's column that holds what was given to " + function + " as the entity");
  }
  if (!dates && !arguments.entity_column.empty()) return fail(Fault::config, function + " has no --entity-column");
  if (arguments.key_column.empty()) return {};
  if (kind.key != mask::TokenKey::told)
    return fail(Fault::config, function + " has no --key-column: its tokens tell their key themselves");
  if (!arguments.mask.key().empty())
    return fail(Fault::config, "--key and --key-column do not go together", "--key is for a file of one key");
  return {};
}

Result<Answer> unmask(const UnmaskArguments& arguments, bool json) {
  if (arguments.csv.empty() != arguments.column.empty())
    return fail(Fault::config, "--csv and --column go together", "--csv logins.csv --column masked_ip");
  if (!arguments.csv.empty() && (json || !arguments.tokens.empty()))
    return fail(Fault::config, "--csv goes with neither --json nor tokens: the file is written to stdout");
  SLUICE_TRY(const mask::MaskKind* kind, arguments.mask.kind());
  mask::MaskArguments constants;
  if (kind->recoverable()) {  // else Unmasker says more than that an option is missing
    SLUICE_TRY(constants, arguments.mask.arguments(*kind));
    SLUICE_CHECK(check_others(arguments, *kind));
  }
  SLUICE_TRY(const mask::Keyring keyring, load_keyring(arguments.file));
  SLUICE_TRY(auto unmasker, mask::Unmasker::open(*kind, &keyring, std::move(constants), arguments.mask.key()));
  std::vector<std::string> tokens = arguments.tokens;
  if (tokens.empty() && arguments.csv.empty()) {
    for (std::string line; std::getline(std::cin, line);) tokens.push_back(line);
    if (std::cin.bad()) return fail(Fault::failed, "stdin cannot be read any further", "is it a file, or a pipe?");
  }
  const auto domain = arguments.mask.given("domain");
  Json looked = {{"command", "unmask"}, {"function", kind->function}, {"domain", nullptr}};
  if (domain) looked["domain"] = *domain;
  if (arguments.csv.empty()) {
    looked["tokens"] = tokens.size();
  } else {
    looked["csv"] = arguments.csv;
    looked["column"] = arguments.column;
  }
  SLUICE_CHECK(arguments.audit.write(arguments.file, looked));
  if (!arguments.csv.empty()) return unmask_column(arguments, unmasker);
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

void add_unmask(Command app, Session& session) {
  const Command command = app.command("unmask", "the values behind tokens, for the holder of the keyring",
                                      "sluice unmask keys.json --domain ip k1.sWvX...");
  auto arguments = std::make_shared<UnmaskArguments>();
  command.option("FILE", arguments->file, "the keyring").required().type("");
  command.option("TOKEN", arguments->tokens, "the tokens; without any, one a line from stdin").type("");
  command.option("--csv", arguments->csv, "a CSV file with a header, to be written to stdout with --column in clear")
      .type("FILE");
  command.option("--column", arguments->column, "its column of tokens; empty cells stay empty").type("NAME");
  command
      .option("--key-column", arguments->key_column,
              "the file's column that names each token's key, where tokens do not: filled by mask_key()")
      .type("NAME");
  command
      .option("--entity-column", arguments->entity_column,
              "of mask_date_shift: the file's column of what was given as the entity")
      .type("NAME");
  command.option("--delimiter", arguments->delimiter, "between its cells").type("C").shows_default();
  arguments->mask.add_to(command);
  arguments->audit.add_to(command);
  command.does(session, [arguments, &session] { return unmask(*arguments, session.json); });
}

}  // namespace sluice::cli
