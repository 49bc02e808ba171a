// Writes objects into a table of a DuckDB file: all rows of a delivery in one transaction, part by part.
//
// DuckDB ends a transaction with its first error, so rows are first put into a stage, a table of the ledger's schema
// with the target's constraints, in a transaction a part; commit() moves them over.
#pragma once

#include "sluice/local/duckdb_sink.hpp"

namespace sluice::local {

struct LoadPlan {
  SinkPlan sink;      // its rows go into the target
  TableName target;   // with its schema
  TableName stage;    // made anew by every begin()
  TableName objects;  // the ledger's
  TableName chunks;   // and of objects that are loaded in part
  TableName runs;     // and of runs
  Mode mode = Mode::append;
  std::vector<std::string> key;
  std::string definition;
  bool refresh = false;
};

class DuckdbLoad final : public Sink {
 public:
  static Result<std::unique_ptr<Sink>> open(const std::shared_ptr<DuckFile>& file, LoadPlan plan, const Clock& clock);

  Result<Known> begin(const Delivery& delivery) override;
  Result<std::vector<Reject>> write(std::span<const Batch> batches, const Known& known) override;
  Result<void> keep(std::span<const SealedReject> rejects) override;
  Result<void> commit(std::span<const SealedReject> rejects) override;
  Progress there() const override { return there_; }
  Result<void> commit_chunk(const Progress& upto) override;
  Result<void> doubt(const ObjectProof& object) override;
  void rollback() override;
  SinkSeconds seconds() const override;

  DuckdbLoad(LoadPlan plan, DuckConnection to_target, DuckConnection to_stage, TablePlan stage_rows,
             const Clock& clock);

 private:
  Result<void> make_stage();
  Result<std::string> merge_stage_sql();
  Result<bool> loaded_as_they_are(const Delivery& delivery);
  Result<bool> was_emptied();
  Result<void> list_objects(const Delivery& delivery, const Known& known);
  Result<void> find_chunks(const Delivery& delivery);
  Result<void> forget_chunk(const std::string& uri);
  Result<void> move_rows();
  Error not_moved(duckdb_error_type type, std::string_view message) const;
  std::string move_sql() const;

  LoadPlan plan_;
  DuckdbSink target_;
  DuckdbSink stage_;
  const Clock& clock_;
  const Delivery* delivery_ = nullptr;
  Known known_;
  Progress there_;                     // of a delivery of one object
  std::int64_t seeded_ = 0;            // rows of the target that the stage holds, so that new ones meet them
  std::vector<SealedReject> rejects_;  // until the commit
  std::size_t reject_bytes_ = 0;
};

// What stands in the way of a merge by this key, or nothing.
Result<void> check_key(DuckConnection& connection, const TableShape& table, const std::vector<std::string>& key);

}  // namespace sluice::local
