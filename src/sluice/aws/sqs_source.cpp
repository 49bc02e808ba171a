#include "sluice/aws/sqs_source.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "sluice/aws/backoff.hpp"
#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds gather_time{20};     // an idle worker gets what is there after this long
constexpr seconds short_poll{1};            // all but one receive, and all of a drain
constexpr milliseconds drained_again{250};  // between the two looks at an empty queue
constexpr seconds over_limit_pause{1};
constexpr seconds shortest_renewal{1};
constexpr seconds visible_at_once{0};
constexpr seconds flush_receives{2};
constexpr seconds flush_batches{30};
constexpr std::uint32_t damaged_receives_max = 5;

}  // namespace

SqsSource::SqsSource(SqsSourceOptions options, std::unique_ptr<SqsApi> api, const Clock& clock)
    : options_(std::move(options)),
      api_(std::move(api)),
      clock_(clock),
      random_(static_cast<std::minstd_rand::result_type>(options_.seed)),
      batches_(*api_, clock, options_.connection, options_.seed, [this](const BatchJob& job) { on_finished(job); }) {
  target_ = std::min<std::size_t>(2, options_.receives_max);
}

Result<Next> SqsSource::next(const Wanted& wanted) {
  const Time until = clock_.steady() + wanted.patience;
  rows_max_ = std::max(wanted.rows_max, sqs_batch_max);
  bytes_max_ = wanted.bytes_max;
  for (bool worked = false;; worked = true) {  // even without patience, what is under way gets on
    keep_leases();
    batches_.pump();
    SLUICE_CHECK(failure());
    if (wanted.receive) {
      if (auto delivery = hand_over(wanted)) return Next{std::move(delivery), false};
    }
    if (wanted.receive && look_drained(wanted)) return Next{std::nullopt, true};
    if (wanted.receive) start_receives(wanted);
    const Time now = clock_.steady();
    if (worked && (woken_.exchange(false) || now >= until)) return Next{};

    const Time wake_at = woken_ ? now : wake_time(wanted, until);
    api_->work(std::max(milliseconds(0), std::chrono::ceil<milliseconds>(wake_at - now)));
    if (wanted.hungry && in_flight_ != 0) {
      receive_seconds_ += std::chrono::duration<double>(clock_.steady() - now).count();
    }
  }
}

SqsSource::Time SqsSource::wake_time(const Wanted& wanted, Time until) const {
  Time first = std::min(until, leases_due_);
  const Time now = clock_.steady();
  if (wanted.receive && wanted.hungry && !gathering_.messages.empty())
    first = std::min(first, gathering_.first_at + gather_time);
  if (wanted.receive && paused_until_ > now) first = std::min(first, paused_until_);
  if (wanted.receive && times_drained_ != 0 && !asking_depth_ && in_flight_ == 0)
    first = std::min(first, ask_depth_at_);
  if (const auto due = batches_.due()) first = std::min(first, *due);
  return first;
}

Result<void> SqsSource::failure() const {
  if (batches_.fatal()) return fail(Error(*batches_.fatal()).within(options_.place));
  if (fatal_) return fail(Error(*fatal_).within(options_.place));
  return {};
}

// Receives ------------------------------------------------------------------------------------------------

void SqsSource::start_receives(const Wanted& wanted) {
  if (clock_.steady() < paused_until_ || times_drained_ != 0 || asking_depth_) return;
  while (in_flight_ < target_) {
    if (held_rows_ + in_flight_ * sqs_batch_max >= options_.held_rows_max) return;
    if (held_bytes_ >= options_.held_bytes_max) return;
    start_receive(wanted.drain);
  }
}

void SqsSource::start_receive(bool drain) {
  ReceiveCall call;
  const bool is_long = !long_poll_ && !drain;
  call.wait = is_long ? options_.wait : std::min(options_.wait, short_poll);
  call.visibility = options_.visibility;
  if (options_.fifo) call.attempt_id = new_attempt();
  ++in_flight_;
  long_poll_ = long_poll_ || is_long;
  const Time started = clock_.steady();
  api_->receive(call, [this, started, is_long, attempt = call.attempt_id](SqsResult<void> result, Received& received) {
    on_received(std::move(result), received, started, is_long, attempt);
  });
}

