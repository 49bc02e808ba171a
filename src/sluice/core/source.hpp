// The door rows come in by. The runtime calls a source from one thread, except wake().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "sluice/core/delivery.hpp"
#include "sluice/core/result.hpp"

namespace sluice {

struct Wanted {
  bool receive = true;  // false: only keep leases, finish settling; hand nothing over
  bool hungry = true;   // a worker is idle: hand over what is there; else gather until full
  bool drain = true;    // end when nothing is visible and nothing in flight, looked up twice
  std::size_t rows_max = 5000;
  std::size_t bytes_max = 4U << 20U;
  std::chrono::milliseconds patience{1000};  // come back after this long, with or without rows
};

struct Next {
  std::optional<Delivery> delivery;
  bool ended = false;  // only with `drain`; every delivery handed over has been settled or released
};

struct QueueDepth {
  std::uint64_t visible = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t delayed = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  // Works on everything under way (receives, settles, leases) until rows are there, or
  // patience ends, or wake() is called. Leases of all open deliveries are extended here.
  virtual Result<Next> next(const Wanted& wanted) = 0;

  // The sink has committed this delivery: forget it at the far end. Starts the work;
  // next() and flush() carry it on. A message that cannot be forgotten comes back later
  // and is then known to the ledger, so that is no error.
  virtual Result<void> settle(Receipt receipt) = 0;

  // Gives a delivery back unprocessed: its messages are visible at once.
  virtual Result<void> release(Receipt receipt) = 0;

  // Waits until every settle and release has reached the far end; gives messages back that
  // were received but not yet handed over. Stop calling next() before.
  virtual Result<void> flush() = 0;

  // From any thread: next() comes back soon.
  virtual void wake() = 0;

  // For reports and doctor: calls made at the far end, by kind ("ReceiveMessage": 12).
  virtual std::map<std::string, std::uint64_t> calls() const = 0;
  // Seconds spent in calls, by stage of the run report: "receive", "delete".
  virtual std::map<std::string, double> seconds() const = 0;
};

}  // namespace sluice
