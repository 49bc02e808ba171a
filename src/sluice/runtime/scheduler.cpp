#include "sluice/runtime/scheduler.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "sluice/core/log.hpp"

namespace sluice::runtime {
namespace {

using schedule::utc_text;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Keeps the turn while a run is at work; a turn that is lost stops the run.
class TurnKeeper {
 public:
  TurnKeeper(Turns& turns, const ScheduleOptions& options, const std::stop_token& stop)
      : forward_(stop, [this] { run_.request_stop(); }),
        thread_([this, &turns, &options](const std::stop_token& ended) { loop(turns, options, ended); }) {}

  std::stop_token run_token() const { return run_.get_token(); }

 private:
  // By the machine's clock: the lease ends by the database's, which no test can hold still.
  void loop(Turns& turns, const ScheduleOptions& options, const std::stop_token& ended) {
    std::unique_lock lock(mutex_);
    while (!asleep_.wait_for(lock, ended, options.keep_every, [] { return false; }) && !ended.stop_requested()) {
      const Result<bool> kept = turns.keep();
      if (!kept) log::warning("turn not prolonged", {{"schedule", options.name}, {"error", kept.error().text()}});
      if (kept && !*kept) {
        log::warning("turn lost to another server, the run stops", {{"schedule", options.name}});
        run_.request_stop();
        return;
      }
    }
  }

  std::stop_source run_;
  std::stop_callback<std::function<void()>> forward_;
  std::mutex mutex_;  // guards nothing: it is what the wait needs
  std::condition_variable_any asleep_;
  std::jthread thread_;  // last: it ends before what it uses
};

class Scheduler {
 public:
  Scheduler(const schedule::Schedule& schedule, Turns& turns, const ScheduledRun& run, const ScheduleOptions& options,
            const Clock& clock, std::stop_token stop)
      : schedule_(schedule), turns_(turns), run_(run), options_(options), clock_(clock), stop_(std::move(stop)) {}

  void loop() {
    while (!stop_.stop_requested()) {
      Result<void> looked = look();
      if (!looked) {
        if (!away_)
          log::warning("schedule waits for its ledger",
                       {{"schedule", options_.name}, {"error", looked.error().text()}});
        away_ = true;
        tell(ScheduleState::away);
        rest(options_.look_again);
      } else {
        away_ = false;
      }
    }
  }

 private:
  Result<void> look() {
    SLUICE_TRY(const std::optional<SystemTime> last, turns_.last(now()));
    if (!last) {
      tell(ScheduleState::standby);
      rest(options_.look_again);
      return {};
    }
    const std::optional<SystemTime> due = schedule::last_due(schedule_, *last, now());
    if (!due) {
      // The clock may have been put back behind what is done.
      wait_until(schedule::next_after(schedule_, std::max(*last, now())));
      return {};
    }
    SLUICE_TRY(const bool ours, turns_.take(*due));
    if (!ours) {
      tell(ScheduleState::standby);
      rest(options_.look_again);
      return {};
    }
    const bool to_its_end = carry_out(*due);
    return turns_.end(to_its_end ? std::optional(done_with(*due)) : std::nullopt);
  }

  bool carry_out(SystemTime due) {
    tell(ScheduleState::running);
    log::debug("schedule is due", {{"schedule", options_.name}, {"due", utc_text(due)}});
    const TurnKeeper keeper(turns_, options_, stop_);
    return run_(due, keeper.run_token());
  }

  // With Overlap::skip, what became due meanwhile is done with, too.
  SystemTime done_with(SystemTime due) const {
    if (schedule_.overlap == schedule::Overlap::queue) return due;
    const std::optional<SystemTime> skipped = schedule::last_due(schedule_, due, now());
    if (!skipped) return due;
    log::warning("a run took longer than to its next time, which is left out",
                 {{"schedule", options_.name}, {"left_out", utc_text(*skipped)}});
    return *skipped;
  }

  SystemTime now() const { return std::chrono::floor<seconds>(clock_.now()); }
  void tell(ScheduleState state, std::optional<SystemTime> next = {}) const {
    if (options_.tell) options_.tell(state, next);
  }

  void wait_until(SystemTime due) {
    tell(ScheduleState::waiting, due);
    // In small steps: the clock may jump, and a stop must not wait.
    while (!stop_.stop_requested() && clock_.now() < due) {
      const auto left = std::chrono::ceil<milliseconds>(due - clock_.now());
      clock_.sleep(std::clamp(left, milliseconds(1), step));
    }
  }
  void rest(milliseconds time) {
    const auto until = clock_.steady() + time;
    while (!stop_.stop_requested() && clock_.steady() < until) clock_.sleep(std::min(time, step));
  }

  static constexpr milliseconds step{200};

  const schedule::Schedule& schedule_;
  Turns& turns_;
  const ScheduledRun& run_;
  const ScheduleOptions& options_;
  const Clock& clock_;
  std::stop_token stop_;
  bool away_ = false;  // said once
};

}  // namespace

void keep_schedule(const schedule::Schedule& schedule, Turns& turns, const ScheduledRun& run,
                   const ScheduleOptions& options, const Clock& clock, std::stop_token stop) {
  Scheduler(schedule, turns, run, options, clock, std::move(stop)).loop();
}

}  // namespace sluice::runtime
