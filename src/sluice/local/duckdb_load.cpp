#include "sluice/local/duckdb_load.hpp"

#include <algorithm>

#include "sluice/core/log.hpp"
#include "sluice/core/words.hpp"
#include "sluice/local/duckdb_ledger.hpp"

namespace sluice::local {
namespace {

constexpr const char* place = "load objects";
constexpr std::size_t reject_bytes_max = std::size_t{64} << 20U;

// "CREATE TABLE s.t(a INTEGER PRIMARY KEY);" as it is for another name.
std::string renamed(const std::string& sql, const TableName& name) {
  bool inside = false;  // of quotes
  std::size_t at = 0;
  for (; at < sql.size() && (inside || sql[at] != '('); ++at) inside = sql[at] == '"' ? !inside : inside;
  return "CREATE TABLE " + quoted(name) + sql.substr(at);
}

std::string list(const std::vector<std::string>& columns, const std::string& before = "") {
  std::string out;
  for (const std::string& column : columns) out += (out.empty() ? "" : ", ") + before + quoted(column);
  return out;
}

}  // namespace

Result<void> check_key(DuckConnection& connection, const TableShape& table, const std::vector<std::string>& key) {
  std::vector<std::string> wanted;
  for (const std::string& name : key) {
    const TableColumn* column = table.find(name);
    if (column == nullptr)
      return fail(Fault::conflict, "table " + table.name.text() + ": there is no column \"" + name + "\" for the key");
    wanted.push_back(column->name);
  }
  std::ranges::sort(wanted);
  SLUICE_TRY(DuckRows rows,
             connection.ask("SELECT array_to_string(list_sort(constraint_column_names), chr(0)) FROM "
                            "duckdb_constraints() WHERE database_name = current_database() AND schema_name = $1 AND "
                            "table_name = $2 AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
                            {table.name.schema, table.name.table}, place));
  while (rows.next()) {
    if (rows.text(0) == join(wanted, std::string(1, '\0'))) return {};
  }
  return fail(Fault::conflict,
              "table " + table.name.text() + ": no PRIMARY KEY or UNIQUE is over the key (" + join(key, ", ") + ")",
              "make the table with one, or name its columns by `key`");
}

DuckdbLoad::DuckdbLoad(LoadPlan plan, DuckConnection to_target, DuckConnection to_stage, TablePlan stage_rows,
                       const Clock& clock)
    : plan_(std::move(plan)),
      target_(std::move(to_target), plan_.sink, clock),
      stage_(std::move(to_stage),
             SinkPlan{plan_.sink.flow, plan_.sink.run, plan_.sink.messages, plan_.sink.rejects, std::move(stage_rows)},
             clock),
      clock_(clock) {}

Result<std::unique_ptr<Sink>> DuckdbLoad::open(const std::shared_ptr<DuckFile>& file, LoadPlan plan,
                                               const Clock& clock) {
  SLUICE_TRY(DuckConnection to_target, DuckConnection::open(file));
  SLUICE_TRY(DuckConnection to_stage, DuckConnection::open(file));
  SLUICE_TRY(const auto shape, describe(to_target, plan.target));
  if (!shape) return fail(Fault::conflict, "table " + plan.target.text() + " is gone");
  plan.target = shape->name;
  TableShape stage = *shape;
  stage.name = plan.stage;
  SLUICE_TRY(TablePlan stage_rows, plan_insert(plan.sink.rows.columns, stage));
  return std::make_unique<DuckdbLoad>(std::move(plan), std::move(to_target), std::move(to_stage), std::move(stage_rows),
                                      clock);
}

Result<Known> DuckdbLoad::begin(const Delivery& delivery) {
  rollback();
  delivery_ = &delivery;
  known_.assign(delivery.objects.size(), false);
  rejects_.clear();
  reject_bytes_ = 0;
  there_ = {};
  if (delivery.objects.empty()) return target_.begin({});
  if (plan_.mode == Mode::replace) {
    SLUICE_TRY(const bool same, loaded_as_they_are(delivery));
    known_.assign(known_.size(), same);
  } else {
    // A load of all again skips what it has loaded itself.
    const std::string found = "SELECT 1::BIGINT FROM " + quoted(plan_.objects) +
                              " WHERE flow = $1 AND uri = $2 AND version = $3" +
                              (plan_.refresh ? " AND run = " + std::to_string(plan_.sink.run) : "");
    for (std::size_t i = 0; i < known_.size(); ++i) {
      const ObjectProof& object = delivery.objects[i];
      SLUICE_TRY(DuckRows rows,
                 target_.connection().ask(found, {std::int64_t{plan_.sink.flow}, object.uri, object.version}, place));
      known_[i] = rows.next();
    }
    SLUICE_CHECK(find_chunks(delivery));
  }
  if (std::ranges::count(known_, false) > 0) SLUICE_CHECK(make_stage());
  return known_;
}

// Which objects were loaded in part. A merge of another version begins again, as it would after a whole one;
// but not over rows that no version may have had.
Result<void> DuckdbLoad::find_chunks(const Delivery& delivery) {
  for (std::size_t i = 0; i < known_.size(); ++i) {
    if (known_[i]) continue;
    const ObjectProof& object = delivery.objects[i];
    SLUICE_TRY(DuckRows rows,
               target_.connection().ask("SELECT version, definition, rows_there, \"position\", line, run FROM " +
                                            quoted(plan_.chunks) + " WHERE flow = $1 AND uri = $2",
                                        {std::int64_t{plan_.sink.flow}, object.uri}, place));
    if (!rows.next()) continue;
    if (plan_.refresh && rows.integer(5) != plan_.sink.run) continue;
    const auto number = [&rows](idx_t column) { return static_cast<std::uint64_t>(rows.integer(column)); };
    const BegunObject begun{rows.text(0), rows.text(1), {number(2), number(3), number(4)}};
    if (begun.version == object.version && begun.definition == plan_.definition) {
      there_ = begun.upto;
    } else if (plan_.mode != Mode::merge || begun.version.starts_with(doubted)) {
      return fail(cannot_go_on(object, begun,
                               "DELETE FROM " + quoted(plan_.chunks) + " WHERE flow = " +
                                   std::to_string(plan_.sink.flow) + " AND uri = " + literal(object.uri)));
    }
  }
  return {};
}

Result<void> DuckdbLoad::forget_chunk(const std::string& uri) {
  SLUICE_CHECK(target_.connection().ask("DELETE FROM " + quoted(plan_.chunks) + " WHERE flow = $1 AND uri = $2",
                                        {std::int64_t{plan_.sink.flow}, uri}, place));
  return {};
}

Result<bool> DuckdbLoad::loaded_as_they_are(const Delivery& delivery) {
  if (plan_.refresh) return false;
  std::vector<ObjectProof> there;
  SLUICE_TRY(DuckRows rows, target_.connection().ask("SELECT uri, version, bytes, definition FROM " +
                                                         quoted(plan_.objects) + " WHERE flow = $1",
                                                     {std::int64_t{plan_.sink.flow}}, place));
  while (rows.next()) {
    if (rows.text(3) != plan_.definition) return false;
    there.push_back({rows.text(0), rows.text(1), static_cast<std::uint64_t>(rows.integer(2))});
  }
  std::vector<ObjectProof> now = delivery.objects;
  std::ranges::sort(there);
  std::ranges::sort(now);
  if (there != now) return false;
  if (there.empty()) return true;
  SLUICE_TRY(const bool emptied, was_emptied());
  return !emptied;
}

// Whether somebody else took all rows out. A run that had no rows to write, and says so, leaves an empty table, too.
Result<bool> DuckdbLoad::was_emptied() {
  SLUICE_TRY(DuckRows rows, target_.connection().ask("SELECT NOT EXISTS (FROM " + quoted(plan_.target) +
                                                         ") AND NOT EXISTS (FROM " + quoted(plan_.runs) +
                                                         " WHERE id = (SELECT max(run) FROM " + quoted(plan_.objects) +
                                                         " WHERE flow = $1) AND status = 'done' AND rows_written = 0)",
                                                     {std::int64_t{plan_.sink.flow}}, place));
  if (!rows.next() || !rows.boolean(0)) return false;
  log::warning("the table was emptied: its objects are loaded again", {{"table", plan_.target.text()}});
  return true;
}

Result<void> DuckdbLoad::make_stage() {
  DuckConnection& connection = target_.connection();
  const std::string stage = quoted(plan_.stage);
  SLUICE_CHECK(connection.run("DROP TABLE IF EXISTS " + stage, place));
  seeded_ = 0;
  if (plan_.mode == Mode::merge) {
    SLUICE_TRY(const std::string merged, merge_stage_sql());
    return connection.run(merged, "make the stage", Wording::with_message);
  }
  std::string sql;
  {
    SLUICE_TRY(DuckRows rows, connection.ask("SELECT sql FROM duckdb_tables() WHERE database_name = "
                                             "current_database() AND schema_name = $1 AND table_name = $2",
                                             {plan_.target.schema, plan_.target.table}, place));
    if (!rows.next()) return fail(Fault::conflict, "table " + plan_.target.text() + " is gone");
    sql = renamed(rows.text(0), plan_.stage);
  }
  SLUICE_CHECK(connection.run(sql, "make the stage", Wording::with_message));
  if (plan_.mode != Mode::append) return {};
  SLUICE_TRY(DuckRows unique, connection.ask("SELECT count(*)::BIGINT FROM duckdb_constraints() WHERE database_name = "
                                             "current_database() AND schema_name = $1 AND table_name = $2 AND "
                                             "constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
                                             {plan_.target.schema, plan_.target.table}, place));
  if (!unique.next() || unique.integer(0) == 0) return {};
  SLUICE_TRY(DuckRows seeded,
             connection.ask("INSERT INTO " + stage + " SELECT * FROM " + quoted(plan_.target), {}, place));
  seeded_ = static_cast<std::int64_t>(seeded.changed());
  return {};
}

// With what the table asks of a row by itself. Rows of one key may stand there more than once: the last counts.
Result<std::string> DuckdbLoad::merge_stage_sql() {
  DuckConnection& connection = target_.connection();
  SLUICE_TRY(const auto shape, describe(connection, plan_.target));
  if (!shape) return fail(Fault::conflict, "table " + plan_.target.text() + " is gone");
  std::string sql;
  for (const TableColumn& column : shape->columns) {
    const bool written = std::ranges::any_of(plan_.sink.rows.columns,
                                             [&](const Field& field) { return shape->find(field.name) == &column; });
    const bool wanted = written && column.not_null;
    sql += (sql.empty() ? "CREATE TABLE " + quoted(plan_.stage) + " (" : ", ") + quoted(std::string_view(column.name)) +
           " " + column.type + (wanted ? " NOT NULL" : "");
  }
  SLUICE_TRY(DuckRows checks, connection.ask("SELECT constraint_text FROM duckdb_constraints() WHERE database_name = "
                                             "current_database() AND schema_name = $1 AND table_name = $2 AND "
                                             "constraint_type = 'CHECK'",
                                             {plan_.target.schema, plan_.target.table}, place));
  while (checks.next()) sql += ", " + checks.text(0);
  return sql + ")";
}

Result<std::vector<Reject>> DuckdbLoad::write(std::span<const Batch> batches, const Known& known) {
  SLUICE_CHECK(stage_.begin({}));
  SLUICE_TRY(std::vector<Reject> refused, stage_.write(batches, known));
  SLUICE_CHECK(stage_.commit({}));
  return refused;
}

Result<void> DuckdbLoad::keep(std::span<const SealedReject> rejects) {
  for (const SealedReject& reject : rejects) reject_bytes_ += reject.payload.size() + sizeof(SealedReject);
  if (reject_bytes_ > reject_bytes_max) {
    return fail(Fault::data, "more rejects than fit into " + std::to_string(reject_bytes_max >> 20U) + " MiB",
                "mend the record or the objects, or load into PostgreSQL, which keeps any number");
  }
  rejects_.insert(rejects_.end(), rejects.begin(), rejects.end());
  return {};
}

std::string DuckdbLoad::move_sql() const {
  const std::string stage = quoted(plan_.stage);
  const std::string target = quoted(plan_.target);
  std::vector<std::string> columns;
  for (const Field& field : plan_.sink.rows.columns) columns.push_back(field.name);
  const std::string names = list(columns);
  if (plan_.mode != Mode::merge) {
    return "INSERT INTO " + target + " (" + names + ") SELECT " + names + " FROM " + stage +
           " WHERE rowid >= " + std::to_string(seeded_) + " ORDER BY rowid";
  }
  std::string changes;
  for (const std::string& column : columns) {
    if (std::ranges::find(plan_.key, column) != plan_.key.end()) continue;
    changes += (changes.empty() ? "" : ", ") + quoted(column) + " = excluded." + quoted(column);
  }
  return "INSERT INTO " + target + " (" + names + ") SELECT " + names + " FROM (SELECT DISTINCT ON (" +
         list(plan_.key) + ") * FROM " + stage + " ORDER BY " + list(plan_.key) + ", rowid DESC) ON CONFLICT (" +
         list(plan_.key) + ") DO " + (changes.empty() ? "NOTHING" : "UPDATE SET " + changes);
}

Result<void> DuckdbLoad::list_objects(const Delivery& delivery, const Known& known) {
  DuckConnection& connection = target_.connection();
  const std::int64_t flow = plan_.sink.flow;
  if (plan_.mode == Mode::replace) {
    SLUICE_CHECK(connection.ask("DELETE FROM " + quoted(plan_.objects) + " WHERE flow = $1", {flow}, place));
    SLUICE_CHECK(connection.ask("DELETE FROM " + quoted(plan_.chunks) + " WHERE flow = $1", {flow}, place));
  } else if (plan_.refresh) {  // what this run has loaded itself stays
    SLUICE_CHECK(connection.ask("DELETE FROM " + quoted(plan_.objects) + " WHERE flow = $1 AND run <> $2",
                                {flow, plan_.sink.run}, place));
  }
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i]) continue;
    const ObjectProof& object = delivery.objects[i];
    SLUICE_CHECK(forget_chunk(object.uri));
    if (plan_.mode == Mode::merge) {  // an earlier version that comes back is merged again
      SLUICE_CHECK(connection.ask("DELETE FROM " + quoted(plan_.objects) + " WHERE flow = $1 AND uri = $2",
                                  {flow, object.uri}, place));
    }
    SLUICE_CHECK(connection.ask("INSERT INTO " + quoted(plan_.objects) + " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                                {flow, object.uri, object.version, static_cast<std::int64_t>(object.bytes),
                                 plan_.definition, plan_.sink.run, TimestampTz{clock_.now_micros()}},
                                place));
  }
  return {};
}

