// Writes a flow's rows into a table: message keys, rows and rejects in one transaction.
//
// A row the server refuses (a constraint, a trigger) costs its message only: the rows are copied in a savepoint, and
// what fails is halved down to the message.
#pragma once

#include <memory>
#include <string>

#include "sluice/core/sink.hpp"
#include "sluice/postgres/encoder.hpp"
#include "sluice/postgres/ledger.hpp"

namespace sluice::postgres {

struct SinkPlan {
  std::int32_t flow = 0;
  std::int64_t run = 0;
  LedgerNames names;
  std::string rejects;  // the table, as quoted SQL
  RowEncoder encoder;
};

class TableSink final : public Sink {
 public:
  TableSink(PostgresOptions options, std::string application, SinkPlan plan);

  Result<Known> begin(const Delivery& delivery) override;
  Result<std::vector<Reject>> write(std::span<const Batch> batches, const Known& known) override;
  Result<void> commit(std::span<const SealedReject> rejects) override;
  void rollback() override;
  SinkSeconds seconds() const override { return seconds_; }

 private:
  Result<void> insert_new_keys(const std::vector<Key>& keys, bool& all_new);
  Result<std::vector<Key>> insert_keys(const std::vector<Key>& keys);
  Result<std::vector<Key>> remove_rejects(const std::vector<Key>& ids);
  // Copies the rows of messages [first, last) that are wanted; refused ones go to `rejects`.
  Result<void> copy(std::span<const Batch> batches, std::uint32_t first, std::uint32_t last, std::vector<Reject>& rejects);
  Result<bool> send_rows(std::span<const Batch> batches, std::uint32_t first, std::uint32_t last, std::vector<Reject>& rejects);
  Result<void> insert_rejects(std::span<const SealedReject> rejects);

  Connection connection_;
  SinkPlan plan_;
  std::vector<bool> skip_;  // by message: known, or refused
  std::string buffer_;
  int expect_known_ = 0;  // deliveries for which keys are inserted the way that takes duplicates
  SinkSeconds seconds_;
};

}  // namespace sluice::postgres
