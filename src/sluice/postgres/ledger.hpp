// The ledger's own questions and answers: runs, key checks, rejects, pruning. Message keys and rejects are
// written by the sink, in the data's transaction.
#pragma once

#include "sluice/postgres/ledger_tables.hpp"
#include "sluice/postgres/session.hpp"

namespace sluice::postgres {

class TableLedger final : public Ledger {
 public:
  // `session` outlives the ledger.
  TableLedger(Session& session, LedgerNames names) : session_(session), names_(std::move(names)) {}

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

  // In the transaction at work there, right before its end: whether this server has the turn. Until the transaction
  // ends nobody else can take it.
  Result<bool> lock_turn(Connection& connection, const Turn& turn) const;

  const LedgerNames& names() const { return names_; }

 private:
  // Empty where the ledger has no such table yet: nothing was ever written.
  Result<std::optional<Answer>> look(const std::string& sql, const Parameters& parameters, std::string_view what,
                                     bool binary = false);
  Result<Answer> change(const std::string& sql, const Parameters& parameters, std::string_view what);
  std::string rejects_table(const Target& target) const;
  std::string flow_of_target() const;
  Result<std::vector<RejectRecord>> read_rejects(const Target& target, const std::string& where, Parameters parameters,
                                                 bool with_payload);

  Session& session_;
  LedgerNames names_;
};

}  // namespace sluice::postgres
