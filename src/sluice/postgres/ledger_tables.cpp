#include "sluice/postgres/ledger_tables.hpp"

#include <algorithm>
#include <array>

#include "sluice/core/words.hpp"
#include "sluice/postgres/catalogue.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

struct RejectColumn {
  const char* name;
  const char* type;
  const char* rest;
};
constexpr std::array reject_columns{
    RejectColumn{"id", "uuid", " primary key"},
    RejectColumn{"flow", "integer", " not null"},
    RejectColumn{"run", "bigint", " not null"},
    RejectColumn{"key", "uuid", " not null"},
    RejectColumn{"stage", "text", " not null"},
    RejectColumn{"reason", "text", " not null"},
    RejectColumn{"column_name", "text", " not null"},
    RejectColumn{"message", "text", " not null"},
    RejectColumn{"payload", "bytea", " not null"},
    RejectColumn{"at", "timestamp with time zone", " not null default now()"},
};

std::string reject_columns_sql() {
  std::string out;
  for (const RejectColumn& column : reject_columns) {
    if (!out.empty()) out += ", ";
    out += std::string(column.name) + " " + column.type + column.rest;
  }
  return out;
}

// What version 1 had not: `object`; what version 2 had not: `schedule`; what version 3 had not: `chunk`; what
// version 4 had not: `target`. An older ledger gains them, and nothing else changes. `message` has its `at` from the
// server's clock; brin finds old keys without a page a row.
std::string tables_sql(const LedgerNames& names) {
  const auto table = [&names](std::string_view name) { return "create table if not exists " + names.of(name) + " "; };
  return table("version") + "(number integer primary key, at timestamptz not null default now());" + table("flow") +
         "(id serial primary key, project text not null, name text not null, unique (project, name));" + table("run") +
         "(id bigserial primary key, project text not null, flow text not null, version text not null, status text not "
         "null, "
         "started timestamptz not null, finished timestamptz, received bigint not null default 0, "
         "written bigint not null default 0, rows bigint not null default 0, filtered bigint not null default 0, "
         "rejected bigint not null default 0, known bigint not null default 0);" +
         table("message") +
         "(flow integer not null, key uuid not null, at timestamptz not null default now(), primary key (flow, key));"
         "create index if not exists " +
         quoted(names.bare("message_at")) + " on " + names.of("message") + " using brin (at);" + table("reject") + "(" +
         reject_columns_sql() + ");" + "create index if not exists " + quoted(names.bare("reject_flow_at")) + " on " +
         names.of("reject") + " (flow, at);" + table("key_check") +
         "(key_id text primary key, check_value text not null, at timestamptz not null default now());" +
         table("object") +
         "(flow integer not null, uri text not null, version text not null, bytes bigint not null, definition text not "
         "null, run bigint not null, at timestamptz not null default now(), primary key (flow, uri, version));" +
         table("chunk") +
         "(flow integer not null, uri text not null, version text not null, definition text not null, rows bigint not "
         "null, position bigint not null, line bigint not null, run bigint not null, at timestamptz not null default "
         "now(), primary key (flow, uri));" +
         table("schedule") +
         "(project text not null, name text not null, fired timestamptz not null, holder text not null default '', "
         "until timestamptz not null default '-infinity', primary key (project, name));" +
         table("target") +
         "(flow integer primary key, name text not null);"
         "insert into " +
         names.of("version") + " (number) values (" + std::to_string(ledger_version) + ") on conflict do nothing;";
}

Error no_right(const Connection& connection, const ServerError& error, const std::string& schema,
               bool schema_is_there) {
  const std::string user = connection.user();
  Error out = connection.error(error, "make the ledger's tables in schema \"" + schema + "\"");
  if (!error.is("42501")) return out;
  if (schema_is_there) {
    out.message =
        connection.where() + ": user \"" + user + "\" may not make the ledger's tables in schema \"" + schema + "\"";
    out.hint = "GRANT USAGE, CREATE ON SCHEMA " + quoted(schema) + " TO " + quoted(user) +
               ", or name another schema of yours by `ledger: SCHEMA` on the connection";
  } else {
    out.message = connection.where() + ": user \"" + user + "\" may not create the ledger's schema \"" + schema +
                  "\" in database \"" + connection.database() + "\"";
    out.hint = "GRANT CREATE ON DATABASE " + quoted(connection.database()) + " TO " + quoted(user) +
               ", or name a schema in which it may create tables by `ledger: SCHEMA` on the connection";
  }
  return out;
}

Error may_not_use(const Connection& connection, const ServerError& error, const std::string& schema) {
  Error out = connection.error(error, "read the ledger in schema \"" + schema + "\"");
  if (error.is("42501")) {
    const std::string user = quoted(connection.user());
    out.hint = "GRANT USAGE ON SCHEMA " + quoted(schema) + " TO " + user +
               "; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + quoted(schema) + " TO " + user +
               "; GRANT USAGE ON ALL SEQUENCES IN SCHEMA " + quoted(schema) + " TO " + user;
  }
  return out;
}

Result<void> create(Connection& connection, const std::string& schema, const std::string& sql) {
  SLUICE_TRY(const bool is_there, has_schema(connection, schema));
  const std::string make_schema = is_there ? "" : "create schema if not exists " + quoted(schema) + ";";
  Reply made = connection.run("begin;" + creation_lock() + make_schema + sql + "commit");
  if (!made) {
    const ServerError error = made.error();
    if (!error.lost()) static_cast<void>(connection.run("rollback"));
    return fail(no_right(connection, error, schema, is_there));
  }
  return {};
}

}  // namespace

