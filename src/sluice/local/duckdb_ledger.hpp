// The ledger's tables in a DuckDB file: the same as in PostgreSQL, without indexes.
//
// A key is looked up by DuckDB's own minima and maxima of each 122,880 rows instead: keys that grow with the time
// of sending fall into the last of them. An index would have to lie in memory as a whole.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "sluice/core/clock.hpp"
#include "sluice/core/database.hpp"
#include "sluice/local/duckdb_connection.hpp"

namespace sluice::local {

// Held while tables are made and numbers given out: jobs of one server may do that at once, and of two transactions of
// DuckDB that make the same table one fails, while two that look for the highest number find the same.
std::mutex& ledger_mutex();

// Makes the tables, or checks that they are of a version we know.
Result<void> prepare_ledger(DuckConnection& connection, const std::string& schema);
// A flow's own table of rejects, made where it is missing.
Result<void> prepare_rejects(DuckConnection& connection, const TableName& table);
Result<std::int32_t> flow_number(DuckConnection& connection, const std::string& schema, const std::string& project,
                                 const std::string& flow);

// Forgets which objects this table holds, since it was just made: those of this flow, and those of all flows that load
// into it. How many there were. It belongs into the transaction that makes the table.
Result<std::int64_t> forget_objects(DuckConnection& connection, const std::string& schema, const Target& target,
                                    const TableName& table);
// Notes that the flow's objects go into this table. Those that went into another one are forgotten, so that they are
// loaded again. Where an append would follow rows that are there already, that is a conflict instead: under another
// name it may be the same table.
Result<void> note_target(DuckConnection& connection, const std::string& schema, std::int32_t flow, const Target& target,
                         const TableName& table);
// 'it''s', for advice.
std::string literal(const std::string& text);
TableName rejects_table(const std::string& schema, const Target& target);

class DuckdbLedger final : public Ledger {
 public:
  // `connect` gives the connection, or null while there is no file; `make` makes the file.
  using Connect = std::function<Result<DuckConnection*>()>;
  DuckdbLedger(Connect connect, Connect make, std::string schema, const Clock& clock)
      : connect_(std::move(connect)), make_(std::move(make)), schema_(std::move(schema)), clock_(clock) {}

  Result<std::int64_t> start_run(const RunRecord& run) override;
  Result<void> finish_run(const RunRecord& run) override;
  Result<std::vector<RunRecord>> runs(const std::string& project, std::size_t most) override;
  Result<std::optional<std::string>> key_check(const std::string& key_id) override;
  Result<void> remember_key(const std::string& key_id, const std::string& check) override;
  Result<std::vector<std::string>> key_ids() override;
  Result<std::vector<RejectRecord>> rejects(const Target& target, std::size_t most, bool with_payload) override;
  Result<std::optional<RejectRecord>> reject(const Target& target, const Key& id) override;
  Result<std::uint64_t> drop_rejects(const Target& target, const std::vector<Key>& ids) override;
  Result<std::int64_t> last_fire(const Turn& turn, std::int64_t now) override;
  Result<bool> take_turn(const Turn& turn, std::int64_t due) override;
  Result<bool> keep_turn(const Turn& turn) override;
  Result<void> end_turn(const Turn& turn, std::optional<std::int64_t> done) override;
  Result<std::uint64_t> prune(std::chrono::hours age, std::size_t most) override;

 private:
  // Null: there is no table of that name, so there is nothing to read.
  Result<DuckConnection*> reading(const TableName& table);
  Result<DuckConnection*> writing();
  std::string table(std::string_view name) const { return quoted(TableName{schema_, std::string(name)}); }
  Result<std::vector<RejectRecord>> read_rejects(const Target& target, const std::string& rest,
                                                 std::vector<Parameter> parameters, bool with_payload);

  Connect connect_;
  Connect make_;
  std::string schema_;
  const Clock& clock_;
};

}  // namespace sluice::local
