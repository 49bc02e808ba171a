#include "sluice/aws/sqs_batches.hpp"

#include <algorithm>

#include "sluice/aws/backoff.hpp"
#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t in_flight_max = 96;  // with the receives well below the connections of Http
constexpr unsigned attempts_max = 8;       // about 10 seconds with back-off

std::string_view to_string(Purpose purpose) {
  switch (purpose) {
    case Purpose::extend: return "extend";
    case Purpose::remove: return "delete";
    case Purpose::give_back: return "give_back";
  }
  return "";
}

}  // namespace

SqsBatches::SqsBatches(SqsApi& api, const Clock& clock, std::string connection, std::uint64_t seed, Finished finished)
    : api_(api),
      clock_(clock),
      connection_(std::move(connection)),
      random_(static_cast<std::minstd_rand::result_type>(seed)),
      finished_(std::move(finished)) {}

void SqsBatches::add(BatchJob job) {
  const auto shared = std::make_shared<BatchJob>(std::move(job));
  const std::vector<std::string_view>& handles = *shared->handles;
  shared->open = handles.size();
  ++jobs_;
  for (std::size_t at = 0; at < handles.size(); at += sqs_batch_max) {
    Batch& batch = waiting_[static_cast<std::size_t>(shared->purpose)].emplace_back();
    batch.job = shared;
    batch.size = std::min(sqs_batch_max, handles.size() - at);
    std::copy_n(handles.begin() + static_cast<std::ptrdiff_t>(at), batch.size, batch.handles.begin());
  }
  pump();
}

void SqsBatches::pump() {
  if (!later_.empty()) {
    const auto now = clock_.steady();
    for (std::size_t at = 0; at < later_.size();) {
      if (later_[at].due > now) {
        ++at;
        continue;
      }
      const auto purpose = static_cast<std::size_t>(later_[at].job->purpose);
      waiting_[purpose].push_back(std::move(later_[at]));
      later_[at] = std::move(later_.back());
      later_.pop_back();
    }
  }
  for (auto& waiting : waiting_) {
    while (!waiting.empty() && in_flight_ < in_flight_max) {
      Batch batch = std::move(waiting.front());
      waiting.pop_front();
      start(std::move(batch));
    }
  }
}

std::optional<steady_clock::time_point> SqsBatches::due() const {
  std::optional<steady_clock::time_point> first;
  for (const Batch& batch : later_) {
    if (!first || batch.due < *first) first = batch.due;
  }
  return first;
}

double SqsBatches::remove_seconds() const {
  if (removes_ == 0) return remove_seconds_;
  return remove_seconds_ + std::chrono::duration<double>(clock_.steady() - removing_since_).count();
}

void SqsBatches::start(Batch batch) {
  const bool remove = batch.job->purpose == Purpose::remove;
  ++in_flight_;
  if (remove && removes_++ == 0) removing_since_ = clock_.steady();
  const auto shared = std::make_shared<Batch>(std::move(batch));
  api_.batch(remove ? BatchKind::remove : BatchKind::visibility, std::span(shared->handles.data(), shared->size),
             shared->job->visibility, [this, shared, remove](const SqsResult<std::vector<BatchFailure>>& answer) {
               --in_flight_;
               if (remove && --removes_ == 0) {
                 remove_seconds_ += std::chrono::duration<double>(clock_.steady() - removing_since_).count();
               }
               answered(*shared, answer);
               pump();
             });
}

void SqsBatches::answered(Batch& batch, const SqsResult<std::vector<BatchFailure>>& answer) {
  if (!answer) {
    const SqsError& error = answer.error();
    if (error.retryable() && batch.attempt + 1 < attempts_max) {
      return try_again(std::move(batch), error.trouble == SqsTrouble::throttled);
    }
    if (!error.retryable() && batch.job->purpose == Purpose::remove && !fatal_) fatal_ = error.error;
    return give_up(batch, batch.size, error.error.text());
  }
  if (answer->empty()) return settle(batch, batch.size);

  // Only the refused ones are tried again.
  Batch again{.job = batch.job, .handles = {}, .size = 0, .attempt = batch.attempt, .due = {}};
  std::size_t hopeless = 0;
  std::string_view why;
  for (const BatchFailure& failure : *answer) {
    if (failure.sender_fault || batch.attempt + 1 >= attempts_max) {
      ++hopeless;
      why = failure.code;
    } else if (again.size < batch.size) {
      again.handles[again.size++] = batch.handles[failure.entry];
    }
  }
  const std::size_t good = batch.size - hopeless - again.size;
  if (good != 0) settle(batch, good);
  if (hopeless != 0) give_up(batch, hopeless, why);
  if (again.size != 0) try_again(std::move(again), false);
}

void SqsBatches::try_again(Batch batch, bool throttled) {
  batch.due = clock_.steady() + backoff(random_, batch.attempt, throttled);
  ++batch.attempt;
  later_.push_back(std::move(batch));
}

void SqsBatches::give_up(Batch& batch, std::size_t handles, std::string_view why) {
  const bool known = batch.job->purpose != Purpose::remove && warned_of_rights_;
  if (!known) {
    log::warning("handles_given_up", {{"connection", connection_},
                                      {"purpose", std::string(to_string(batch.job->purpose))},
                                      {"messages", std::to_string(handles)},
                                      {"why", std::string(why)}});
  }
  if (batch.job->purpose != Purpose::remove) warned_of_rights_ = true;
  batch.job->failed += handles;
  settle(batch, handles);
}

void SqsBatches::settle(Batch& batch, std::size_t handles) {
  BatchJob& job = *batch.job;
  job.open -= handles;
  if (job.purpose == Purpose::remove) {
    if (job.open != 0) {
      SLUICE_CRASH_POINT("A5_delete_half");
    } else {
      SLUICE_CRASH_POINT("A7_deleted");
    }
  }
  if (job.open != 0) return;
  --jobs_;
  finished_(job);
}

}  // namespace sluice::aws