// SQS answers a receive whose reply was lost with the same messages, if it is asked by the same id.
std::string SqsSource::new_attempt() {
  if (!lost_attempts_.empty()) {
    std::string attempt = std::move(lost_attempts_.back());
    lost_attempts_.pop_back();
    return attempt;
  }
  std::random_device device;
  std::string attempt;
  for (int part = 0; part < 4; ++part) attempt += std::to_string(device()) + "-";
  attempt.pop_back();
  return attempt;
}

void SqsSource::on_received(SqsResult<void> result, Received& received, Time started, bool is_long,
                            std::string attempt) {
  --in_flight_;
  if (is_long) long_poll_ = false;
  if (!result) {
    if (options_.fifo && result.error().trouble == SqsTrouble::transient && lost_attempts_.size() < 16) {
      lost_attempts_.push_back(std::move(attempt));
    }
    return on_trouble(result.error(), started);
  }
  failures_ = 0;
  failing_since_.reset();
  empty_ = received.answered == 0;
  if (received.answered == sqs_batch_max) {
    target_ = std::min(target_ + 1, options_.receives_max);
  } else {
    target_ = empty_ ? 1 : std::max<std::size_t>(1, target_ - 1);
    gathering_.short_answer = true;
  }
  if (received.damaged != 0) {
    log::warning("bodies_damaged", {{"connection", options_.connection},
                                    {"messages", std::to_string(received.damaged)},
                                    {"receives", std::to_string(received.damaged_receives_max)}});
    poisoned_ = poisoned_ || received.damaged_receives_max >= damaged_receives_max;
  }
  if (received.keyless != 0) {
    log::warning("key_attribute_missing",
                 {{"connection", options_.connection}, {"messages", std::to_string(received.keyless)}});
  }
  if (!received.messages.empty()) gather(received, started);
}

void SqsSource::on_trouble(const SqsError& error, Time started) {
  if (!error.retryable()) {
    if (!fatal_) fatal_ = error.error;
    return;
  }
  const Time now = clock_.steady();
  target_ = 1;
  if (!failing_since_) failing_since_ = now;
  const bool first_of_round = started >= failed_at_;  // others were under way when it began
  if (first_of_round) {
    failed_at_ = now;
    log::warning("receive_failed", {{"connection", options_.connection},
                                    {"failures", std::to_string(failures_ + 1)},
                                    {"error", error.error.message}});
    paused_until_ = now + backoff(random_, failures_++, error.trouble == SqsTrouble::throttled);
    if (error.trouble == SqsTrouble::over_limit) paused_until_ = now + over_limit_pause;
  }
  if (now - *failing_since_ > options_.retry_for && !fatal_) {
    fatal_ = Error(error.error).within("no good answer for " + std::to_string(options_.retry_for.count()) + " s");
  }
}

// What was received ---------------------------------------------------------------------------------------

void SqsSource::gather(Received& received, Time started) {
  if (gathering_.messages.size() + received.messages.size() > rows_max_) close_gathering();
  if (gathering_.messages.empty()) {
    gathering_.first_at = clock_.steady();
    gathering_.leased_at = started;
    gathering_.short_answer = received.answered < sqs_batch_max;
    leases_due_ = std::min(leases_due_, started + options_.lease / 3);
  }
  gathering_.leased_at = std::min(gathering_.leased_at, started);
  gathering_.messages.insert(gathering_.messages.end(), received.messages.begin(), received.messages.end());
  gathering_.handles.insert(gathering_.handles.end(), received.handles.begin(), received.handles.end());
  gathering_.memory.push_back(std::move(received.memory));
  const std::size_t bytes = received.bytes + received.messages.size() * (sizeof(Message) + sizeof(std::string_view));
  gathering_.bytes += bytes;
  held_rows_ += received.messages.size();
  held_bytes_ += bytes;
  if (gathering_.messages.size() >= rows_max_ || gathering_.bytes >= bytes_max_) close_gathering();
}

