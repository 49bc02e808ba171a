#include "sluice/runtime/run.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <random>
#include <thread>

#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"
#include "sluice/objects/object_rows.hpp"
#include "sluice/objects/object_source.hpp"
#include "sluice/runtime/pipe.hpp"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

// What became of a delivery.
struct Done {
  Receipt receipt;
  bool committed = false;  // else: give it back
};

// What the threads of one run share.
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

// Full jitter: anything from nothing to the whole back-off.
milliseconds jittered(milliseconds most) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return milliseconds(std::uniform_int_distribution<std::int64_t>(0, most.count())(random));
}

// The time during which a worker cannot commit; nothing is received meanwhile.
struct Outage {
  explicit Outage(Shared& the_shared)
      : shared(the_shared), deadline(shared.clock.steady() + shared.options.database_away_max) {
    ++shared.away;
    shared.source.wake();
  }
  ~Outage() { --shared.away; }
  Outage(const Outage&) = delete;
  Outage& operator=(const Outage&) = delete;

  Shared& shared;
  std::chrono::steady_clock::time_point deadline;
  milliseconds pause{50};
};

// "orders.csv line 7: " before a reject's text, where the message is a row of an object.
std::string place_of(const Message& message) {
  if (message.line == 0) return {};
  const objects::RowOrigin origin = objects::unpack_origin(message.attributes);
  return origin.object + " " + origin.unit + " " + std::to_string(message.line) + ": ";
}

std::string what_of(const Delivery& delivery, const Reject& reject) {
  return place_of(delivery.messages[reject.message]) + reject.reason +
         (reject.column.empty() ? "" : " in '" + reject.column + "'") + ": " + reject.text;
}

// What one transaction adds to the report. It holds a place for its rejects below the limit before the commit, so that
// two workers together cannot pass it; what is not committed is taken back.
class Share {
 public:
  explicit Share(Shared& shared) : shared_(shared) {}
  ~Share() {
    const std::lock_guard lock(shared_.mutex);
    shared_.rejects_pending -= written_.rejected;
    shared_.received_pending -= messages_;
  }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  Result<void> take(const Written& written, const Delivery& delivery, const std::vector<Reject>& rejects) {
    const std::size_t messages = delivery.messages.size();
    written_.add(written);
    messages_ += messages;
    for (const Reject& reject : rejects) ++by_reason_[reject.reason];
    if (first_reject_.empty() && !rejects.empty()) first_reject_ = what_of(delivery, rejects.front());
    const std::lock_guard lock(shared_.mutex);
    shared_.rejects_pending += written.rejected;
    shared_.received_pending += messages;
    const std::uint64_t rejected = shared_.report.written.rejected + shared_.rejects_pending;
    const std::uint64_t received = shared_.report.received + shared_.received_pending;
    if (rejected <= shared_.options.rejects.allowed(received)) return {};
    // Nothing is kept to look at where none is allowed: the first of them is all there is.
    if (shared_.options.rejects.count == 0) {
      return fail(Fault::data, "max_rejects: a row is refused where none may be: " + what_of(delivery, rejects.front()),
                  "mend the row at its source, or the flow's record; nothing was committed");
    }
    return fail(Fault::data,
                "max_rejects: " + std::to_string(rejected) + " of " + std::to_string(received) +
                    " rows would be rejects; nothing past the limit was committed, the rest is still at its source",
                "look at what was kept by `sluice rejects list`, mend the record or the producer, then run again");
  }

  std::uint64_t rows() const { return written_.rows; }

  // For a table that would lose its rows to so few: what was there stays. The rejects go with the transaction, so the
  // first is told here.
  Error too_few(std::uint64_t least, const Delivery& objects) const {
    const std::vector<ObjectProof>& all = objects.objects;
    const std::string from =
        all.size() == 1 ? all.front().uri : std::to_string(all.size()) + " objects, of them " + all.front().uri + ",";
    std::string text =
        "min_rows: " + from + " would leave " + std::to_string(written_.rows) +
        " rows in the table, and the least is " + std::to_string(least) + " (rows read: " + std::to_string(messages_) +
        ", rejected: " + std::to_string(written_.rejected) + ", filtered: " + std::to_string(written_.filtered) + ")";
    if (!first_reject_.empty()) text += "; the first reject: " + first_reject_;
    return {Fault::data, std::move(text),
            "nothing was changed; if the table may have so few rows, say `min_rows: " + std::to_string(written_.rows) +
                "` beside `mode: replace`"};
  }

