// Keeps one schedule: waits until a time is due, takes its turn, runs, and notes it down.
//
// What was due while nobody was there to run it runs once, with the last such time. Of several servers one has the
// turn. A run that was stopped, or whose server died, is due again; one that failed waits for its next time.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "sluice/core/clock.hpp"
#include "sluice/core/result.hpp"
#include "sluice/schedule/schedule.hpp"

namespace sluice::runtime {

using schedule::SystemTime;

// Where it is written down what is done, and whose turn it is.
class Turns {
 public:
  virtual ~Turns() = default;
  // The last due time that is done with; `now` where nothing is known. Empty: another server has everything.
  virtual Result<std::optional<SystemTime>> last(SystemTime now) = 0;
  // False: it is another server's turn, or this time is done with.
  virtual Result<bool> take(SystemTime due) = 0;
  // From a thread of its own while a run is at work. False: the turn was lost.
  virtual Result<bool> keep() = 0;
  // `done`: the time that is done with; empty: it is to be run again.
  virtual Result<void> end(std::optional<SystemTime> done) = 0;
};

enum class ScheduleState { waiting, standby, running, away };

struct ScheduleOptions {
  std::string name;                              // for log lines
  std::chrono::milliseconds keep_every{20'000};  // a third of the lease
  std::chrono::milliseconds look_again{5'000};   // while it is another server's turn, or the ledger cannot be reached
  // What the scheduler does now, and the next due time where it waits for one.
  std::function<void(ScheduleState, std::optional<SystemTime> next)> tell{};
};

// Gives false if the run was stopped before its end. The token is the server's, or says that the turn was lost.
using ScheduledRun = std::function<bool(SystemTime due, std::stop_token stop)>;

// Until a stop is asked for. Waits by `clock`.
void keep_schedule(const schedule::Schedule& schedule, Turns& turns, const ScheduledRun& run,
                   const ScheduleOptions& options, const Clock& clock, std::stop_token stop);

}  // namespace sluice::runtime
