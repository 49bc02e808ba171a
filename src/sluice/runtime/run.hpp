// The loop: one flow from its source to its sink, until the queue is drained, its time is over, or a stop is asked for.
//
// The calling thread works the source (receives, settles, leases); each worker has a transform and a sink of its
// own and takes one delivery after the other through the spine, so that decode, select and database work of
// different deliveries overlap. Memory is bounded by what the source has open.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "sluice/core/clock.hpp"
#include "sluice/core/sink.hpp"
#include "sluice/core/source.hpp"
#include "sluice/core/transform.hpp"
#include "sluice/runtime/report.hpp"

namespace sluice::runtime {

// Seals a rejected message, so that nothing of it can be read without the key. One thread.
class Sealer {
 public:
  virtual ~Sealer() = default;
  virtual std::string seal(const Message& message) = 0;
};

struct Worker {
  std::unique_ptr<Transform> transform;
  std::unique_ptr<Transform> other;  // for deliveries in parts: one part is made while the last one is written
  std::unique_ptr<Sink> sink;
  std::unique_ptr<Sealer> sealer;  // null where no reject is allowed
};

// How many rejects a run may commit: a count, or a share of what was received (judged over at least 100 messages).
struct RejectLimit {
  std::optional<std::uint64_t> count;
  std::optional<double> percent;

  std::uint64_t allowed(std::uint64_t received) const;
};

struct RunOptions {
  RejectLimit rejects;
  std::chrono::seconds database_away_max{300};   // how long the run waits for a database that went away
  std::optional<std::chrono::seconds> follow{};  // a queue: for so long, drained or not; empty: until it is drained
  std::size_t delivery_rows_max = 5000;
  std::size_t delivery_bytes_max = 4U << 20U;
  // Of an object that is larger: so many bytes of it, unpacked and about, are committed at once. 0: always all of it.
  std::uint64_t chunk_bytes = 0;
  // Where the rows of a delivery of objects take the place of all that are there: fewer than so many are an error, and
  // those that are there stay.
  std::uint64_t min_rows = 0;
  // Called now and then from the calling thread, with what is done so far.
  std::function<void(const RunReport&)> progress;
};

// What happened, whether it went well or not: the report holds what was committed before the error.
struct RunOutcome {
  RunReport report;
  std::optional<Error> error;
  bool stopped = false;  // by `stop`, before the queue was drained
};

RunOutcome run(Source& source, std::vector<Worker> workers, const RunOptions& options, const Clock& clock,
               std::stop_token stop);

}  // namespace sluice::runtime
