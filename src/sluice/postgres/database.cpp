#include "sluice/postgres/database.hpp"

#include <algorithm>
#include <cassert>

#include "sluice/core/log.hpp"
#include "sluice/core/words.hpp"
#include "sluice/postgres/open.hpp"
#include "sluice/postgres/sink.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

Error no_table(const Connection& connection, const TableName& name) {
  return {
      Fault::conflict,
      connection.where() + ": there is no table \"" + name.text() + "\" in database \"" + connection.database() + "\"",
      "make it, or let it be made: `create: FILE.sql`, or `create: true` for the select's columns"};
}

std::size_t line_of(const std::string& text, int position) {
  const std::size_t end = std::min(text.size(), static_cast<std::size_t>(std::max(0, position - 1)));
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
}

Error not_made(const Connection& connection, const ServerError& error, const Target& target, bool schema_missing) {
  const std::string& file = target.create->file;
  std::string what = "make table \"" + target.table.text() + "\"";
  if (!file.empty()) {
    what += " by " + file;
    if (error.position > 0) what += ":" + std::to_string(line_of(target.create->sql, error.position));
  }
  Error out = connection.error(error, what);
  const std::string schema = target.table.schema.empty() ? "public" : target.table.schema;
  if (error.is("42501") && schema_missing) {
    out.hint = "make the schema first: CREATE SCHEMA " + quoted(schema) + " AUTHORIZATION " +
               quoted(connection.user()) + ", or GRANT CREATE ON DATABASE " + quoted(connection.database()) + " TO " +
               quoted(connection.user());
  } else if (error.is("42501"))
    out.hint = "GRANT USAGE, CREATE ON SCHEMA " + quoted(schema) + " TO " + quoted(connection.user()) +
               ", or make the table yourself";
  if (error.is("3F000")) out.hint = "make the schema first: CREATE SCHEMA " + quoted(schema);
  return out;
}

// A file that changes the search path hides the table that it made; the flow's objects are forgotten even so.
Result<std::uint64_t> forget_loaded(Connection& connection, const LedgerNames& names, const Target& target) {
  SLUICE_TRY(const std::optional<Table> table, describe(connection, target.table));
  return forget_objects(connection, names, target, table ? table->name : target.table);
}

// The file runs as one piece, as psql -1 would run it. Of two processes the second finds the table there.
// What the ledger lists as loaded into it is forgotten with it, or both are as they were.
Result<void> make_table(Connection& connection, const LedgerNames& names, const Target& target) {
  if (Reply begun = connection.run("begin;" + creation_lock()); !begun)
    return fail(connection.error(begun.error(), "begin a transaction"));
  const Result<std::optional<Table>> there = describe(connection, target.table);
  if (!there || *there) {
    static_cast<void>(connection.run("rollback"));
    if (!there) return fail(there.error());
    return {};
  }
  const std::string& file = target.create->sql;
  const Result<std::string> make_schema = schema_sql(connection, target.table.schema);
  if (!make_schema) return fail(make_schema.error());
  Reply made =
      connection.run(*make_schema + (file.empty() ? create_table_sql(target.table, target.columns, target.key) : file));
  std::uint64_t objects = 0;
  if (made) {
    const Result<std::uint64_t> gone = forget_loaded(connection, names, target);
    if (!gone) {
      static_cast<void>(connection.run("rollback"));
      return fail(gone.error());
    }
    objects = *gone;
    made = connection.run("commit");
  }
  if (made && objects > 0) {
    log::info("table made: its objects are loaded again",
              {{"table", target.table.text()}, {"objects", std::to_string(objects)}});
    return {};
  }
  if (made) {
    log::info("table made", {{"table", target.table.text()}});
    return {};
  }
  const ServerError error = made.error();
  if (!error.lost()) static_cast<void>(connection.run("rollback"));
  return fail(not_made(connection, error, target, !make_schema->empty()));
}

}  // namespace

Result<Connection*> Session::connection() {
  if (connection_ && connection_->usable_after_idling()) return &*connection_;
  connection_.reset();
  SLUICE_TRY(Connection opened, Connection::open(options_, application_, clock_));
  connection_.emplace(std::move(opened));
  if (connection_->server_version() < 100000) {
    const std::string where = connection_->where();
    connection_.reset();
    return fail(Fault::config, where + ": the server is older than PostgreSQL 10",
                "use a server that is still maintained");
  }
  return &*connection_;
}

Result<Plan> plan_for(const Connection& connection, const Table& table, const Target& target) {
  const std::string place = connection.where() + ": \"" + table.name.text() + "\"";
  if (table.kind != 'r' && table.kind != 'p' && table.kind != 'f') {
    return fail(Fault::conflict, place + " is no table that rows can be written to",
                "name a table, not a view or an index");
  }
  if (!table.may_insert) {
    return fail(Fault::denied, place + ": user \"" + connection.user() + "\" may not insert",
                "GRANT INSERT ON " + quoted(table.name) + " TO " + quoted(connection.user()));
  }
  if (table.row_security) {
    return fail(
        Fault::conflict,
        place + ": row-level security applies to user \"" + connection.user() + "\", and the server then refuses COPY",
        "ALTER ROLE " + quoted(connection.user()) + " BYPASSRLS, or write to a table without policies");
  }
  return match_columns(target.columns, table, connection.where());
}