  void committed(std::size_t objects = 0, std::size_t objects_known = 0) {
    const std::lock_guard lock(shared_.mutex);
    shared_.report.add(written_, messages_);
    shared_.report.objects += objects;
    shared_.report.objects_known += objects_known;
    for (const auto& [reason, count] : by_reason_) shared_.report.rejects_by_reason[reason] += count;
  }

 private:
  Shared& shared_;
  Written written_;
  std::uint64_t messages_ = 0;
  std::map<std::string, std::uint64_t> by_reason_;
  std::string first_reject_;  // where it stood and why
};

// A part with its rows. Two of them take turns.
struct MadePart {
  Transform* transform = nullptr;
  Delivery part;
  Transformed rows;
};

// Fetches and transforms the next part on a thread of its own, while the last one is written.
class PartMaker {
 public:
  PartMaker(Parts& parts, Worker& worker, Shared& shared) : parts_(parts), shared_(shared) {
    slots_[0].transform = worker.transform.get();
    slots_[1].transform = worker.other.get();
    for (MadePart& slot : slots_) {
      if (slot.transform != nullptr) free_.push(&slot);
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
  }

  // Null: there are no more.
  Result<MadePart*> next() { return ready_.pop(thread_.get_stop_token()).value(); }
  void written(MadePart* slot) { free_.push(slot); }

 private:
  void loop(const std::stop_token& stop) {
    while (const auto slot = free_.pop(stop)) {
      Result<MadePart*> made = make(**slot);
      const bool more = made && *made != nullptr;
      ready_.push(std::move(made));
      if (!more) return;
    }
  }

  Result<MadePart*> make(MadePart& slot) {
    SLUICE_TRY(const bool more, fetch(slot.part));
    if (!more) return nullptr;
    SLUICE_TRY(slot.rows, slot.transform->apply(slot.part));
    return &slot;
  }

  Result<bool> fetch(Delivery& part) {
    double waited = 0;
    Result<bool> more = [&] {
      const Stopwatch watch(waited);
      return parts_.next(part);
    }();
    const std::lock_guard lock(shared_.mutex);
    shared_.report.receive += waited;
    return more;
  }

  Parts& parts_;
  Shared& shared_;
  std::array<MadePart, 2> slots_;
  Pipe<MadePart*> free_;
  Pipe<Result<MadePart*>> ready_;
  std::jthread thread_;  // last: it ends before what it uses
};

class Work {
 public:
  Work(Worker& worker, Shared& shared) : worker_(worker), shared_(shared) {}

  void loop(std::stop_token stop) {
    while (auto delivery = wait(stop)) {
      --shared_.idle;
      const Result<bool> committed = carry(*delivery);
      shared_.done.push({delivery->receipt, committed.value_or(false)});
      delivery.reset();
      ++shared_.idle;
      if (!committed) shared_.fail_with(committed.error());
      shared_.source.wake();
      if (!committed) return;
    }
  }

 private:
  std::optional<Delivery> wait(const std::stop_token& stop) {
    double waited = 0;
    std::optional<Delivery> delivery;
    {
      const Stopwatch watch(waited);
      delivery = shared_.work.pop(stop);
    }
    const std::lock_guard lock(shared_.mutex);
    shared_.report.waiting += waited;
    return delivery;
  }