Result<void> DuckdbLoad::commit(std::span<const SealedReject> rejects) {
  SLUICE_CHECK(keep(rejects));
  if (std::ranges::count(known_, false) == 0) return {};
  DuckConnection& connection = target_.connection();
  SLUICE_CHECK(target_.begin({}));
  SLUICE_CHECK(list_objects(*delivery_, known_));
  if (plan_.mode == Mode::replace) {
    SLUICE_CHECK(connection.run("DELETE FROM " + quoted(plan_.target), place));
    // Rejects of rows that are no more must not be replayed among those that took their place.
    SLUICE_CHECK(connection.ask("DELETE FROM " + quoted(plan_.sink.rejects) + " WHERE flow = $1",
                                {std::int64_t{plan_.sink.flow}}, place));
  }
  return move_rows();
}

// What a merge finds with the other rows of the table alone: which row it was is known no more.
Error DuckdbLoad::not_moved(duckdb_error_type type, std::string_view message) const {
  const std::string what = "move rows into " + plan_.target.text();
  const auto refused = refused_row(type, message);
  if (!refused) return duckdb_error(type, message, what, Wording::kind_only);
  return {Fault::data, what + ": " + refused->reason + ": " + refused->text,
          "a merge finds no single row that breaks a UNIQUE beside its key, or a FOREIGN KEY: leave such rows out in "
          "the select"};
}

