// Rows, message keys and rejects into one table, one transaction a delivery.
//
// Objects: their rows come part by part through one COPY, see stream().
//
// Keys go first: a key that another transaction is just writing makes this one wait for its end, and is
// then known. Rows go by COPY inside a savepoint; what the server refuses is halved down to the message.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/clock.hpp"
#include "sluice/core/sink.hpp"
#include "sluice/postgres/connection.hpp"
#include "sluice/postgres/copy_buffer.hpp"
#include "sluice/postgres/plan.hpp"
#include "sluice/postgres/row_writer.hpp"

namespace sluice::postgres {

// The id of a reject: the same for the same message of a flow, so that a copy elsewhere can be told apart.
Key reject_id(const std::string& project, const std::string& flow, const Key& message);

class TableSink final : public Sink {
 public:
  // Connects at the first begin(). `clock` outlives the sink.
  TableSink(ConnectOptions options, std::shared_ptr<const Plan> plan, std::int64_t run, const Clock& clock);
  ~TableSink() override;

  Result<Known> begin(const Delivery& delivery) override;
  Result<std::vector<Reject>> write(std::span<const Batch> batches, const Known& known) override;
  Result<void> keep(std::span<const SealedReject> rejects) override;
  Result<void> commit(std::span<const SealedReject> rejects) override;
  Progress there() const override { return there_; }
  Result<void> commit_chunk(const Progress& upto) override;
  Result<void> doubt(const ObjectProof& object) override;
  void rollback() override;
  SinkSeconds seconds() const override { return seconds_; }

 private:
  Result<void> connect();
  Result<void> open_transaction(const Reply& begun);
  void sort_keys(const Delivery& delivery, Known& known);
  Result<void> copy_keys(const Delivery& delivery, Known& known);
  Result<void> insert_keys(const Delivery& delivery, Known& known);
  Result<void> take_rejects(const Delivery& delivery, Known& known);
  Result<void> prove_objects(const Delivery& delivery, Known& known);
  Error not_emptied(const ServerError& refused, const std::string& what);
  Result<bool> loaded_as_they_are(const Delivery& delivery);
  Result<bool> was_emptied();
  Result<void> list_objects(const Delivery& delivery, Known& known);
  Result<void> find_chunks(const Delivery& delivery, const Known& known);
  Result<void> forget_other_versions(const Delivery& delivery);
  Result<void> forget_chunk(const std::string& uri);
  bool merges() const { return objects_ && plan_->mode == Mode::merge; }
  Result<void> send_commit();
  void mark_missing(const Delivery& delivery, std::vector<Key>& found, Known& known) const;

  // Of a delivery in parts: one COPY goes on from part to part, so that the server works while the next one is made.
  // A row that it refuses fails all of it (transient); the next attempt is careful, and finds the row.
  Result<std::vector<Reject>> stream(std::span<const Batch> batches, const Known& known);
  Result<void> end_stream();
  Result<void> refused_in_stream(const ServerError& error);
  Result<void> look_for_row();  // transient: by the next attempt

  Result<void> write_range(std::size_t first, std::size_t last, std::vector<Reject>& rejects);
  Reply copy_range(std::size_t first, std::size_t last, std::vector<Reject>& rejects);
  Result<Reject> refusal(std::size_t number, const ServerError& error);
  Result<bool> is_a_constraint(const std::string& name);
  Result<void> insert_rejects(std::span<const SealedReject> rejects);
  Error error(const ServerError& from, std::string_view what);

  ConnectOptions options_;
  std::shared_ptr<const Plan> plan_;
  std::int64_t run_;
  const Clock& clock_;
  std::string begin_sql_;
  std::optional<Connection> connection_;
  RowWriter writer_;
  CopyBuffer buffer_;
  SinkSeconds seconds_;

  std::vector<std::uint32_t> order_;  // messages whose keys are written, by key
  std::vector<Key> keys_;             // theirs
  struct Replayed {
    Key id;
    Key message;
  };
  std::vector<Replayed> replayed_;  // rejects that this transaction took out, by id
  unsigned insert_for_ = 0;         // deliveries for which INSERT is likely cheaper than COPY
  bool objects_ = false;            // are the proof of this transaction
  ObjectProof object_;              // the one of it, where it is one
  Progress there_;                  // of that
  bool careful_ = false;            // each part has a COPY and a savepoint of its own
  bool streaming_ = false;          // a COPY is open
  std::vector<SealedReject> kept_;  // until it ends
  std::size_t kept_bytes_ = 0;
  bool savepoint_ = false;                // "sluice_rows" is set
  bool broken_ = false;                   // and must be rolled back to
  std::vector<std::string> constraints_;  // names that were found in the catalogue
};

}  // namespace sluice::postgres
