// The ledger's tables in the target database: made on first use, versioned, migrated forward; and what is read
// from and written to them outside of a delivery's transaction.
#pragma once

#include <string>

#include "sluice/core/clock.hpp"
#include "sluice/core/database.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

// The names of the ledger's tables, as quoted SQL.
struct LedgerNames {
  explicit LedgerNames(const std::string& schema);
  std::string table(std::string_view name) const { return schema + "." + quoted(name); }
  std::string schema;  // quoted
  std::string plain;   // as written
};

// Makes or migrates the ledger. Where all is there already, no right to make anything is needed. An Error `denied`
// says which GRANT or which setting helps.
Result<void> prepare_ledger(Connection& connection, const LedgerNames& names);

// Makes a flow's own table of rejects, if it is missing; one of another shape is an error (conflict).
Result<void> prepare_rejects(Connection& connection, const TableName& table);

// The number by which the ledger knows a flow.
Result<std::int32_t> flow_number(Connection& connection, const LedgerNames& names, const std::string& project, const std::string& flow);

// Where a target's rejects are, as quoted SQL.
std::string rejects_table(const LedgerNames& names, const Target& target);

class PostgresLedger final : public Ledger {
 public:
  PostgresLedger(Connection& connection, LedgerNames names) : connection_(connection), names_(std::move(names)) {}

  Result<std::int64_t> start_run(const RunRecord& run) override;
  Result<void> finish_run(const RunRecord& run) override;
  Result<std::vector<RunRecord>> runs(const std::string& project, std::size_t most) override;
  Result<std::optional<std::string>> key_check(const std::string& key_id) override;
  Result<void> remember_key(const std::string& key_id, const std::string& check) override;
  Result<std::vector<std::string>> key_ids() override;
  Result<std::vector<RejectRecord>> rejects(const Target& target, std::size_t most, bool with_payload) override;
  Result<std::optional<RejectRecord>> reject(const Target& target, const Key& id) override;
  Result<std::uint64_t> drop_rejects(const Target& target, const std::vector<Key>& ids) override;
  Result<std::uint64_t> prune(std::chrono::hours age, std::size_t most) override;

 private:
  Result<bool> is_there();

  Connection& connection_;
  LedgerNames names_;
};

// uuid[] in binary, for a parameter.
Parameter uuid_array(const std::vector<Key>& keys);

}  // namespace sluice::postgres