void SqsSource::close_gathering() {
  if (gathering_.messages.empty()) return;
  const std::uint64_t number = ++receipts_;
  const auto memory = std::make_shared<const Memory>(std::move(gathering_.memory));
  Held& held = held_[number];
  held.handles = std::make_shared<const std::vector<std::string_view>>(std::move(gathering_.handles));
  held.memory = memory;
  held.bytes = gathering_.bytes;
  held.leased_at = gathering_.leased_at;
  held.renew_at = held.leased_at + options_.lease / 3;
  leases_due_ = std::min(leases_due_, held.renew_at);

  Delivery& delivery = ready_.emplace_back();
  delivery.messages = std::move(gathering_.messages);
  delivery.memory = memory;
  delivery.bytes = held.bytes;
  delivery.receipt.number = number;
  gathering_ = {};
}

std::optional<Delivery> SqsSource::hand_over(const Wanted& wanted) {
  if (ready_.empty() && wanted.hungry && !gathering_.messages.empty() &&
      (gathering_.short_answer || clock_.steady() >= gathering_.first_at + gather_time)) {
    close_gathering();
  }
  while (!ready_.empty()) {
    Delivery delivery = std::move(ready_.front());
    ready_.pop_front();
    const auto held = held_.find(delivery.receipt.number);
    assert(held != held_.end());
    if (clock_.steady() < held->second.leased_at + options_.lease) {
      SLUICE_CRASH_POINT("A1_received");
      return delivery;
    }
    // Somebody else may have them by now.
    log::warning("lease_lost",
                 {{"connection", options_.connection}, {"messages", std::to_string(delivery.messages.size())}});
    held_rows_ -= delivery.messages.size();
    held_bytes_ -= held->second.bytes;
    held_.erase(held);
  }
  return std::nullopt;
}

// Leases, deletes -----------------------------------------------------------------------------------------

void SqsSource::keep_leases() {
  const Time now = clock_.steady();
  if (now < leases_due_) return;
  // What is still being gathered gets its own extension once it is closed.
  if (!gathering_.messages.empty() && now >= gathering_.leased_at + options_.lease / 3) close_gathering();
  leases_due_ = gathering_.messages.empty() ? Time::max() : gathering_.leased_at + options_.lease / 3;
  for (auto& [number, held] : held_) {
    if (held.renewing || held.lost) continue;
    if (now >= held.leased_at + options_.lease) {
      held.lost = true;
      log::warning("lease_lost",
                   {{"connection", options_.connection}, {"messages", std::to_string(held.handles->size())}});
    } else if (now >= held.renew_at) {
      held.renewing = true;
      held.renewing_at = now;
      batches_.add({.purpose = Purpose::extend,
                    .delivery = number,
                    .handles = held.handles,
                    .memory = held.memory,
                    .visibility = options_.lease});
    } else {
      leases_due_ = std::min(leases_due_, held.renew_at);
    }
  }
}

void SqsSource::on_finished(const BatchJob& job) {
  if (job.purpose == Purpose::extend) {
    const auto found = held_.find(job.delivery);
    if (found == held_.end()) return;  // settled meanwhile
    Held& held = found->second;
    held.renewing = false;
    if (job.failed == 0) held.leased_at = held.renewing_at;
    held.renew_at =
        clock_.steady() + (job.failed == 0 ? options_.lease / 3 : std::max(options_.lease / 10, shortest_renewal));
    leases_due_ = std::min(leases_due_, held.renew_at);
    return;
  }
  held_rows_ -= job.handles->size();
  const auto found = held_.find(job.delivery);
  assert(found != held_.end());
  held_bytes_ -= found->second.bytes;
  held_.erase(found);
  if (failures_ == 0) paused_until_ = {};
}

Result<void> SqsSource::settle(Receipt receipt) {
  const auto found = held_.find(receipt.number);
  assert(found != held_.end());
  SLUICE_CRASH_POINT("A4_before_delete");
  found->second.lost = true;  // no more extensions
  batches_.add({.purpose = Purpose::remove,
                .delivery = receipt.number,
                .handles = found->second.handles,
                .memory = found->second.memory});
  return {};
}