  // True: committed. False: to be given back, since the run was told to stop while the database was away.
  Result<bool> carry(Delivery& delivery) {
    // A conflict of two transactions is over in a moment. What lasts longer pauses the receiving; the delivery in
    // hand is tried again, so that an outage does not count as another receive of its messages.
    constexpr int attempts_max = 3;
    std::optional<Outage> outage;
    for (int attempt = 1;; ++attempt) {
      Result<void> moved = delivery.parts ? move_parts(delivery) : move(delivery);
      if (moved) return true;
      worker_.sink->rollback();
      if (!moved.error().retryable()) return fail(std::move(moved).error());
      if (delivery.parts) SLUICE_CHECK(delivery.parts->look_again(delivery.objects));
      if (attempt < attempts_max) {
        shared_.clock.sleep(jittered(milliseconds(20) * attempt));
        continue;
      }
      // The store has tried each call again for as long as it may: that is no reason to wait for the database.
      if (source_failed_) return fail(std::move(moved).error());
      if (!outage) {
        if (shared_.options.database_away_max.count() > 0)
          log::warning("database away, receiving pauses", {{"error", moved.error().text()}});
        outage.emplace(shared_);
      }
      SLUICE_CHECK(wait_for_database(*outage, std::move(moved).error()));
      if (shared_.stop.stop_requested()) return false;
    }
  }

  // The spine.
  Result<void> move(const Delivery& delivery) {
    SLUICE_TRY(Transformed rows, worker_.transform->apply(delivery));
    SLUICE_TRY(const Known known, worker_.sink->begin(delivery));
    SLUICE_TRY(std::vector<Reject> refused, worker_.sink->write(rows.batches, known));
    std::ranges::move(refused, std::back_inserter(rows.rejects));
    std::erase_if(rows.rejects, [&known](const Reject& reject) { return known[reject.message]; });

    Share share(shared_);
    SLUICE_CHECK(share.take(count(delivery, rows, known), delivery, rows.rejects));
    SLUICE_CHECK(worker_.sink->commit(sealed(delivery, rows.rejects)));
    share.committed();
    return {};
  }

  // The same for rows that come part by part: all of them in one transaction, or a large object chunk by chunk.
  Result<void> move_parts(const Delivery& delivery) {
    source_failed_ = false;
    SLUICE_TRY(const Known known, worker_.sink->begin(delivery));
    SLUICE_CHECK(delivery.parts->start(known));
    if (const Progress there = worker_.sink->there(); there.rows > 0) {
      log::info("an object is loaded on from where it ended",
                {{"object", delivery.objects.front().uri}, {"rows", std::to_string(there.rows)}});
      SLUICE_CHECK(delivery.parts->go_on_from(there));
    }
    // Objects that share a delivery are small.
    const bool large = delivery.objects.size() == 1 && delivery.objects.front().bytes > objects::group_bytes_max;
    const std::uint64_t chunk_bytes =
        large && shared_.options.chunk_bytes > 0 ? shared_.options.chunk_bytes : UINT64_MAX;
    std::uint64_t bytes = 0;  // of this chunk
    std::optional<Share> share(std::in_place, shared_);
    PartMaker maker(*delivery.parts, worker_, shared_);
    while (!shared_.failed) {
      Result<MadePart*> next = maker.next();
      source_failed_ = !next;
      SLUICE_TRY(MadePart * made, std::move(next));
      if (made == nullptr) break;
      const Delivery& part = made->part;
      Transformed& rows = made->rows;
      const Known none(part.messages.size(), false);
      SLUICE_TRY(std::vector<Reject> refused, worker_.sink->write(rows.batches, none));
      std::ranges::move(refused, std::back_inserter(rows.rejects));
      SLUICE_CHECK(share->take(count(part, rows, none), part, rows.rejects));
      if (!rows.rejects.empty()) SLUICE_CHECK(worker_.sink->keep(sealed(part, rows.rejects)));
      bytes += part.bytes;
      const Progress upto = part.upto;
      maker.written(made);
      if (bytes < chunk_bytes) continue;
      bytes = 0;
      SLUICE_CHECK(worker_.sink->commit_chunk(upto));
      share->committed();
      share.emplace(shared_);
      SLUICE_CRASH_POINT("C6_chunk_committed");
      SLUICE_CHECK(begin_chunk(delivery, upto));
    }
    if (shared_.failed) return fail(Fault::failed, "another part of the run failed");
    const bool anew = std::ranges::count(known, false) > 0;
    if (anew && share->rows() < shared_.options.min_rows)
      return fail(share->too_few(shared_.options.min_rows, delivery));
    SLUICE_CHECK(worker_.sink->commit({}));
    share->committed(delivery.objects.size(), static_cast<std::size_t>(std::ranges::count(known, true)));
    return {};
  }

