#include "sluice/local/duckdb_database.hpp"

#include <filesystem>
#include <map>

#include "sluice/core/log.hpp"
#include "sluice/local/duckdb_hold.hpp"
#include "sluice/local/duckdb_ledger.hpp"
#include "sluice/local/duckdb_load.hpp"
#include "sluice/local/duckdb_model.hpp"
#include "sluice/local/duckdb_rewrite.hpp"
#include "sluice/local/duckdb_sink.hpp"
#include "sluice/local/duckdb_snapshot.hpp"
#include "sluice/local/duckdb_watch.hpp"

namespace sluice::local {
namespace {

using Level = Finding::Level;

class DuckdbDatabase final : public Database {
 public:
  DuckdbDatabase(DuckdbOptions options, const Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        ledger_([this]() { return if_there(); }, [this]() { return connect(); }, options_.ledger, clock) {}

  Result<void> prepare(const Target& target) override {
    const std::lock_guard lock(ledger_mutex());
    Result<void> prepared = prepare_target(target);
    if (!prepared) return fail(std::move(prepared).error().within("duckdb " + options_.file));
    return {};
  }

  Result<std::unique_ptr<Sink>> open_sink(const Target& target, std::int64_t run) override {
    const auto plan = plans_.find(target.flow);
    if (plan == plans_.end())
      return fail(Fault::failed, "flow " + target.flow + ": the sink was opened before the table was prepared");
    SinkPlan with_run = plan->second.sink;
    with_run.run = run;
    if (target.from_objects) {
      LoadPlan load = plan->second;
      load.sink = std::move(with_run);
      return DuckdbLoad::open(file_, std::move(load), clock_);
    }
    SLUICE_TRY(DuckConnection connection, DuckConnection::open(file_));
    return std::make_unique<DuckdbSink>(std::move(connection), std::move(with_run), clock_);
  }

  // Two transactions that append would wait for the same disk; one writer keeps the order simple.
  std::size_t sinks_max() const override { return 1; }
  Ledger& ledger() override { return ledger_; }
  Result<std::shared_ptr<const void>> hold_for_server() override { return hold_file(options_.file); }

  // Other connections than the ledger's, so that nothing of ours waits for the other.
  Result<std::unique_ptr<Snapshot>> open_snapshot(std::vector<ReadQuery> queries) override {
    SLUICE_TRY(const DuckConnection* there, if_there());
    if (there == nullptr) return no_file();
    return open_duckdb_snapshot(file_, queries);
  }

  Result<std::optional<RelationShape>> shape_of(const TableName& table) override {
    SLUICE_TRY(DuckConnection * connection, if_there());
    if (connection == nullptr) return std::optional<RelationShape>();
    return duckdb_shape(*connection, table);
  }

  Result<std::vector<std::string>> own_functions() override {
    std::vector<std::string> names;
    SLUICE_TRY(DuckConnection * connection, if_there());
    if (connection == nullptr) return names;
    SLUICE_TRY(DuckRows rows,
               connection->ask("SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE NOT internal", {},
                               "look up macros"));
    while (rows.next()) names.push_back(rows.text(0));
    return names;
  }

  Result<TableLook> look(const WatchedTable& table, const TableMark* before) override {
    SLUICE_TRY(DuckConnection * connection, if_there());
    return look_at(connection, table, before);
  }

  Result<NewRows> new_rows(const WatchedTable& table, const ReadMark& /*since*/) override {
    return fail(Fault::config,
                table.place.text() +
                    ": 'incremental' is for PostgreSQL: rows of a DuckDB file do not "
                    "tell when they were written",
                "leave it out: each run then writes the whole table");
  }
  Result<ReadMark> mark_after(const NewRows& rows, const Snapshot& /*snapshot*/) override { return rows.mark; }
  Finding probe_cursor(const WatchedTable& table) override {
    const Result<DuckConnection*> connection = with_table(table.table);
    if (!connection) return {Level::bad, connection.error().message, connection.error().hint};
    return local::probe_cursor(**connection, table);
  }

  // Who holds the file keeps every turn.
  Result<ModelBuilt> build_model(const Model& model, const Turn* /*turn*/) override {
    SLUICE_TRY(DuckConnection * connection, connect());
    return local::build_model(*connection, model);
  }

  Result<void> check_model(const Model& model) override {
    SLUICE_TRY(DuckConnection * connection, if_there());
    if (connection == nullptr) return {};  // the build makes the file, and tells what is not in it
    return local::check_model(*connection, model);
  }

  std::vector<Finding> probe(const DatabaseUse& use) override {
    std::vector<Finding> findings;
    const Result<DuckConnection*> opened = if_there();
    if (!opened) return {{Level::bad, opened.error().message, opened.error().hint}};
    if (*opened == nullptr && !use.written) {
      const Error error = no_file().value();
      return {{Level::bad, error.message, error.hint}};
    }
    if (*opened == nullptr) {
      findings.push_back({Level::good, "duckdb " + options_.file + ": not there yet, the first run makes it"});
      return findings;
    }
    findings.push_back({Level::good, "duckdb " + options_.file + ": opened by DuckDB " + duckdb_library_version()});
    for (const Target& target : use.targets) findings.push_back(probe_table(**opened, target));
    return findings;
  }

  Result<Rows> first_rows(const TableName& table, std::size_t most) override {
    SLUICE_TRY(DuckConnection * connection, with_table(table));
    SLUICE_TRY(DuckRows found, connection->ask("SELECT COLUMNS(*)::VARCHAR FROM " + quoted(table) + " LIMIT $1",
                                               {static_cast<std::int64_t>(most)}, "read " + table.text()));
    Rows rows;
    for (std::size_t column = 0; column < found.columns(); ++column) rows.names.push_back(found.name(column));
    while (found.next()) {
      Cells cells;
      for (std::size_t column = 0; column < rows.names.size(); ++column) {
        cells.push_back(found.is_null(column) ? std::nullopt : std::optional(found.text(column)));
      }
      rows.rows.push_back(std::move(cells));
    }
    return rows;
  }

  Result<bool> has_table(const TableName& table) override {
    SLUICE_TRY(DuckConnection * connection, if_there());
    if (connection == nullptr) return false;
    SLUICE_TRY(const auto shape, describe(*connection, table));
    return shape.has_value();
  }

  Result<std::uint64_t> rewrite(const Rewriting& rewriting, std::stop_token stop) override {
    SLUICE_TRY(DuckConnection * connection, with_table(rewriting.table));
    return local::rewrite(*connection, rewriting, stop);
  }

  Result<std::uint64_t> count_rows(const TableName& table) override {
    SLUICE_TRY(DuckConnection * connection, with_table(table));
    SLUICE_TRY(DuckRows rows, connection->ask("SELECT count(*) FROM " + quoted(table), {}, "count " + table.text()));
    return rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0U;
  }

 private:
  Result<DuckConnection*> connect() {
    if (!connection_) {
      SLUICE_TRY(file_, DuckFile::open(options_));
      SLUICE_TRY(DuckConnection made, DuckConnection::open(file_));
      connection_.emplace(std::move(made));
    }
    return &*connection_;
  }

  // Null: there is no file yet, and reading makes none.
  Result<DuckConnection*> if_there() {
    std::error_code error;
    if (!connection_ && !std::filesystem::exists(options_.file, error)) return nullptr;
    return connect();
  }

  Result<DuckConnection*> with_table(const TableName& table) {
    SLUICE_TRY(const bool there, has_table(table));
    if (!there) return no_table(table);
    return connect();
  }

  tl::unexpected<Error> no_table(const TableName& table) const {
    return fail(Fault::conflict, "there is no table " + table.text() + " in " + options_.file,
                "make it, or let the flow make it by `create: FILE.sql` or `create: true`");
  }

  Result<void> prepare_target(const Target& target) {
    SLUICE_TRY(DuckConnection * connection, connect());
    SLUICE_CHECK(prepare_ledger(*connection, options_.ledger));
    SLUICE_TRY(const TableShape table, table_for(*connection, target));
    if (target.rejects) SLUICE_CHECK(prepare_rejects(*connection, *target.rejects));
    SLUICE_TRY(TablePlan rows, plan_insert(target.columns, table));
    SLUICE_TRY(const std::int32_t flow, flow_number(*connection, options_.ledger, target.project, target.flow));
    if (target.mode == Mode::merge) SLUICE_CHECK(check_key(*connection, table, target.key));
    if (target.from_objects) SLUICE_CHECK(note_target(*connection, options_.ledger, flow, target, table.name));
    LoadPlan plan;
    plan.sink = {flow, 0, {options_.ledger, "message"}, rejects_table(options_.ledger, target), std::move(rows)};
    plan.target = target.table;
    plan.stage = {options_.ledger, "stage_" + std::to_string(flow)};
    plan.objects = {options_.ledger, "object"};
    plan.chunks = {options_.ledger, "chunk"};
    plan.runs = {options_.ledger, "run"};
    plan.mode = target.mode;
    plan.key = target.key;
    plan.definition = target.definition;
    plan.refresh = target.refresh;
    plans_.insert_or_assign(target.flow, std::move(plan));
    return {};
  }

  // The table as it is, or as it was made now. One that is there is never altered.
  Result<TableShape> table_for(DuckConnection& connection, const Target& target) {
    SLUICE_TRY(auto shape, describe(connection, target.table));
    if (shape) return *std::move(shape);
    if (!target.create) return no_table(target.table);
    const bool from_file = !target.create->sql.empty();
    const std::string place = from_file ? target.create->file : "make table " + target.table.text();
    // All of the file or nothing.
    Result<void> made = connection.run("BEGIN", place);
    if (made && !target.table.schema.empty())
      made = connection.run("CREATE SCHEMA IF NOT EXISTS " + quoted(std::string_view(target.table.schema)), place,
                            Wording::with_message);
    if (made)
      made = connection.run(from_file ? target.create->sql : create_sql(target.table, target.columns, target.key),
                            place, Wording::with_message);
    // What the ledger lists as loaded into it is forgotten with it, or both are as they were.
    std::int64_t objects = 0;
    if (made) made = forget_loaded(connection, target, objects);
    if (made) made = connection.run("COMMIT", place);
    if (!made) {
      connection.rollback();
      return fail(std::move(made).error());
    }
    SLUICE_TRY(shape, describe(connection, target.table));
    if (shape && objects > 0) {
      log::info("table made: its objects are loaded again",
                {{"table", target.table.text()}, {"objects", std::to_string(objects)}});
    }
    if (shape) return *std::move(shape);
    return fail(Fault::conflict, place + " ran, but there is no table " + target.table.text() + " afterwards",
                "name the table as the file makes it");
  }

  Result<void> forget_loaded(DuckConnection& connection, const Target& target, std::int64_t& objects) {
    SLUICE_TRY(const auto shape, describe(connection, target.table));
    if (!shape) return {};
    SLUICE_TRY(objects, forget_objects(connection, options_.ledger, target, shape->name));
    return {};
  }

  tl::unexpected<Error> no_file() const {
    return fail(Fault::conflict, "there is no file " + options_.file, "check its path, or run what makes it first");
  }

  Finding probe_table(DuckConnection& connection, const Target& target) {
    const auto shape = describe(connection, target.table);
    if (!shape) return {Level::bad, shape.error().message, shape.error().hint};
    if (!*shape) {
      if (target.create) return {Level::good, "table " + target.table.text() + " is missing; the first run makes it"};
      const Error error = no_table(target.table).value();
      return {Level::bad, error.message, error.hint};
    }
    const auto plan = plan_insert(target.columns, **shape);
    if (!plan) return {Level::bad, plan.error().message, plan.error().hint};
    return {Level::good, "table " + target.table.text() + " takes the flow's columns"};
  }

  DuckdbOptions options_;
  const Clock& clock_;
  std::shared_ptr<DuckFile> file_;
  std::optional<DuckConnection> connection_;
  DuckdbLedger ledger_;
  std::map<std::string, LoadPlan> plans_;  // by flow
};

}  // namespace

Result<std::unique_ptr<Database>> open_duckdb(const Settings& settings, const Clock& clock) {
  const std::string given = settings.text("duckdb");
  // DuckDB takes "" and ":memory:" for a database that is gone with the process.
  if (given.empty() || given.starts_with(":memory:")) {
    return fail(Fault::config, settings.place.text() + ": 'duckdb' names no file",
                "write { duckdb: warehouse.duckdb }");
  }
  DuckdbOptions options;
  options.file = (std::filesystem::path(settings.folder) / given).lexically_normal().string();
  options.ledger = settings.text("ledger", options.ledger);
  options.memory_limit = settings.text("memory_limit", options.memory_limit);
  return std::make_unique<DuckdbDatabase>(std::move(options), clock);
}

std::string duckdb_far_end(const Settings& settings) {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::path(settings.folder) / settings.text("duckdb");
  return std::filesystem::absolute(file, error).lexically_normal().string();
}

}  // namespace sluice::local