Result<void> SqsSource::release(Receipt receipt) {
  assert(held_.contains(receipt.number));
  give_back(receipt.number);
  return {};
}

void SqsSource::give_back(std::uint64_t delivery) {
  Held& held = held_.at(delivery);
  held.lost = true;
  batches_.add({.purpose = Purpose::give_back,
                .delivery = delivery,
                .handles = held.handles,
                .memory = held.memory,
                .visibility = visible_at_once});
}

Result<void> SqsSource::flush() {
  Time until = clock_.steady() + flush_receives;
  while (in_flight_ != 0 && clock_.steady() < until) api_->work(milliseconds(50));
  close_gathering();
  for (const Delivery& delivery : ready_) give_back(delivery.receipt.number);
  ready_.clear();

  until = clock_.steady() + flush_batches;
  while (!batches_.idle() && clock_.steady() < until) {
    api_->work(milliseconds(20));
    batches_.pump();
  }
  if (!batches_.idle()) {
    log::warning("flush_given_up", {{"connection", options_.connection},
                                    {"hint", "messages that are not deleted come back and are known"}});
  }
  if (batches_.fatal()) return fail(Error(*batches_.fatal()).within(options_.place));
  return {};
}

// The end of a drain --------------------------------------------------------------------------------------

// Nothing of ours is open, a receive came back empty, and the queue said twice that it holds nothing.
bool SqsSource::look_drained(const Wanted& wanted) {
  const bool quiet = wanted.drain && empty_ && held_.empty() && gathering_.messages.empty() && batches_.idle();
  if (!quiet) {
    times_drained_ = 0;
    return false;
  }
  if (times_drained_ >= 2) {
    times_drained_ = 0;
    empty_ = false;  // whoever asks again gets a new look
    return true;
  }
  const Time now = clock_.steady();
  if (in_flight_ != 0 || asking_depth_ || now < ask_depth_at_ || now < paused_until_) {
    return false;
  }
  asking_depth_ = true;
  api_->attributes([this, now](const SqsResult<SqsAttributes>& answer) { on_depth(answer, now); });
  return false;
}

void SqsSource::on_depth(const SqsResult<SqsAttributes>& answer, Time started) {
  asking_depth_ = false;
  if (!answer) {
    times_drained_ = 0;
    return on_trouble(answer.error(), started);
  }
  failures_ = 0;
  failing_since_.reset();
  const QueueDepth& depth = answer->facts.depth;
  const Time now = clock_.steady();
  if (depth.visible + depth.in_flight + depth.delayed == 0) {
    ++times_drained_;
    ask_depth_at_ = now + drained_again;
    return;
  }
  times_drained_ = 0;
  empty_ = false;
  // A poll of the queue waits by itself; with `wait: 0` it does not.
  if (depth.visible == 0 || options_.wait.count() == 0) paused_until_ = now + drained_again;
  if (poisoned_) {
    fatal_ = Error{Fault::failed,
                   "a message's body did not match its MD5 in " + std::to_string(damaged_receives_max) +
                       " receives, so it was left in the queue",
                   "look at what stands between here and SQS, or at the endpoint"};
  } else if (depth.visible == 0 && !told_of_others_) {
    told_of_others_ = true;
    log::info("messages_in_flight_elsewhere", {{"connection", options_.connection},
                                               {"in_flight", std::to_string(depth.in_flight)},
                                               {"delayed", std::to_string(depth.delayed)},
                                               {"doing", "waiting for their lease"}});
  }
}

// -----------------------------------------------------------------------------------------------------------

void SqsSource::wake() {
  woken_ = true;
  api_->wake();
}

std::map<std::string, std::uint64_t> SqsSource::calls() const { return api_->calls(); }

std::map<std::string, double> SqsSource::seconds() const {
  return {{"receive", receive_seconds_}, {"delete", batches_.remove_seconds()}};
}

}  // namespace sluice::aws