  // Between two chunks another run may have taken the object over: it is then read on from where that one is.
  Result<void> begin_chunk(const Delivery& delivery, const Progress& upto) {
    SLUICE_TRY(const Known known, worker_.sink->begin(delivery));
    if (!known.front() && worker_.sink->there() == upto) return {};
    return fail(Fault::transient, delivery.objects.front().uri + ": another run loads it, too");
  }

  static Written count(const Delivery& delivery, const Transformed& rows, const Known& known) {
    enum : std::uint8_t { filtered, rejected, already_there };
    std::vector<std::uint8_t> fate(delivery.messages.size(), filtered);
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (known[i]) fate[i] = already_there;
    }
    for (const Reject& reject : rows.rejects) fate[reject.message] = rejected;
    Written written;
    // Rows of one message stand together: a new number is a new message.
    for (const Batch& batch : rows.batches) {
      std::uint32_t last = UINT32_MAX;
      for (std::size_t row = 0; row < batch.rows; ++row) {
        const std::uint32_t message = batch.origin[row];
        if (fate[message] == rejected || fate[message] == already_there) continue;
        ++written.rows;
        if (message == last) continue;
        last = message;
        if (fate[message] != filtered) continue;
        fate[message] = UINT8_MAX;
        ++written.written;
      }
    }
    written.rejected = static_cast<std::uint64_t>(std::ranges::count(fate, rejected));
    written.known = static_cast<std::uint64_t>(std::ranges::count(fate, already_there));
    written.filtered = static_cast<std::uint64_t>(std::ranges::count(fate, filtered));
    return written;
  }

  std::vector<SealedReject> sealed(const Delivery& delivery, const std::vector<Reject>& rejects) const {
    std::vector<SealedReject> out;
    out.reserve(rejects.size());
    for (const Reject& reject : rejects) {
      const Message& message = delivery.messages[reject.message];
      out.push_back({reject, message.key, worker_.sealer->seal(message)});
      std::string& text = out.back().reject.text;
      text = place_of(message) + text;
    }
    return out;
  }

  // Pauses, longer each time, until an empty transaction goes through or a stop is asked for. That one goes through
  // says little about the next (a full disk), so one deadline holds for the whole outage.
  Result<void> wait_for_database(Outage& outage, Error error) {
    while (shared_.clock.steady() < outage.deadline && !shared_.failed) {
      rest(jittered(outage.pause));
      if (shared_.stop.stop_requested()) return {};
      outage.pause = std::min(outage.pause * 2, milliseconds(5000));
      const Result<Known> opened = worker_.sink->begin(Delivery{});
      worker_.sink->rollback();
      if (opened) return {};
      if (!opened.error().retryable()) return fail(opened.error());
      error = opened.error();
    }
    return fail(std::move(error));
  }

  // Sleeps, but no longer than until a stop or a failure of another worker.
  void rest(milliseconds time) {
    constexpr milliseconds look(100);
    while (time.count() > 0 && !shared_.stop.stop_requested() && !shared_.failed) {
      shared_.clock.sleep(std::min(time, look));
      time -= look;
    }
  }

  Worker& worker_;
  Shared& shared_;
  bool source_failed_ = false;  // the last attempt of a delivery in parts
};

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

std::uint64_t RejectLimit::allowed(std::uint64_t received) const {
  if (count) return *count;
  if (percent)
    return static_cast<std::uint64_t>(*percent / 100.0 * static_cast<double>(std::max<std::uint64_t>(received, 100)));
  return UINT64_MAX;
}

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
