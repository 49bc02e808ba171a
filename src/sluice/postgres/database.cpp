// Database over PostgreSQL: what prepares a flow's table and ledger, and gives out its sinks.
#include <map>

#include "sluice/postgres/catalogue.hpp"
#include "sluice/postgres/ledger.hpp"
#include "sluice/postgres/open.hpp"
#include "sluice/postgres/probe.hpp"
#include "sluice/postgres/table_sink.hpp"

namespace sluice::postgres {
namespace {

std::string cell(const ResultSet& rows, int row, int column) { return PQgetvalue(rows.get(), row, column); }

class PostgresDatabase final : public Database {
 public:
  PostgresDatabase(PostgresOptions options, const std::string& project)
      : options_(std::move(options)),
        project_(project),
        connection_(options_, "sluice/" + project),
        names_(options_.ledger),
        ledger_(connection_, names_) {}

  Result<void> prepare(const Target& target) override {
    SLUICE_CHECK(prepare_ledger(connection_, names_));
    if (target.rejects) SLUICE_CHECK(prepare_rejects(connection_, *target.rejects));
    SLUICE_TRY(const TableShape table, table_for(target));
    SLUICE_TRY(RowEncoder encoder, RowEncoder::plan(target.columns, table));
    SLUICE_TRY(const std::int32_t flow, flow_number(connection_, names_, target.project, target.flow));
    plans_.insert_or_assign(target.flow, SinkPlan{flow, 0, names_, rejects_table(names_, target), std::move(encoder)});
    return {};
  }

  Result<std::unique_ptr<Sink>> open_sink(const Target& target, std::int64_t run) override {
    const auto plan = plans_.find(target.flow);
    if (plan == plans_.end()) return fail(Fault::failed, "flow " + target.flow + ": the sink was opened before the table was prepared");
    SinkPlan with_run = plan->second;
    with_run.run = run;
    return std::unique_ptr<Sink>(std::make_unique<TableSink>(options_, "sluice/" + project_ + "/" + target.flow, std::move(with_run)));
  }

  std::size_t sinks_max() const override { return 16; }
  Ledger& ledger() override { return ledger_; }
  std::vector<Finding> probe(const Target* target) override { return probe_database(connection_, names_, target); }

  Result<Rows> first_rows(const TableName& table, std::size_t most) override {
    SLUICE_TRY(const ResultSet found, connection_.run("SELECT * FROM " + quoted(table) + " LIMIT " + std::to_string(most), "read " + table.text()));
    Rows rows;
    for (int column = 0; column < PQnfields(found.get()); ++column) rows.names.emplace_back(PQfname(found.get(), column));
    for (int row = 0; row < PQntuples(found.get()); ++row) {
      Cells cells;
      for (int column = 0; column < PQnfields(found.get()); ++column) {
        cells.push_back(PQgetisnull(found.get(), row, column) == 1 ? std::nullopt : std::optional(cell(found, row, column)));
      }
      rows.rows.push_back(std::move(cells));
    }
    return rows;
  }

  Result<bool> has_table(const TableName& table) override {
    SLUICE_TRY(const auto shape, describe(connection_, table));
    return shape.has_value();
  }

  Result<std::uint64_t> count_rows(const TableName& table) override {
    SLUICE_TRY(const ResultSet rows, connection_.run("SELECT count(*) FROM " + quoted(table), "count " + table.text()));
    return std::strtoull(cell(rows, 0, 0).c_str(), nullptr, 10);
  }

 private:
  // The table as it is, or as it was made now. One that is there is never altered.
  Result<TableShape> table_for(const Target& target) {
    SLUICE_TRY(auto shape, describe(connection_, target.table));
    if (shape) return *std::move(shape);
    if (!target.create) {
      return fail(Fault::conflict, "there is no table " + target.table.text() + " in " + connection_.where(),
                  "make it, or let the flow make it by `create: FILE.sql` or `create: true`");
    }
    const auto made = connection_.run(create_sql(target), target.create->file.empty() ? "make table " + target.table.text() : target.create->file,
                                      Wording::with_message);
    SLUICE_TRY(shape, describe(connection_, target.table));
    if (shape) return *std::move(shape);  // by us, or by another process at the same moment
    if (!made) return fail(made.error());
    return fail(Fault::conflict, target.create->file + " ran, but there is no table " + target.table.text() + " afterwards", "name the table as the file makes it");
  }

  static std::string create_sql(const Target& target) {
    if (!target.create->sql.empty()) return target.create->sql;
    std::string columns;
    for (const Field& field : target.columns) {
      columns += (columns.empty() ? "" : ", ") + quoted(field.name) + " " + column_type(field.type);
    }
    return "CREATE TABLE IF NOT EXISTS " + quoted(target.table) + " (" + columns + ")";
  }

  PostgresOptions options_;
  std::string project_;
  Connection connection_;
  LedgerNames names_;
  PostgresLedger ledger_;
  std::map<std::string, SinkPlan> plans_;  // by flow
};

}  // namespace

Result<std::unique_ptr<Database>> open_postgres(const Settings& settings, const Clock&) {
  SLUICE_TRY(PostgresOptions options, read_options(settings));
  return std::unique_ptr<Database>(std::make_unique<PostgresDatabase>(std::move(options), settings.project));
}

}  // namespace sluice::postgres
