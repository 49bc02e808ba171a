// What the threads of one run share: the thread that works the source, and the workers.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <stop_token>

#include "sluice/core/clock.hpp"
#include "sluice/core/source.hpp"
#include "sluice/runtime/pipe.hpp"
#include "sluice/runtime/run.hpp"

namespace sluice::runtime {

// What became of a delivery.
struct Done {
  Receipt receipt;
  bool committed = false;  // else: give it back
};

struct Shared {
  Shared(Source& the_source, const RunOptions& the_options, const Clock& the_clock, std::stop_token the_stop,
         std::size_t count)
      : source(the_source), options(the_options), clock(the_clock), stop(std::move(the_stop)), idle(count) {
    report.workers = count;
  }

  Source& source;
  const RunOptions& options;
  const Clock& clock;
  const std::stop_token stop;  // the user's; a worker's own token only ends its wait for work
  Pipe<Delivery> work;
  Pipe<Done> done;
  std::atomic<std::size_t> idle;     // workers without a delivery
  std::atomic<std::size_t> away{0};  // workers whose database is away
  std::atomic<bool> failed{false};

  std::mutex mutex;  // guards what follows
  RunReport report;
  std::uint64_t rejects_pending = 0;  // of transactions that are about to commit
  std::uint64_t received_pending = 0;
  std::optional<Error> error;  // the first

  void fail_with(Error what) {
    {
      const std::lock_guard lock(mutex);
      if (!error) error = std::move(what);
    }
    failed = true;
    source.wake();
  }
};

}  // namespace sluice::runtime
