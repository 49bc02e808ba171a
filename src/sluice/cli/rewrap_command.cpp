// `sluice keys rewrap`: tokens of older keys in a flow's table become tokens of the primary key, where they stand.
//
// Nothing is kept of how far it is: a token names its key, so whatever still has to be done can be seen in the table.
#include "sluice/cli/rewrap_command.hpp"

#include <openssl/crypto.h>

#include <algorithm>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/mask_options.hpp"
#include "sluice/cli/signals.hpp"
#include "sluice/core/words.hpp"

namespace sluice::cli {
namespace {

struct RewrapArguments {
  ProjectArguments project;
  std::string flow;
  std::string column;
  std::size_t batch = 1000;
  MaskOptions mask;
};

// Only a token that names its key can be told from one that was rewrapped already.
Result<void> check_kind(const mask::MaskKind& kind) {
  const std::string function(kind.function);
  if (!kind.recoverable()) {
    return fail(Fault::config,
                function + ": its tokens cannot be rewrapped, since nobody can recover the values behind them",
                kind.function == "mask_hmac"
                    ? "leave the old key enabled and look values up by mask_hmac_all(value, domain), or load the rows "
                      "again from their source"
                    : "load the rows again from their source");
  }
  if (kind.key == mask::TokenKey::in_front) return {};
  return fail(
      Fault::config, function + ": its tokens do not name their key, so a rewrap that was cut off could not go on",
      "load the rows again from their source, or make a second column of the new key's tokens by `sluice unmask "
      "--key OLD` and `sluice mask`");
}

Result<Answer> rewrap(const RewrapArguments& arguments) {
  SLUICE_TRY(const mask::MaskKind* kind, arguments.mask.kind());
  SLUICE_CHECK(check_kind(*kind));
  if (!arguments.mask.key().empty())
    return fail(Fault::config, "rewrap has no --key: tokens of all other keys become tokens of the primary one");
  SLUICE_TRY(const mask::MaskArguments constants, arguments.mask.arguments(*kind));
  SLUICE_TRY(const auto assembly, assemble(arguments.project, Keys::always));
  SLUICE_TRY(const project::Flow* flow, find_flow(assembly->project, arguments.flow));
  const mask::Keyring& keyring = *assembly->keyring;
  SLUICE_TRY(const auto database, open_database(assembly->connection(flow->into_connection), system_clock()));
  SLUICE_TRY(const auto table, database->shape_of(flow->into_table));
  if (!table) return fail(Fault::config, "there is no table " + flow->into_table.text(), "run the flow first");
  std::vector<std::string> columns;
  for (const Field& column : table->columns) columns.push_back(column.name);
  if (std::ranges::find(columns, arguments.column) == columns.end()) {
    return fail(Fault::config, flow->into_table.text() + " has no column '" + arguments.column + "'",
                did_you_mean(arguments.column, columns));
  }
  SLUICE_CHECK(check_keys(database->ledger(), keyring));
  SLUICE_TRY(auto unmasker, mask::Unmasker::open(*kind, &keyring, constants));
  SLUICE_TRY(const auto mask, mask::make_mask(*kind, &keyring, constants));

  Rewriting rewriting{flow->into_table, arguments.column, keyring.primary_id() + ".", arguments.batch, {}};
  rewriting.replace = [&](const std::vector<std::string>& old, std::vector<std::string>& fresh) -> Result<void> {
    for (const std::string& token : old) {
      auto value = unmasker.unmask(token);
      if (!value) return fail(std::move(value).error().within(flow->into_table.text() + "." + arguments.column));
      const char* refusal = mask->mask(*value, fresh.emplace_back());
      OPENSSL_cleanse(value->data(), value->size());
      if (refusal != nullptr)
        return fail(Fault::data, flow->into_table.text() + "." + arguments.column + ": " + std::string(kind->function) +
                                     " refuses the value behind a token: " + refusal);
    }
    return {};
  };
  const std::stop_token stop = stop_on_signal();
  SLUICE_TRY(const std::uint64_t changed, database->rewrite(rewriting, stop));
  Answer answer;
  const bool stopped = stop.stop_requested();
  answer.summary = thousands(changed) + " tokens of " + flow->into_table.text() + "." + arguments.column +
                   " are of key " + keyring.primary_id() + " now" +
                   (stopped ? "; stopped before the end, the same command goes on" : ", as all of them are");
  answer.text = answer.summary + "\n";
  answer.result = {{"rewrapped", changed}, {"key", keyring.primary_id()}, {"complete", !stopped}};
  return answer;
}

}  // namespace

void add_rewrap(Command keys, Session& session) {
  const Command command = keys.command("rewrap", "make tokens of older keys in a flow's table those of the primary key",
                                       "sluice keys rewrap logins.yaml user_logins --column masked_ip --domain ip");
  auto arguments = std::make_shared<RewrapArguments>();
  add_project(command, arguments->project);
  command.option("FLOW", arguments->flow, "which flow, where the project has several").type("");
  command.option("--column", arguments->column, "the column of tokens").required().type("NAME");
  command.option("--batch", arguments->batch, "rows a transaction").type("N").shows_default().between(1, 100000);
  arguments->mask.add_to(command);
  command.does(session, [arguments] { return rewrap(*arguments); });
}

}  // namespace sluice::cli
