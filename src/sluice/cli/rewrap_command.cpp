// `sluice keys rewrap`: tokens of older keys in a flow's table become tokens of the primary key, where they stand.
//
// Nothing is kept of how far it is: a token names or proves its key, or a column beside it names it, so whatever still
// has to be done can be seen in the table.
#include "sluice/cli/rewrap_command.hpp"

#include <algorithm>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/mask_options.hpp"
#include "sluice/cli/rewrap_select.hpp"
#include "sluice/cli/rewrap_tokens.hpp"
#include "sluice/cli/signals.hpp"
#include "sluice/core/words.hpp"

namespace sluice::cli {
namespace {

struct RewrapArguments {
  ProjectArguments project;
  std::string flow;
  std::string column;
  std::string key_column;
  std::string entity_column;
  std::size_t batch = 1000;
  MaskOptions mask;
};

tl::unexpected<Error> unusable(const std::string& message, const std::string& hint = {}) {
  return fail(Fault::config, message, hint);
}

// A key is never guessed: the token proves it, or a column of the table names it.
Result<void> check_options(const RewrapArguments& arguments, const mask::MaskKind& kind) {
  const std::string function(kind.function);
  if (!kind.recoverable()) {
    return unusable(function + ": its tokens cannot be rewrapped, since nobody can recover the values behind them",
                    kind.function == "mask_hmac"
                        ? "leave the old key enabled and look values up by mask_hmac_all(value, domain), or load the "
                          "rows again from their source"
                        : "load the rows again from their source");
  }
  if (!arguments.mask.key().empty())
    return unusable("rewrap has no --key: tokens of all other keys become tokens of the primary one");
  const bool told = kind.key == mask::TokenKey::told;
  if (told && arguments.key_column.empty()) {
    return unusable(function +
                        ": its tokens do not name their key, and under a wrong one they would give wrong values: "
                        "--key-column names the column that does",
                    "add `mask_key() as " + arguments.column +
                        "_key` to the select; rows from before it are loaded "
                        "again, or get their key's id by hand while all of them are of one key (docs/keys.md)");
  }
  if (!told && !arguments.key_column.empty())
    return unusable(function + " has no --key-column: its tokens tell their key themselves");
  const bool dates = kind.input == mask::MaskInput::date;
  if (dates && arguments.entity_column.empty()) {
    return unusable(function + " needs --entity-column",
                    "the table's column that holds what was given to " + function + " as the entity");
  }
  if (!dates && !arguments.entity_column.empty()) return unusable(function + " has no --entity-column");
  return {};
}

// That a value comes through the column as the very text that a mask has made, or was given.
Result<void> check_columns(const RewrapArguments& arguments, const mask::MaskKind& kind, const RelationShape& table) {
  const bool told = kind.key == mask::TokenKey::told;
  const bool dates = kind.input == mask::MaskInput::date;
  std::vector<std::string> names;
  for (const Field& column : table.columns) names.push_back(column.name);
  std::vector<std::string> seen;
  const auto check = [&](const std::string& name, const char* what, const std::vector<Kind>& wanted) -> Result<void> {
    const auto found = std::ranges::find(table.columns, name, &Field::name);
    if (found == table.columns.end())
      return unusable(table.name.text() + " has no column '" + name + "'", did_you_mean(name, names));
    if (!wanted.empty() && std::ranges::find(wanted, found->type.kind) == wanted.end()) {
      return unusable(table.name.text() + "." + name + " is " + to_string(found->type) + ", and cannot hold " + what +
                      " as it was written");
    }
    if (std::ranges::find(seen, name) != seen.end()) return unusable("'" + name + "' is named twice");
    seen.push_back(name);
    return {};
  };
  const std::vector<Kind> kinds = dates  ? std::vector{Kind::text, Kind::date, Kind::timestamp, Kind::timestamp_tz}
                                  : told ? std::vector{Kind::text}
                                         : std::vector<Kind>();
  SLUICE_CHECK(check(arguments.column, "a token", kinds));
  if (told) SLUICE_CHECK(check(arguments.key_column, "a key's id", {Kind::text}));
  if (dates) {
    SLUICE_CHECK(check(arguments.entity_column, "an entity", {Kind::text, Kind::int32, Kind::int64, Kind::uuid}));
  }
  return {};
}

// A text that became a number or a uuid on its way into the table is written there in one way, and may have been given
// to the mask in another.
Result<void> check_entity_text(const RewrapArguments& arguments, const Schema& select, const RelationShape& table) {
  const auto given = std::ranges::find(select, arguments.entity_column, &Field::name);
  const auto held = std::ranges::find(table.columns, arguments.entity_column, &Field::name);
  const auto is_number = [](Kind kind) { return kind == Kind::int32 || kind == Kind::int64; };
  if (given != select.end() && held != table.columns.end()) {
    const Kind from = given->type.kind;
    const Kind to = held->type.kind;
    if (from == to || (is_number(from) && (is_number(to) || to == Kind::text)) ||
        (from == Kind::uuid && to == Kind::text))
      return {};
  }
  return unusable(table.name.text() + "." + arguments.entity_column + " may hold the entity in other words than " +
                      "mask_date_shift was given: it is another type than the select's column",
                  "let the select give the column its type, and mask_date_shift that as a text: id::uuid as id, "
                  "mask_date_shift(born, id::uuid::text)");
}

Result<Answer> rewrap(const RewrapArguments& arguments) {
  SLUICE_TRY(const mask::MaskKind* kind, arguments.mask.kind());
  SLUICE_CHECK(check_options(arguments, *kind));
  SLUICE_TRY(const mask::MaskArguments constants, arguments.mask.arguments(*kind));
  SLUICE_TRY(const auto assembly, assemble(arguments.project, Keys::always));
  SLUICE_TRY(const project::Flow* flow, find_flow(assembly->project, arguments.flow));
  const mask::Keyring& keyring = *assembly->keyring;
  SLUICE_TRY(auto tokens, RewrapTokens::open(*kind, keyring, constants));
  const Result<engine::RowsPlan> plan = plan_flow(*assembly, *flow);
  const bool told = kind->key == mask::TokenKey::told;
  if (told && !plan) return fail(plan.error());
  SLUICE_TRY(const auto database, open_database(assembly->connection(flow->into_connection), system_clock()));
  SLUICE_TRY(const auto table, database->shape_of(flow->into_table));
  if (!table) return unusable("there is no table " + flow->into_table.text(), "run the flow first");
  SLUICE_CHECK(check_columns(arguments, *kind, *table));
  if (plan && kind->key != mask::TokenKey::tried) {
    SLUICE_CHECK(check_select(*flow, *plan, {arguments.column, arguments.key_column, arguments.entity_column}, *kind,
                              constants));
  }
  if (!arguments.entity_column.empty()) SLUICE_CHECK(check_entity_text(arguments, plan->columns, *table));
  SLUICE_CHECK(check_keys(database->ledger(), keyring));

  const std::string place = flow->into_table.text() + "." + arguments.column;
  Rewriting rewriting{.table = flow->into_table,
                      .column = arguments.column,
                      .keep = {},
                      .batch = arguments.batch,
                      .replace = {},
                      .key_column = arguments.key_column,
                      .beside = arguments.entity_column};
  if (kind->key == mask::TokenKey::in_front) rewriting.keep = keyring.primary_id() + ".";
  if (told) rewriting.keep = keyring.primary_id();
  rewriting.replace = [&](const std::vector<OldText>& old,
                          std::vector<std::optional<std::string>>& fresh) -> Result<void> {
    for (const OldText& row : old) {
      auto token = tokens.renewed(row);
      if (!token) return fail(std::move(token).error().within(place));
      fresh.push_back(std::move(*token));
    }
    return {};
  };
  const std::stop_token stop = stop_on_signal();
  SLUICE_TRY(const std::uint64_t changed, database->rewrite(rewriting, stop));
  Answer answer;
  const bool stopped = stop.stop_requested();
  answer.summary = thousands(changed) + " tokens of " + place + " are of key " + tokens.key_id() + " now" +
                   (stopped ? "; stopped before the end, the same command goes on" : ", as all of them are");
  answer.text = answer.summary + "\n";
  answer.result = {{"rewrapped", changed}, {"key", tokens.key_id()}, {"complete", !stopped}};
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
  command
      .option("--key-column", arguments->key_column,
              "the column that names each token's key, where tokens do not: filled by mask_key()")
      .type("NAME");
  command
      .option("--entity-column", arguments->entity_column,
              "of mask_date_shift: the column of what was given as the entity")
      .type("NAME");
  command.option("--batch", arguments->batch, "rows a transaction").type("N").shows_default().between(1, 100000);
  arguments->mask.add_to(command);
  command.does(session, [arguments] { return rewrap(*arguments); });
}

}  // namespace sluice::cli
