// What a run did, in messages, and where its time went.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sluice/core/delivery.hpp"

namespace sluice::runtime {

// received = written.written + written.filtered + written.rejected + written.known.
struct RunReport {
  std::uint64_t received = 0;       // in deliveries that are committed
  std::uint64_t objects = 0;        // of a flow from objects: those of its deliveries
  std::uint64_t objects_known = 0;  // of these, loaded before: their rows are not received again
  Written written;
  double elapsed = 0;  // seconds from the first look at the queue to the last settled message
  std::map<std::string, std::uint64_t> rejects_by_reason;

  // Seconds of all workers together; `receive` and `settle` are the source's, beside them.
  double receive = 0;
  double decode = 0;
  double select = 0;
  double encode = 0;
  double database = 0;
  double settle = 0;   // deleting from the queue
  double waiting = 0;  // workers without a delivery
  std::size_t workers = 1;
  std::map<std::string, std::uint64_t> calls;  // at the queue, by kind

  double rows_per_second() const { return elapsed > 0 ? static_cast<double>(received) / elapsed : 0; }
  // The stage that held the run up most: "receive" where the workers mostly waited.
  std::string bottleneck() const;
  void add(const Written& more, std::uint64_t messages);
};

}  // namespace sluice::runtime
