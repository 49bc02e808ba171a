#include "sluice/runtime/work.hpp"

#include <algorithm>
#include <random>

#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"
#include "sluice/objects/object_source.hpp"
#include "sluice/runtime/part_maker.hpp"
#include "sluice/runtime/share.hpp"

namespace sluice::runtime {

using std::chrono::milliseconds;

namespace {

// Full jitter: anything from nothing to the whole back-off.
milliseconds jittered(milliseconds most) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return milliseconds(std::uniform_int_distribution<std::int64_t>(0, most.count())(random));
}

// What became of the messages of a delivery.
Written count(const Delivery& delivery, const Transformed& rows, const Known& known) {
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

}  // namespace

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

void Work::loop(std::stop_token stop) {
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

std::optional<Delivery> Work::wait(const std::stop_token& stop) {
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

Result<bool> Work::carry(Delivery& delivery) {
  // A conflict of two transactions is over in a moment. What lasts longer pauses the receiving; the delivery in
  // hand is tried again, so that an outage does not count as another receive of its messages.
  constexpr int attempts_max = 3;
  std::optional<Outage> outage;
  for (int attempt = 1;; ++attempt) {
    Result<void> moved = delivery.parts ? move_parts(delivery) : move(delivery);
    if (moved) return true;
    worker_.sink->rollback();
    if (is_doubtful(moved.error())) SLUICE_CHECK(doubt(delivery.objects.front()));
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

// The next attempt would go on behind the chunks, and never see what is in them again. Damage shows by its checksum, or
// before that by what cannot be unpacked or read as rows.
bool Work::is_doubtful(const Error& error) const {
  return chunks_ > 0 && (error.fault == Fault::damaged || (error.fault == Fault::data && source_failed_));
}

Result<void> Work::doubt(const ObjectProof& object) {
  Outage outage(shared_);
  while (true) {
    Result<void> noted = worker_.sink->doubt(object);
    if (noted) return {};
    worker_.sink->rollback();
    if (!noted.error().retryable() || shared_.stop.stop_requested()) return noted;
    SLUICE_CHECK(wait_for_database(outage, std::move(noted).error()));
  }
}

Result<void> Work::move(const Delivery& delivery) {
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

Result<void> Work::move_parts(const Delivery& delivery) {
  source_failed_ = false;
  chunks_ = 0;
  SLUICE_TRY(const Known known, worker_.sink->begin(delivery));
  SLUICE_CHECK(delivery.parts->start(known));
  if (const Progress there = worker_.sink->there(); there.rows > 0) {
    log::info("an object is loaded on from where it ended",
              {{"object", delivery.objects.front().uri}, {"rows", std::to_string(there.rows)}});
    SLUICE_CHECK(delivery.parts->go_on_from(there));
  }
  // Objects that share a delivery are small.
  const bool large = delivery.objects.size() == 1 && delivery.objects.front().bytes > objects::group_bytes_max;
  const std::uint64_t chunk_bytes = large && shared_.options.chunk_bytes > 0 ? shared_.options.chunk_bytes : UINT64_MAX;
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
    ++chunks_;
    SLUICE_CRASH_POINT("C6_chunk_committed");
    SLUICE_CHECK(begin_chunk(delivery, upto));
  }
  if (shared_.failed) return fail(Fault::failed, "another part of the run failed");
  if (std::ranges::count(known, false) > 0) SLUICE_CHECK(share->enough(delivery));
  SLUICE_CHECK(worker_.sink->commit({}));
  share->committed(delivery.objects.size(), static_cast<std::size_t>(std::ranges::count(known, true)));
  return {};
}

Result<void> Work::begin_chunk(const Delivery& delivery, const Progress& upto) {
  SLUICE_TRY(const Known known, worker_.sink->begin(delivery));
  if (!known.front() && worker_.sink->there() == upto) return {};
  return fail(Fault::transient, delivery.objects.front().uri + ": another run loads it, too");
}

std::vector<SealedReject> Work::sealed(const Delivery& delivery, const std::vector<Reject>& rejects) const {
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

Result<void> Work::wait_for_database(Outage& outage, Error error) {
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

void Work::rest(milliseconds time) {
  constexpr milliseconds look(100);
  while (time.count() > 0 && !shared_.stop.stop_requested() && !shared_.failed) {
    shared_.clock.sleep(std::min(time, look));
    time -= look;
  }
}

}  // namespace sluice::runtime
