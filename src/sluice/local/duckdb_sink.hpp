// Writes deliveries into a table of a DuckDB file: rows, message keys and rejects in one transaction each.
//
// DuckDB has no savepoints and ends a transaction with its first error. So a delivery that the table refuses is
// halved in transactions that are rolled back, until the messages at fault are known, and then written without them.
#pragma once

#include <map>
#include <vector>

#include "sluice/core/clock.hpp"
#include "sluice/core/sink.hpp"
#include "sluice/local/duckdb_connection.hpp"
#include "sluice/local/duckdb_table.hpp"

namespace sluice::local {

struct SinkPlan {
  std::int32_t flow = 0;  // its number in the ledger
  std::int64_t run = 0;
  TableName messages;  // the ledger's
  TableName rejects;
  TablePlan rows;
};

class DuckdbSink final : public Sink {
 public:
  DuckdbSink(DuckConnection connection, SinkPlan plan, const Clock& clock);
  DuckdbSink(const DuckdbSink&) = delete;
  DuckdbSink& operator=(const DuckdbSink&) = delete;
  ~DuckdbSink() override;

  Result<Known> begin(const Delivery& delivery) override;
  Result<std::vector<Reject>> write(std::span<const Batch> batches, const Known& known) override;
  Result<void> keep(std::span<const SealedReject> rejects) override;
  Result<void> commit(std::span<const SealedReject> rejects) override;
  void rollback() override;
  SinkSeconds seconds() const override { return seconds_; }
  // For more statements in the transaction that begin() opened.
  DuckConnection& connection() { return connection_; }

 private:
  // By message: whether its rows are to be written.
  using Wanted = std::vector<bool>;
  // What a halving found out.
  struct Sifted {
    std::vector<std::uint32_t> accepted;
    std::vector<Reject> refused;
  };

  Result<Known> begin_messages(const std::vector<Message>& messages);
  Result<Known> begin_rejects(const std::vector<Message>& messages);
  Result<std::vector<Key>> held(const std::vector<Key>& sorted);
  Result<void> prove();

  // Empty: all wanted rows went in. Else why the table refused them; the transaction is over then.
  Result<std::optional<Reject>> insert(std::span<const Batch> batches, const Wanted& wanted);
  std::optional<DuckAppender::Failure> send(DuckAppender& appender, const Batch& batch);
  void fill(const Batch& batch);
  Result<void> sift(std::span<const Batch> batches, std::span<const std::uint32_t> messages, bool together,
                    Sifted& sifted);
  Result<void> insert_rejects(std::span<const SealedReject> rejects);

  DuckConnection connection_;
  SinkPlan plan_;
  const Clock& clock_;
  std::vector<std::string> names_;          // of the rows' columns
  std::vector<duckdb_logical_type> types_;  // as they are staged
  duckdb_data_chunk chunk_ = nullptr;       // of those types
  std::vector<std::uint32_t> selected_;     // rows of a batch that go into the chunk next

  bool open_ = false;  // a transaction
  // What begin() put into it, to do it again after a failed write.
  std::vector<Key> new_keys_;
  std::map<Key, Key> replayed_;  // reject's id -> its message's key
  SinkSeconds seconds_;
};

}  // namespace sluice::local
