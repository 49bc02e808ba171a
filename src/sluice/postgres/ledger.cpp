#include "sluice/postgres/ledger.hpp"

#include <cstdlib>
#include <cstring>

#include "sluice/core/words.hpp"
#include "sluice/postgres/catalogue.hpp"
#include "sluice/postgres/wire.hpp"

namespace sluice::postgres {
namespace {

constexpr const char* place = "ledger";
constexpr int current_version = 1;

// One shape for the ledger's own rejects and for a flow's own table.
std::string rejects_columns() {
  return "(id uuid PRIMARY KEY, flow integer NOT NULL, run bigint NOT NULL, key uuid NOT NULL, stage text NOT NULL, "
         "reason text NOT NULL, column_name text NOT NULL, message text NOT NULL, payload bytea NOT NULL, "
         "at timestamptz NOT NULL DEFAULT now())";
}

std::string tables_sql(const LedgerNames& names) {
  return "CREATE TABLE IF NOT EXISTS " + names.table("version") + " (number integer NOT NULL);"
         "CREATE TABLE " + names.table("flow") + " (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project text NOT NULL, name text NOT NULL, UNIQUE (project, name));"
         "CREATE TABLE " + names.table("run") + " (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project text NOT NULL, flow text NOT NULL, sluice_version text NOT NULL, "
         "status text NOT NULL, started timestamptz NOT NULL, finished timestamptz, received bigint NOT NULL DEFAULT 0, written bigint NOT NULL DEFAULT 0, "
         "rows_written bigint NOT NULL DEFAULT 0, filtered bigint NOT NULL DEFAULT 0, rejected bigint NOT NULL DEFAULT 0, already_there bigint NOT NULL DEFAULT 0);"
         "CREATE TABLE " + names.table("message") + " (flow integer NOT NULL, key uuid NOT NULL, at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (flow, key));"
         // Finds what is old enough to forget, at next to no cost for an insert.
         "CREATE INDEX message_at ON " + names.table("message") + " USING brin (at);"
         "CREATE TABLE " + names.table("reject") + " " + rejects_columns() + ";"
         "CREATE TABLE " + names.table("key_check") + " (key_id text PRIMARY KEY, check_value text NOT NULL, at timestamptz NOT NULL DEFAULT now());"
         "INSERT INTO " + names.table("version") + " VALUES (" + std::to_string(current_version) + ");";
}

std::string cell(const ResultSet& rows, int row, int column) {
  return PQgetisnull(rows.get(), row, column) == 1 ? std::string() : std::string(PQgetvalue(rows.get(), row, column));
}

std::int64_t number(const ResultSet& rows, int row, int column) { return std::strtoll(cell(rows, row, column).c_str(), nullptr, 10); }
std::uint64_t count(const ResultSet& rows, int row, int column) { return static_cast<std::uint64_t>(number(rows, row, column)); }

Result<int> version_of(Connection& connection, const LedgerNames& names) {
  const Parameter table = text(names.table("version"));
  SLUICE_TRY(const ResultSet there, connection.run("select to_regclass($1) is not null", std::span(&table, 1), place));
  if (cell(there, 0, 0) != "t") return 0;
  SLUICE_TRY(const ResultSet rows, connection.run("select coalesce(max(number), 0) from " + names.table("version"), place));
  return static_cast<int>(number(rows, 0, 0));
}

// What a role without the right can do about it.
tl::unexpected<Error> not_allowed(Error error, Connection& connection, const LedgerNames& names, bool schema_is_there) {
  if (error.fault != Fault::denied) return fail(std::move(error));
  const std::string role = PQuser(connection.get());
  if (schema_is_there) {
    error.message = "the ledger's tables cannot be made: role " + role + " may not create tables in schema " + names.schema;
    error.hint = "GRANT CREATE, USAGE ON SCHEMA " + names.schema + " TO " + quoted(role) + ", or name another schema by `ledger:` in the connection";
  } else {
    error.message = "the ledger's schema " + names.schema + " cannot be made: role " + role + " may not create schemas in database " + PQdb(connection.get());
    error.hint = "GRANT CREATE ON DATABASE " + quoted(PQdb(connection.get())) + " TO " + quoted(role) + ", or name a schema where it may make tables by `ledger:` in the connection";
  }
  return fail(std::move(error));
}

Result<void> make_ledger(Connection& connection, const LedgerNames& names) {
  // Two processes may meet here: the second waits, then finds the tables.
  const Parameter schema = text(names.plain);
  SLUICE_TRY(const ResultSet there, connection.run("select count(*) from pg_namespace where nspname = $1", std::span(&schema, 1), place));
  const bool schema_is_there = cell(there, 0, 0) != "0";
  SLUICE_CHECK(connection.run("BEGIN; SELECT pg_advisory_xact_lock(7240571, hashtext('sluice ledger'))", place));
  SLUICE_TRY(const int version, version_of(connection, names));
  if (version == 0) {
    std::string sql;
    // Not IF NOT EXISTS alone: that needs the right even where the schema is there.
    if (!schema_is_there) sql = "CREATE SCHEMA IF NOT EXISTS " + names.schema + ";";
    if (const auto made = connection.run(sql + tables_sql(names), place); !made) {
      static_cast<void>(connection.run("ROLLBACK", place));
      return not_allowed(made.error(), connection, names, schema_is_there);
    }
  }
  SLUICE_CHECK(connection.run("COMMIT", place));
  return {};
}

constexpr const char* reject_list = "id, run, key, stage, reason, column_name, message, (extract(epoch from at) * 1000000)::bigint";

RejectRecord reject_of(const ResultSet& rows, int row, const std::string& flow) {
  RejectRecord record;
  record.flow = flow;
  parse_uuid(cell(rows, row, 0), record.id);
  record.run = number(rows, row, 1);
  parse_uuid(cell(rows, row, 2), record.key);
  const std::string stage = cell(rows, row, 3);
  for (const Stage candidate : {Stage::decode, Stage::contract, Stage::select, Stage::mask, Stage::sink}) {
    if (to_string(candidate) == stage) record.stage = candidate;
  }
  record.reason = cell(rows, row, 4);
  record.column = cell(rows, row, 5);
  record.text = cell(rows, row, 6);
  record.at = number(rows, row, 7);
  if (PQnfields(rows.get()) > 8) {
    std::size_t length = 0;
    unsigned char* bytes = PQunescapeBytea(reinterpret_cast<const unsigned char*>(PQgetvalue(rows.get(), row, 8)), &length);
    if (bytes != nullptr) record.payload.assign(reinterpret_cast<const char*>(bytes), length);
    PQfreemem(bytes);
  }
  return record;
}

std::string timestamp(std::int64_t micros) { return "to_timestamp(" + std::to_string(micros) + " / 1000000.0)"; }

}  // namespace

LedgerNames::LedgerNames(const std::string& name) : schema(quoted(name)), plain(name) {}

Parameter uuid_array(const std::vector<Key>& keys) {
  constexpr std::int32_t uuid_oid = 2950;
  std::string bytes;
  bytes.reserve(20 + keys.size() * 20);
  put_number(std::int32_t{keys.empty() ? 0 : 1}, bytes);  // dimensions
  put_number(std::int32_t{0}, bytes);                     // no NULLs
  put_number(uuid_oid, bytes);
  if (!keys.empty()) {
    put_number(static_cast<std::int32_t>(keys.size()), bytes);
    put_number(std::int32_t{1}, bytes);  // the first index
    for (const Key& key : keys) put_field(std::string_view(reinterpret_cast<const char*>(key.bytes.data()), 16), bytes);
  }
  return {std::move(bytes), 2951, true};  // uuid[]
}

Result<void> prepare_ledger(Connection& connection, const LedgerNames& names) {
  SLUICE_TRY(const int version, version_of(connection, names));
  if (version > current_version) {
    return fail(Fault::conflict, "the ledger in schema " + names.schema + " is of version " + std::to_string(version) + ", which this sluice does not know",
                "run a newer sluice");
  }
  return version == current_version ? Result<void>{} : make_ledger(connection, names);
}

Result<void> prepare_rejects(Connection& connection, const TableName& table) {
  SLUICE_TRY(auto shape, describe(connection, table));
  if (!shape) {
    const auto made = connection.run("CREATE TABLE IF NOT EXISTS " + quoted(table) + " " + rejects_columns(), "make the table of rejects", Wording::with_message);
    SLUICE_TRY(shape, describe(connection, table));
    if (!shape && !made) return fail(made.error());
  }
  for (const char* column : {"id", "flow", "run", "key", "stage", "reason", "column_name", "message", "payload", "at"}) {
    if (shape->find(column) == nullptr) {
      return fail(Fault::conflict, "the table of rejects " + shape->name + " has no column " + column + ", so it was not made by sluice", "name another table by `rejects:`");
    }
  }
  return {};
}

Result<std::int32_t> flow_number(Connection& connection, const LedgerNames& names, const std::string& project, const std::string& flow) {
  const std::array parameters{text(project), text(flow)};
  const std::string look = "SELECT id FROM " + names.table("flow") + " WHERE project = $1 AND name = $2";
  SLUICE_TRY(ResultSet rows, connection.run(look, parameters, place));
  if (PQntuples(rows.get()) == 0) {
    SLUICE_CHECK(connection.run("INSERT INTO " + names.table("flow") + " (project, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", parameters, place));
    SLUICE_TRY(rows, connection.run(look, parameters, place));
  }
  return static_cast<std::int32_t>(number(rows, 0, 0));
}

std::string rejects_table(const LedgerNames& names, const Target& target) {
  return target.rejects ? quoted(*target.rejects) : names.table("reject");
}

Result<bool> PostgresLedger::is_there() {
  SLUICE_TRY(const int version, version_of(connection_, names_));
  return version > 0;
}

Result<std::int64_t> PostgresLedger::start_run(const RunRecord& run) {
  const std::array parameters{text(run.project), text(run.flow), text(run.version), text(run.status)};
  SLUICE_TRY(const ResultSet rows, connection_.run("INSERT INTO " + names_.table("run") + " (project, flow, sluice_version, status, started) VALUES ($1, $2, $3, $4, " +
                                                       timestamp(run.started) + ") RETURNING id",
                                                   parameters, place));
  return number(rows, 0, 0);
}

Result<void> PostgresLedger::finish_run(const RunRecord& run) {
  const Written& written = run.written;
  const std::array parameters{text(run.status), text(std::to_string(run.received)), text(std::to_string(written.written)), text(std::to_string(written.rows)),
                              text(std::to_string(written.filtered)), text(std::to_string(written.rejected)), text(std::to_string(written.known)),
                              text(std::to_string(run.id))};
  SLUICE_CHECK(connection_.run("UPDATE " + names_.table("run") + " SET status = $1, finished = " + timestamp(run.finished) +
                                   ", received = $2, written = $3, rows_written = $4, filtered = $5, rejected = $6, already_there = $7 WHERE id = $8",
                               parameters, place));
  return {};
}

Result<std::vector<RunRecord>> PostgresLedger::runs(const std::string& project, std::size_t most) {
  std::vector<RunRecord> out;
  SLUICE_TRY(const bool there, is_there());
  if (!there) return out;
  const std::array parameters{text(project), text(std::to_string(most))};
  SLUICE_TRY(const ResultSet rows,
             connection_.run("SELECT id, flow, sluice_version, status, (extract(epoch from started) * 1000000)::bigint, "
                             "coalesce((extract(epoch from finished) * 1000000)::bigint, 0), received, written, rows_written, filtered, rejected, already_there FROM " +
                                 names_.table("run") + " WHERE project = $1 ORDER BY id DESC LIMIT $2",
                             parameters, place));
  for (int row = 0; row < PQntuples(rows.get()); ++row) {
    RunRecord run;
    run.id = number(rows, row, 0);
    run.project = project;
    run.flow = cell(rows, row, 1);
    run.version = cell(rows, row, 2);
    run.status = cell(rows, row, 3);
    run.started = number(rows, row, 4);
    run.finished = number(rows, row, 5);
    run.received = count(rows, row, 6);
    run.written = {count(rows, row, 7), count(rows, row, 8), count(rows, row, 9), count(rows, row, 10), count(rows, row, 11)};
    out.push_back(std::move(run));
  }
  return out;
}

Result<std::optional<std::string>> PostgresLedger::key_check(const std::string& key_id) {
  const Parameter id = text(key_id);
  SLUICE_TRY(const ResultSet rows, connection_.run("SELECT check_value FROM " + names_.table("key_check") + " WHERE key_id = $1", std::span(&id, 1), place));
  if (PQntuples(rows.get()) == 0) return std::nullopt;
  return cell(rows, 0, 0);
}

Result<void> PostgresLedger::remember_key(const std::string& key_id, const std::string& check) {
  const std::array parameters{text(key_id), text(check)};
  SLUICE_CHECK(connection_.run("INSERT INTO " + names_.table("key_check") + " (key_id, check_value) VALUES ($1, $2) ON CONFLICT DO NOTHING", parameters, place));
  return {};
}

Result<std::vector<std::string>> PostgresLedger::key_ids() {
  SLUICE_TRY(const ResultSet rows, connection_.run("SELECT key_id FROM " + names_.table("key_check") + " ORDER BY at", place));
  std::vector<std::string> ids;
  for (int row = 0; row < PQntuples(rows.get()); ++row) ids.push_back(cell(rows, row, 0));
  return ids;
}

Result<std::vector<RejectRecord>> PostgresLedger::rejects(const Target& target, std::size_t most, bool with_payload) {
  std::vector<RejectRecord> out;
  SLUICE_TRY(const bool there, is_there());
  if (!there) return out;
  SLUICE_TRY(const std::int32_t flow, flow_number(connection_, names_, target.project, target.flow));
  const std::array parameters{text(std::to_string(flow)), text(std::to_string(most))};
  SLUICE_TRY(const ResultSet rows, connection_.run(std::string("SELECT ") + reject_list + (with_payload ? ", payload" : "") + " FROM " + rejects_table(names_, target) +
                                                       " WHERE flow = $1 ORDER BY at, id LIMIT $2",
                                                   parameters, place));
  for (int row = 0; row < PQntuples(rows.get()); ++row) out.push_back(reject_of(rows, row, target.flow));
  return out;
}

Result<std::optional<RejectRecord>> PostgresLedger::reject(const Target& target, const Key& id) {
  const Parameter parameter = text(to_uuid(id));
  SLUICE_TRY(const ResultSet rows, connection_.run(std::string("SELECT ") + reject_list + ", payload FROM " + rejects_table(names_, target) + " WHERE id = $1",
                                                   std::span(&parameter, 1), place));
  if (PQntuples(rows.get()) == 0) return std::nullopt;
  return reject_of(rows, 0, target.flow);
}

Result<std::uint64_t> PostgresLedger::drop_rejects(const Target& target, const std::vector<Key>& ids) {
  SLUICE_TRY(const std::int32_t flow, flow_number(connection_, names_, target.project, target.flow));
  std::string sql = "DELETE FROM " + rejects_table(names_, target) + " WHERE flow = $1";
  std::vector<Parameter> parameters{text(std::to_string(flow))};
  if (!ids.empty()) {
    sql += " AND id = ANY($2)";
    parameters.push_back(uuid_array(ids));
  }
  SLUICE_TRY(const ResultSet done, connection_.run(sql, parameters, place));
  return std::strtoull(PQcmdTuples(done.get()), nullptr, 10);
}

Result<std::uint64_t> PostgresLedger::prune(std::chrono::hours age, std::size_t most) {
  const std::string table = names_.table("message");
  const std::array parameters{text(std::to_string(age.count())), text(std::to_string(most))};
  SLUICE_TRY(const ResultSet done, connection_.run("DELETE FROM " + table + " WHERE ctid = ANY(ARRAY(SELECT ctid FROM " + table +
                                                       " WHERE at < now() - make_interval(hours => $1::int) LIMIT $2::bigint))",
                                                   parameters, place));
  return std::strtoull(PQcmdTuples(done.get()), nullptr, 10);
}

}  // namespace sluice::postgres
