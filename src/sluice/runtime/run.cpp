#include "sluice/runtime/run.hpp"

#include <cassert>
#include <thread>

#include "sluice/runtime/run_shared.hpp"
#include "sluice/runtime/work.hpp"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

// The thread that works the source.
class Drive {
 public:
  Drive(Shared& shared, std::size_t workers) : shared_(shared), workers_(workers) {}

  // Until the queue is drained or the time to follow it is over, a stop is asked for, or something failed.
  Result<void> loop(const std::stop_token& stop) {
    const auto started = shared_.clock.steady();
    auto last_progress = started;
    const auto& follow = shared_.options.follow;
    while (!shared_.failed && !stop.stop_requested()) {
      if (follow && shared_.clock.steady() - started >= *follow) return {};
      SLUICE_CHECK(settle());
      const bool away = shared_.away > 0;
      if (away) SLUICE_CHECK(give_back());
      Wanted wanted;
      wanted.receive = !away;
      wanted.drain = !follow;
      wanted.hungry = shared_.work.size() < shared_.idle;
      wanted.rows_max = shared_.options.delivery_rows_max;
      wanted.bytes_max = shared_.options.delivery_bytes_max;
      wanted.patience = milliseconds(200);
      SLUICE_TRY(Next next, shared_.source.next(wanted));
      if (next.ended) return {};
      if (next.delivery) {
        ++open_;
        shared_.work.push(*std::move(next.delivery));
      }
      if (shared_.clock.steady() - last_progress > milliseconds(200)) {
        last_progress = shared_.clock.steady();
        progress();
      }
    }
    return {};
  }

  // After a stop or a failure: what workers have in hand is committed or given back; the rest is given back.
  Result<void> wind_up() {
    SLUICE_CHECK(give_back());
    while (open_ > 0) {
      SLUICE_CHECK(settle());
      if (open_ == 0) break;
      Wanted wanted;
      wanted.receive = false;
      wanted.patience = milliseconds(50);
      SLUICE_CHECK(shared_.source.next(wanted));  // keeps the leases of what is still worked on
    }
    return shared_.source.flush();
  }

 private:
  Result<void> settle() {
    while (const auto done = shared_.done.try_pop()) {
      --open_;
      // Commit came before: a crash here repeats messages, which the ledger knows, and never loses them.
      SLUICE_CHECK(done->committed ? shared_.source.settle(done->receipt) : shared_.source.release(done->receipt));
    }
    return {};
  }

  Result<void> give_back() {
    while (const auto delivery = shared_.work.try_pop()) {
      --open_;
      SLUICE_CHECK(shared_.source.release(delivery->receipt));
    }
    return {};
  }

  void progress() {
    if (!shared_.options.progress) return;
    const std::lock_guard lock(shared_.mutex);
    shared_.options.progress(shared_.report);
  }

  Shared& shared_;
  std::size_t workers_;
  std::size_t open_ = 0;  // deliveries handed to workers and not yet settled
};

void add_seconds(RunReport& report, const Source& source, const std::vector<Worker>& workers) {
  for (const Worker& worker : workers) {
    for (const Transform* transform : {worker.transform.get(), worker.other.get()}) {
      if (transform == nullptr) continue;
      report.decode += transform->seconds().decode;
      report.select += transform->seconds().select;
    }
    report.encode += worker.sink->seconds().encode;
    report.database += worker.sink->seconds().database;
  }
  const std::map<std::string, double> seconds = source.seconds();
  if (const auto found = seconds.find("receive"); found != seconds.end()) report.receive += found->second;
  if (const auto found = seconds.find("delete"); found != seconds.end()) report.settle = found->second;
  report.calls = source.calls();
}

}  // namespace

RunOutcome run(Source& source, std::vector<Worker> workers, const RunOptions& options, const Clock& clock,
               std::stop_token stop) {
  assert(!workers.empty());
  Shared shared(source, options, clock, stop, workers.size());
  const auto started = clock.steady();
  RunOutcome outcome;
  {
    // A stop must end the source's wait at once.
    const std::stop_callback wake(stop, [&source] { source.wake(); });
    std::vector<std::jthread> threads;
    threads.reserve(workers.size());
    for (Worker& worker : workers) {
      threads.emplace_back([&shared, &worker](std::stop_token ended) { Work(worker, shared).loop(std::move(ended)); });
    }
    Drive drive(shared, workers.size());
    if (Result<void> driven = drive.loop(stop); !driven) shared.fail_with(std::move(driven).error());
    outcome.stopped = stop.stop_requested();
    if (Result<void> ended = drive.wind_up(); !ended) shared.fail_with(std::move(ended).error());
    for (std::jthread& thread : threads) thread.request_stop();
  }
  outcome.report = std::move(shared.report);
  outcome.report.elapsed = std::chrono::duration<double>(clock.steady() - started).count();
  add_seconds(outcome.report, source, workers);
  outcome.error = std::move(shared.error);
  return outcome;
}

}  // namespace sluice::runtime