LedgerNames::LedgerNames(std::string schema) : schema_(std::move(schema)) {}

std::string LedgerNames::bare(std::string_view table) const {
  return schema_ == "sluice" ? std::string(table) : "sluice_" + std::string(table);
}

std::string LedgerNames::of(std::string_view table) const { return quoted(schema_) + "." + quoted(bare(table)); }

Result<bool> has_schema(Connection& connection, const std::string& schema) {
  Reply found = connection.ask("select 1 from pg_catalog.pg_namespace where nspname = $1", Parameters().text(schema));
  if (!found) return fail(connection.error(found.error(), "look up schema \"" + schema + "\""));
  return found->rows() > 0;
}

Result<std::string> schema_sql(Connection& connection, const std::string& schema) {
  if (schema.empty()) return std::string();
  SLUICE_TRY(const bool is_there, has_schema(connection, schema));
  return is_there ? std::string() : "create schema if not exists " + quoted(schema) + ";";
}

std::string creation_lock() {
  // An arbitrary number of ours; held until the transaction ends, so a pooler does not mind.
  return "select pg_catalog.pg_advisory_xact_lock(7236837100421);";
}

Result<int> ledger_version_of(Connection& connection, const LedgerNames& names) {
  // By the catalogue: to_regclass() is an error where the role may not use the schema.
  Reply there = connection.ask(
      "select exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = 'number') "
      "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and "
      "c.relname = $2",
      Parameters().text(names.schema()).text(names.bare("version")));
  if (!there) return fail(connection.error(there.error(), "look for the ledger"));
  if (there->rows() == 0) return 0;
  if (!there->flag(0, 0)) {
    return fail(Fault::conflict,
                connection.where() + ": " + names.name("version").text() + " is no table of the ledger",
                "name another schema by `ledger: SCHEMA` on the connection");
  }
  Reply version = connection.run("select coalesce(max(number), 0) from " + names.of("version"));
  if (!version) return fail(may_not_use(connection, version.error(), names.schema()));
  const auto number = static_cast<int>(version->integer(0, 0));
  if (number > ledger_version) {
    return fail(Fault::conflict,
                connection.where() + ": the ledger in schema \"" + names.schema() + "\" is of version " +
                    std::to_string(number) + ", this program knows version " + std::to_string(ledger_version),
                "use the newer sluice that made it");
  }
  return number;
}

Result<void> make_ledger(Connection& connection, const LedgerNames& names) {
  SLUICE_TRY(const int version, ledger_version_of(connection, names));
  if (version == ledger_version) return {};
  return create(connection, names.schema(), tables_sql(names));
}

Result<void> make_rejects_table(Connection& connection, const TableName& name) {
  SLUICE_TRY(std::optional<Table> table, describe(connection, name));
  if (!table) {
    const std::string sql = "begin;" + creation_lock() + "create table if not exists " + quoted(name) + " (" +
                            reject_columns_sql() + "); commit";
    if (Reply made = connection.run(sql); !made) {
      const ServerError error = made.error();
      if (!error.lost()) static_cast<void>(connection.run("rollback"));
      Error out = connection.error(error, "make the rejects' table \"" + name.text() + "\"");
      if (error.is("42501")) {
        out.hint = "GRANT CREATE ON SCHEMA " + (name.schema.empty() ? "public" : quoted(name.schema)) + " TO " +
                   quoted(connection.user());
      }
      if (error.is("3F000")) out.hint = "make the schema first: CREATE SCHEMA " + quoted(name.schema);
      return fail(std::move(out));
    }
    SLUICE_TRY(table, describe(connection, name));
    if (!table)
      return fail(Fault::conflict, connection.where() + ": there is no table \"" + name.text() + "\" for rejects");
  }
  for (const RejectColumn& column : reject_columns) {
    const auto found = std::ranges::find(table->columns, std::string_view(column.name), &Column::name);
    if (found == table->columns.end() || found->type_name != column.type) {
      return fail(Fault::conflict,
                  connection.where() + ": table \"" + name.text() +
                      "\" has not the shape of a table of rejects: column \"" + column.name + "\" should be " +
                      column.type,
                  "name a table that does not exist, it will be made, or leave `rejects:` out for the ledger's own");
    }
  }
  return {};
}

Result<std::int64_t> flow_number(Connection& connection, const LedgerNames& names, const std::string& project,
                                 const std::string& flow) {
  const std::string find = "select id from " + names.of("flow") + " where project = $1 and name = $2";
  const Parameters parameters = Parameters().text(presentable(project)).text(presentable(flow));
  Reply found = connection.ask(find, parameters);
  if (found && found->rows() == 0) {
    Reply made = connection.ask(
        "insert into " + names.of("flow") + " (project, name) values ($1, $2) on conflict do nothing", parameters);
    if (!made) return fail(may_not_use(connection, made.error(), names.schema()));
    found = connection.ask(find, parameters);
  }
  if (!found) return fail(may_not_use(connection, found.error(), names.schema()));
  if (found->rows() == 0) return fail(Fault::failed, connection.where() + ": the ledger does not keep the flow's name");
  return found->integer(0, 0);
}

}  // namespace sluice::postgres
