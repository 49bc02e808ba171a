#include "sluice/local/duckdb_ledger.hpp"

#include "sluice/local/duckdb_table.hpp"

namespace sluice::local {
namespace {

constexpr const char* place = "ledger";
constexpr std::int64_t current_version = 5;

// One shape for the ledger's own rejects and for a flow's own table.
constexpr const char* rejects_columns =
    "(id UUID NOT NULL, flow INTEGER NOT NULL, run BIGINT NOT NULL, key UUID NOT NULL, stage VARCHAR NOT NULL, reason "
    "VARCHAR NOT NULL, "
    "column_name VARCHAR NOT NULL, message VARCHAR NOT NULL, payload BLOB NOT NULL, \"at\" TIMESTAMPTZ NOT NULL)";

// What version 1 had not.
std::string objects_sql(const std::string& schema) {
  return "CREATE TABLE " + quoted(TableName{schema, "object"}) +
         " (flow INTEGER NOT NULL, uri VARCHAR NOT NULL, version VARCHAR NOT NULL, bytes BIGINT NOT NULL, definition "
         "VARCHAR NOT NULL, run BIGINT NOT NULL, \"at\" TIMESTAMPTZ NOT NULL);";
}

// What version 2 had not.
std::string schedules_sql(const std::string& schema) {
  return "CREATE TABLE " + quoted(TableName{schema, "schedule"}) +
         " (project VARCHAR NOT NULL, name VARCHAR NOT NULL, fired TIMESTAMPTZ NOT NULL, holder VARCHAR NOT NULL);";
}

// What version 3 had not.
std::string chunks_sql(const std::string& schema) {
  return "CREATE TABLE " + quoted(TableName{schema, "chunk"}) +
         " (flow INTEGER NOT NULL, uri VARCHAR NOT NULL, version VARCHAR NOT NULL, definition VARCHAR NOT NULL, "
         "rows_there BIGINT NOT NULL, \"position\" BIGINT NOT NULL, line BIGINT NOT NULL, run BIGINT NOT NULL, \"at\" "
         "TIMESTAMPTZ NOT NULL);";
}

// What version 4 had not.
std::string targets_sql(const std::string& schema) {
  return "CREATE TABLE " + quoted(TableName{schema, "target"}) + " (flow INTEGER NOT NULL, name VARCHAR NOT NULL);";
}

std::string tables_sql(const std::string& schema) {
  const auto name = [&schema](const char* table) { return quoted(TableName{schema, table}); };
  return "CREATE SCHEMA IF NOT EXISTS " + quoted(schema) +
         ";"
         "CREATE TABLE " +
         name("version") +
         " (number INTEGER NOT NULL);"
         "CREATE TABLE " +
         name("flow") +
         " (id INTEGER NOT NULL, project VARCHAR NOT NULL, name VARCHAR NOT NULL);"
         "CREATE TABLE " +
         name("run") +
         " (id BIGINT NOT NULL, project VARCHAR NOT NULL, flow VARCHAR NOT NULL, sluice_version VARCHAR NOT NULL, "
         "status VARCHAR NOT NULL, started TIMESTAMPTZ NOT NULL, finished TIMESTAMPTZ, received BIGINT NOT NULL "
         "DEFAULT 0, written BIGINT NOT NULL DEFAULT 0, "
         "rows_written BIGINT NOT NULL DEFAULT 0, filtered BIGINT NOT NULL DEFAULT 0, rejected BIGINT NOT NULL DEFAULT "
         "0, already_there BIGINT NOT NULL DEFAULT 0);"
         "CREATE TABLE " +
         name("message") +
         " (flow INTEGER NOT NULL, key UUID NOT NULL, \"at\" TIMESTAMPTZ NOT NULL);"
         "CREATE TABLE " +
         name("reject") + " " + rejects_columns +
         ";"
         "CREATE TABLE " +
         name("key_check") + " (key_id VARCHAR NOT NULL, check_value VARCHAR NOT NULL, \"at\" TIMESTAMPTZ NOT NULL);" +
         objects_sql(schema) + schedules_sql(schema) + chunks_sql(schema) + targets_sql(schema) + "INSERT INTO " +
         name("version") + " VALUES (" + std::to_string(current_version) + ");";
}

Stage stage_of(std::string_view text) {
  for (const Stage stage : {Stage::decode, Stage::contract, Stage::select, Stage::mask, Stage::sink}) {
    if (to_string(stage) == text) return stage;
  }
  return Stage::decode;
}

std::uint64_t count(const DuckRows& rows, idx_t column) { return static_cast<std::uint64_t>(rows.integer(column)); }

}  // namespace

std::mutex& ledger_mutex() {
  static std::mutex mutex;
  return mutex;
}

Result<void> prepare_ledger(DuckConnection& connection, const std::string& schema) {
  SLUICE_TRY(const auto table, describe(connection, {schema, "version"}));
  if (!table) {
    Result<void> made = connection.run("BEGIN;" + tables_sql(schema) + "COMMIT", "make the ledger in schema " + schema,
                                       Wording::with_message);
    if (!made) connection.rollback();
    return made;
  }
  SLUICE_TRY(DuckRows rows,
             connection.ask("SELECT coalesce(max(number), 0)::BIGINT FROM " + quoted(TableName{schema, "version"}), {},
                            place));
  const std::int64_t version = rows.next() ? rows.integer(0) : 0;
  if (version >= 1 && version < current_version) {
    const std::string missing = (version < 2 ? objects_sql(schema) : "") + (version < 3 ? schedules_sql(schema) : "") +
                                (version < 4 ? chunks_sql(schema) : "") + targets_sql(schema);
    const std::string number = std::to_string(current_version);
    Result<void> made = connection.run(
        "BEGIN;" + missing + "INSERT INTO " + quoted(TableName{schema, "version"}) + " VALUES (" + number + ");COMMIT",
        "bring the ledger in schema " + schema + " to version " + number, Wording::with_message);
    if (!made) connection.rollback();
    return made;
  }
  if (version != current_version) {
    return fail(Fault::conflict,
                "the ledger in schema " + schema + " is of version " + std::to_string(version) +
                    ", which this sluice does not know",
                "run a newer sluice");
  }
  return {};
}

Result<void> prepare_rejects(DuckConnection& connection, const TableName& table) {
  SLUICE_TRY(auto shape, describe(connection, table));
  if (!shape) {
    SLUICE_CHECK(connection.run("CREATE TABLE " + quoted(table) + " " + rejects_columns,
                                "make the table of rejects " + table.text(), Wording::with_message));
    return {};
  }
  for (const char* column :
       {"id", "flow", "run", "key", "stage", "reason", "column_name", "message", "payload", "at"}) {
    if (shape->find(column) != nullptr) continue;
    return fail(Fault::conflict,
                "the table of rejects " + table.text() + " has no column " + column + ", so it was not made by sluice",
                "name another table by `rejects:`");
  }
  return {};
}

Result<std::int32_t> flow_number(DuckConnection& connection, const std::string& schema, const std::string& project,
                                 const std::string& flow) {
  const std::string table = quoted(TableName{schema, "flow"});
  const std::string look = "SELECT id::BIGINT FROM " + table + " WHERE project = $1 AND name = $2";
  {
    SLUICE_TRY(DuckRows rows, connection.ask(look, {project, flow}, place));
    if (rows.next()) return static_cast<std::int32_t>(rows.integer(0));
  }
  SLUICE_TRY(DuckRows rows, connection.ask("INSERT INTO " + table + " SELECT coalesce(max(id), 0) + 1, $1, $2 FROM " +
                                               table + " RETURNING id::BIGINT",
                                           {project, flow}, place));
  if (!rows.next()) return fail(Fault::failed, "ledger: the flow was not noted");
  return static_cast<std::int32_t>(rows.integer(0));
}

TableName rejects_table(const std::string& schema, const Target& target) {
  return target.rejects ? *target.rejects : TableName{schema, "reject"};
}

Result<DuckConnection*> DuckdbLedger::writing() {
  SLUICE_TRY(DuckConnection * connection, connect_());
  if (connection == nullptr) return fail(Fault::conflict, "there is no ledger yet", "the first run makes it");
  return connection;
}

Result<DuckConnection*> DuckdbLedger::reading(const TableName& table) {
  SLUICE_TRY(DuckConnection * connection, connect_());
  if (connection == nullptr) return connection;
  SLUICE_TRY(const auto shape, describe(*connection, table));
  if (!shape) connection = nullptr;
  return connection;
}

Result<std::int64_t> DuckdbLedger::start_run(const RunRecord& run) {
  const std::lock_guard lock(ledger_mutex());
  SLUICE_TRY(DuckConnection * connection, writing());
  SLUICE_TRY(DuckRows rows,
             connection->ask("INSERT INTO " + table("run") +
                                 " (id, project, flow, sluice_version, status, started) SELECT coalesce(max(id), 0) + "
                                 "1, $1, $2, $3, $4, $5 FROM " +
                                 table("run") + " RETURNING id",
                             {run.project, run.flow, run.version, run.status, TimestampTz{run.started}}, place));
  if (!rows.next()) return fail(Fault::failed, "ledger: the run was not noted");
  return rows.integer(0);
}

Result<void> DuckdbLedger::finish_run(const RunRecord& run) {
  SLUICE_TRY(DuckConnection * connection, writing());
  const Written& written = run.written;
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  SLUICE_CHECK(connection->ask(
      "UPDATE " + table("run") +
          " SET status = $1, finished = $2, received = $3, written = $4, rows_written = $5, filtered = $6, "
          "rejected = $7, already_there = $8 WHERE id = $9",
      {run.status, TimestampTz{run.finished}, number(run.received), number(written.written), number(written.rows),
       number(written.filtered), number(written.rejected), number(written.known), run.id},
      place));
  return {};
}

Result<std::vector<RunRecord>> DuckdbLedger::runs(const std::string& project, std::size_t most) {
  std::vector<RunRecord> out;
  SLUICE_TRY(DuckConnection * connection, reading({schema_, "run"}));
  if (connection == nullptr) return out;
  SLUICE_TRY(DuckRows rows, connection->ask("SELECT id, flow, sluice_version, status, epoch_us(started), "
                                            "coalesce(epoch_us(finished), 0), received, written, rows_written, "
                                            "filtered, rejected, already_there FROM " +
                                                table("run") + " WHERE project = $1 ORDER BY id DESC LIMIT $2",
                                            {project, static_cast<std::int64_t>(most)}, place));
  while (rows.next()) {
    RunRecord run;
    run.id = rows.integer(0);
    run.project = project;
    run.flow = rows.text(1);
    run.version = rows.text(2);
    run.status = rows.text(3);
    run.started = rows.integer(4);
    run.finished = rows.integer(5);
    run.received = count(rows, 6);
    run.written = {count(rows, 7), count(rows, 8), count(rows, 9), count(rows, 10), count(rows, 11)};
    out.push_back(std::move(run));
  }
  return out;
}

Result<std::optional<std::string>> DuckdbLedger::key_check(const std::string& key_id) {
  SLUICE_TRY(DuckConnection * connection, reading({schema_, "key_check"}));
  if (connection == nullptr) return std::nullopt;
  SLUICE_TRY(DuckRows rows,
             connection->ask("SELECT check_value FROM " + table("key_check") + " WHERE key_id = $1", {key_id}, place));
  if (!rows.next()) return std::nullopt;
  return rows.text(0);
}

Result<void> DuckdbLedger::remember_key(const std::string& key_id, const std::string& check) {
  SLUICE_TRY(DuckConnection * connection, writing());
  SLUICE_CHECK(connection->ask("INSERT INTO " + table("key_check") + " SELECT $1, $2, $3 WHERE NOT EXISTS (FROM " +
                                   table("key_check") + " WHERE key_id = $1)",
                               {key_id, check, TimestampTz{clock_.now_micros()}}, place));
  return {};
}

Result<std::vector<std::string>> DuckdbLedger::key_ids() {
  std::vector<std::string> ids;
  SLUICE_TRY(DuckConnection * connection, reading({schema_, "key_check"}));
  if (connection == nullptr) return ids;
  SLUICE_TRY(DuckRows rows,
             connection->ask("SELECT key_id FROM " + table("key_check") + " ORDER BY \"at\"", {}, place));
  while (rows.next()) ids.push_back(rows.text(0));
  return ids;
}

Result<std::vector<RejectRecord>> DuckdbLedger::read_rejects(const Target& target, const std::string& rest,
                                                             std::vector<Parameter> parameters, bool with_payload) {
  std::vector<RejectRecord> out;
  const TableName name = rejects_table(schema_, target);
  SLUICE_TRY(DuckConnection * connection, reading(name));
  if (connection == nullptr) return out;
  parameters.insert(parameters.begin(), {Parameter(target.project), Parameter(target.flow)});
  SLUICE_TRY(DuckRows rows,
             connection->ask(std::string("SELECT id, run, key, stage, reason, column_name, message, epoch_us(\"at\")") +
                                 (with_payload ? ", payload" : "") + " FROM " + quoted(name) +
                                 " WHERE flow = (SELECT id FROM " + table("flow") +
                                 " WHERE project = $1 AND name = $2) " + rest,
                             parameters, place));
  while (rows.next()) {
    RejectRecord record;
    record.flow = target.flow;
    record.id = rows.uuid(0);
    record.run = rows.integer(1);
    record.key = rows.uuid(2);
    record.stage = stage_of(rows.text(3));
    record.reason = rows.text(4);
    record.column = rows.text(5);
    record.text = rows.text(6);
    record.at = rows.integer(7);
    if (with_payload) record.payload = rows.text(8);
    out.push_back(std::move(record));
  }
  return out;
}

Result<std::vector<RejectRecord>> DuckdbLedger::rejects(const Target& target, std::size_t most, bool with_payload) {
  return read_rejects(target, "ORDER BY \"at\", id LIMIT $3", {static_cast<std::int64_t>(most)}, with_payload);
}

Result<std::optional<RejectRecord>> DuckdbLedger::reject(const Target& target, const Key& id) {
  SLUICE_TRY(std::vector<RejectRecord> found, read_rejects(target, "AND id = $3", {id}, true));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

Result<std::uint64_t> DuckdbLedger::drop_rejects(const Target& target, const std::vector<Key>& ids) {
  const TableName name = rejects_table(schema_, target);
  SLUICE_TRY(DuckConnection * connection, reading(name));
  if (connection == nullptr) return 0U;
  std::vector<Parameter> parameters{target.project, target.flow};
  if (!ids.empty()) parameters.emplace_back(ids);
  SLUICE_TRY(DuckRows rows, connection->ask("DELETE FROM " + quoted(name) + " WHERE flow = (SELECT id FROM " +
                                                table("flow") + " WHERE project = $1 AND name = $2)" +
                                                (ids.empty() ? "" : " AND id IN (SELECT unnest($3))"),
                                            parameters, place));
  return rows.changed();
}

Result<std::uint64_t> DuckdbLedger::prune(std::chrono::hours age, std::size_t most) {
  SLUICE_TRY(DuckConnection * connection, reading({schema_, "message"}));
  if (connection == nullptr) return 0U;
  const std::int64_t before = clock_.now_micros() - std::chrono::microseconds(age).count();
  SLUICE_TRY(DuckRows rows, connection->ask("DELETE FROM " + table("message") + " WHERE rowid IN (SELECT rowid FROM " +
                                                table("message") + " WHERE \"at\" < $1 LIMIT $2)",
                                            {TimestampTz{before}, static_cast<std::int64_t>(most)}, place));
  return rows.changed();
}

}  // namespace sluice::local