Result<void> DuckdbLoad::move_rows() {
  DuckConnection& connection = target_.connection();
  duckdb_result moved;
  const duckdb_state state = duckdb_query(connection.get(), move_sql().c_str(), &moved);
  const DuckRows rows(moved);
  if (state != DuckDBSuccess) return fail(not_moved(duckdb_result_error_type(&moved), duckdb_result_error(&moved)));
  SLUICE_CHECK(connection.run("DROP TABLE " + quoted(plan_.stage), place));
  // Where rows are loaded again, their rejects take the place of those of the time before.
  std::vector<Key> keys;
  for (const SealedReject& reject : rejects_) keys.push_back(reject.key);
  if (!keys.empty()) {
    SLUICE_CHECK(
        connection.ask("DELETE FROM " + quoted(plan_.sink.rejects) + " WHERE flow = $1 AND key IN (SELECT unnest($2))",
                       {std::int64_t{plan_.sink.flow}, std::move(keys)}, place));
  }
  return target_.commit(rejects_);
}

Result<void> DuckdbLoad::commit_chunk(const Progress& upto) {
  const ObjectProof& object = delivery_->objects.front();
  SLUICE_CHECK(target_.begin({}));
  SLUICE_CHECK(forget_chunk(object.uri));
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  SLUICE_CHECK(target_.connection().ask(
      "INSERT INTO " + quoted(plan_.chunks) + " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      {std::int64_t{plan_.sink.flow}, object.uri, object.version, plan_.definition, number(upto.rows),
       number(upto.offset), number(upto.line), plan_.sink.run, TimestampTz{clock_.now_micros()}},
      place));
  return move_rows();
}

Result<void> DuckdbLoad::doubt(const ObjectProof& object) {
  SLUICE_CHECK(target_.connection().ask(
      "UPDATE " + quoted(plan_.chunks) + " SET version = $3 || version WHERE flow = $1 AND uri = $2 AND version = $4",
      {std::int64_t{plan_.sink.flow}, object.uri, std::string(doubted), object.version}, place));
  return {};
}

void DuckdbLoad::rollback() {
  stage_.rollback();
  target_.rollback();
}

SinkSeconds DuckdbLoad::seconds() const {
  const SinkSeconds a = target_.seconds();
  const SinkSeconds b = stage_.seconds();
  return {a.encode + b.encode, a.database + b.database};
}

}  // namespace sluice::local