Result<void> TableDatabase::prepare(const Target& target) {
  SLUICE_TRY(Connection * connection, session_.connection());
  SLUICE_TRY(std::optional<Table> table, describe(*connection, target.table));
  if (!table && !target.create) return fail(no_table(*connection, target.table));
  // A table of another shape is found before anything is made.
  if (table) SLUICE_CHECK(plan_for(*connection, *table, target));
  SLUICE_CHECK(make_ledger(*connection, ledger_.names()));
  if (!table) {
    SLUICE_CHECK(make_table(*connection, ledger_.names(), target));
    SLUICE_TRY(table, describe(*connection, target.table));
    if (!table) {
      Error error = no_table(*connection, target.table);
      error.message +=
          ", although " + (target.create->file.empty() ? "it was just made" : target.create->file + " was run");
      error.hint = "the file must make the table that `into` names, in the schema it names";
      return fail(std::move(error));
    }
  }
  SLUICE_TRY(Plan plan, plan_for(*connection, *table, target));
  if (plan.as_text) log::debug("COPY in text form: a column has no binary encoder", {{"table", plan.table}});
  if (table->unlogged) log::warning("the table is UNLOGGED: a crash of the server empties it", {{"table", plan.table}});

  const LedgerNames& names = ledger_.names();
  if (target.rejects) SLUICE_CHECK(make_rejects_table(*connection, *target.rejects));
  SLUICE_TRY(plan.flow, flow_number(*connection, names, target.project, target.flow));
  plan.rejects = target.rejects ? quoted(*target.rejects) : names.of("reject");
  plan.copy_keys = "COPY " + names.of("message") + " (flow, key) FROM STDIN (FORMAT binary)";
  plan.insert_keys =
      "insert into " + names.of("message") +
      " (flow, key) select $1::integer, k from unnest($2::uuid[]) as k on conflict do nothing returning key";
  plan.objects = names.of("object");
  plan.chunks = names.of("chunk");
  plan.flows = names.of("flow");
  plan.runs = names.of("run");
  SLUICE_CHECK(plan_load(*connection, target, *table, plan));
  if (target.from_objects) SLUICE_CHECK(note_target(*connection, names, plan.flow, target, *table));
  plan.project = target.project;
  plan.flow_name = target.flow;
  plans_[{target.project, target.flow}] = std::make_shared<const Plan>(std::move(plan));
  return {};
}

Result<std::unique_ptr<Sink>> TableDatabase::open_sink(const Target& target, std::int64_t run) {
  const auto plan = plans_.find({target.project, target.flow});
  assert(plan != plans_.end() && "prepare() comes before open_sink()");
  return std::make_unique<TableSink>(session_.options(), plan->second, run, session_.clock());
}

Result<Rows> TableDatabase::first_rows(const TableName& table, std::size_t most) {
  SLUICE_TRY(Connection * connection, session_.connection());
  const Reply found = connection->run("select * from " + quoted(table) + " limit " + std::to_string(most));
  if (!found) return fail(connection->error(found.error(), "read table \"" + table.text() + "\""));
  Rows out;
  for (std::size_t column = 0; column < found->columns(); ++column) out.names.push_back(found->name(column));
  for (std::size_t row = 0; row < found->rows(); ++row) {
    Cells cells;
    for (std::size_t column = 0; column < found->columns(); ++column) {
      cells.push_back(found->is_null(row, column) ? std::nullopt : std::optional(found->text(row, column)));
    }
    out.rows.push_back(std::move(cells));
  }
  return out;
}

Result<bool> TableDatabase::has_table(const TableName& table) {
  SLUICE_TRY(Connection * connection, session_.connection());
  SLUICE_TRY(const std::optional<Table> found, describe(*connection, table));
  return found.has_value();
}

Result<std::uint64_t> TableDatabase::count_rows(const TableName& table) {
  SLUICE_TRY(Connection * connection, session_.connection());
  const Reply found = connection->run("select count(*) from " + quoted(table));
  if (!found) return fail(connection->error(found.error(), "count table \"" + table.text() + "\""));
  return static_cast<std::uint64_t>(found->integer(0, 0));
}

Result<std::unique_ptr<Database>> open_postgres(const Settings& settings, const Clock& clock) {
  SLUICE_TRY(ConnectOptions options, connect_options(settings, &process_environment));
  SLUICE_TRY(const std::int64_t connections, settings.integer("connections", 4, 1, 64));
  const Setting* ledger = settings.find("ledger");
  const std::string schema = ledger == nullptr || ledger->text.empty() ? "sluice" : ledger->text;
  constexpr std::size_t name_bytes_max = 63;  // NAMEDATALEN - 1
  if (schema.size() > name_bytes_max || schema.find('\0') != std::string::npos || schema.starts_with("pg_")) {
    return fail(Fault::config, (ledger != nullptr ? ledger->place : settings.place).text() +
                                   ": 'ledger' is no name for a schema: at most 63 bytes, not beginning with pg_");
  }
  return std::make_unique<TableDatabase>(std::move(options), settings.project, LedgerNames(schema),
                                         static_cast<std::size_t>(connections), clock);
}

std::string postgres_far_end(const Settings& settings) {
  const Result<ConnectOptions> options = connect_options(settings, &process_environment);
  if (!options) return "";
  std::string text;
  for (const Host& host : options->hosts) text += host.text() + "; ";
  // Without a database libpq takes the user's name.
  const bool named = options->find("dbname") != nullptr;
  for (const char* keyword : {"service", named ? "dbname" : "user", "options"}) {
    const std::string* value = options->find(keyword);
    text += std::string(keyword) + "=" + (value == nullptr ? "" : *value) + "; ";
  }
  return text;
}

}  // namespace sluice::postgres
