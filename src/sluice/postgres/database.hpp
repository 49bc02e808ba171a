// A PostgreSQL server's database in the role that core/database.hpp describes.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "sluice/postgres/ledger.hpp"
#include "sluice/postgres/plan.hpp"
#include "sluice/postgres/session.hpp"

namespace sluice::postgres {

class TableDatabase final : public Database {
 public:
  TableDatabase(ConnectOptions options, const std::string& project, LedgerNames names, std::size_t sinks_max,
                const Clock& clock)
      : session_(std::move(options), "sluice/" + project, clock),
        ledger_(session_, std::move(names)),
        sinks_max_(sinks_max) {}

  Result<void> prepare(const Target& target) override;
  Result<std::unique_ptr<Sink>> open_sink(const Target& target, std::int64_t run) override;
  std::size_t sinks_max() const override { return sinks_max_; }
  Ledger& ledger() override { return ledger_; }
  Result<std::unique_ptr<Snapshot>> open_snapshot(std::vector<ReadQuery> queries) override;
  Result<std::optional<RelationShape>> shape_of(const TableName& table) override;
  Result<std::vector<std::string>> own_functions() override;
  Result<TableLook> look(const WatchedTable& table, const TableMark* before) override;
  Result<NewRows> new_rows(const WatchedTable& table, const ReadMark& since) override;
  Result<ReadMark> mark_after(const NewRows& rows, const Snapshot& snapshot) override;
  Finding probe_cursor(const WatchedTable& table) override;
  // Any number of servers share it: the ledger tells their turns.
  Result<std::shared_ptr<const void>> hold_for_server() override { return std::make_shared<const int>(0); }
  Result<ModelBuilt> build_model(const Model& model, const Turn* turn) override;
  Result<void> check_model(const Model& model) override;
  std::vector<Finding> probe(const DatabaseUse& use) override;
  Result<Rows> first_rows(const TableName& table, std::size_t most) override;
  Result<bool> has_table(const TableName& table) override;
  Result<std::uint64_t> count_rows(const TableName& table) override;
  Result<std::uint64_t> rewrite(const Rewriting& rewriting, std::stop_token stop) override;

 private:
  Session session_;
  TableLedger ledger_;
  std::size_t sinks_max_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Plan>> plans_;  // by project and flow
};

// What stands in the way of writing to a table that is there; used by prepare() and probe().
Result<Plan> plan_for(const Connection& connection, const Table& table, const Target& target);

}  // namespace sluice::postgres
