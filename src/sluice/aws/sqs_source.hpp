// Reads an SQS queue: many receives in flight, gathered into deliveries, deleted when settled.
//
// A message stays hidden in the queue until settle() deletes it, so a crash in between delivers it
// again: at least once, never lost. While a delivery is open its lease is extended at a third of its
// time. A body that does not match its MD5 is not handed over; it comes back after its lease.
//
// Receives start at 2 in flight; each that comes back full makes it one more (so they double each round
// trip), an empty one makes it a single long poll. Only one of them polls long; the others for 1 s.
//
// seconds(): "receive" is the time that next() waited for messages while a worker was idle and receives
// were under way; "delete" is wall time with at least one delete under way.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <unordered_map>

#include "sluice/aws/sqs_api.hpp"
#include "sluice/aws/sqs_batches.hpp"
#include "sluice/aws/sqs_options.hpp"
#include "sluice/core/source.hpp"

namespace sluice::aws {

struct SqsSourceOptions {
  std::string connection{};                          // for messages
  std::string place{};                               // "sqs logins"
  std::optional<std::chrono::seconds> visibility{};  // to ask for at each receive; empty: the queue's own
  std::chrono::seconds lease{30};                    // what then holds
  std::chrono::seconds wait{20};
  std::chrono::seconds retry_for{300};
  std::size_t receives_max = 64;
  bool fifo = false;
  // No more receives while this much is gathered, open or being deleted.
  std::size_t held_rows_max = 40000;
  std::size_t held_bytes_max = std::size_t{32} << 20U;
  std::uint64_t seed = 1;  // of back-off
};

class SqsSource final : public Source {
 public:
  SqsSource(SqsSourceOptions options, std::unique_ptr<SqsApi> api, const Clock& clock);

  Result<Next> next(const Wanted& wanted) override;
  Result<void> settle(Receipt receipt) override;
  Result<void> release(Receipt receipt) override;
  // Lets receives under way finish, for 2 seconds: what a receive that is cut off had taken comes back
  // only after its lease.
  Result<void> flush() override;
  void wake() override;
  std::map<std::string, std::uint64_t> calls() const override;
  std::map<std::string, double> seconds() const override;

 private:
  using Time = std::chrono::steady_clock::time_point;
  using Memory = std::vector<std::shared_ptr<const char[]>>;  // one block a receive
  // What a delivery was made of, until the queue has forgotten it or has it back.
  struct Held {
    std::shared_ptr<const std::vector<std::string_view>> handles;
    std::shared_ptr<const Memory> memory;
    std::size_t bytes = 0;
    Time leased_at{};  // noted before the call
    Time renewing_at{};
    Time renew_at{};
    bool renewing = false;
    bool lost = false;
  };
  struct Gathering {
    std::vector<Message> messages;
    std::vector<std::string_view> handles;
    Memory memory;
    std::size_t bytes = 0;
    Time leased_at{};
    Time first_at{};
    bool short_answer = false;  // a receive came back with fewer than ten since
  };

  void start_receives(const Wanted& wanted);
  void start_receive(bool drain);
  void on_received(SqsResult<void> result, Received& received, Time started, bool is_long, std::string attempt);
  void on_trouble(const SqsError& error, Time started);
  void gather(Received& received, Time started);
  void close_gathering();
  std::optional<Delivery> hand_over(const Wanted& wanted);
  void keep_leases();
  void on_finished(const BatchJob& job);
  bool look_drained(const Wanted& wanted);
  void on_depth(const SqsResult<SqsAttributes>& answer, Time started);
  void give_back(std::uint64_t delivery);
  Result<void> failure() const;
  Time wake_time(const Wanted& wanted, Time until) const;
  std::string new_attempt();

  SqsSourceOptions options_;
  std::unique_ptr<SqsApi> api_;
  const Clock& clock_;
  std::minstd_rand random_;
  SqsBatches batches_;
  std::atomic<bool> woken_{false};

  // Receives.
  std::size_t in_flight_ = 0;
  std::size_t target_ = 2;
  bool long_poll_ = false;  // one of them may wait long
  bool empty_ = false;      // the last one to come back was
  Time paused_until_{};
  unsigned failures_ = 0;  // in a row
  std::optional<Time> failing_since_;
  Time failed_at_{};
  std::optional<Error> fatal_;
  std::vector<std::string> lost_attempts_;  // FIFO: asked for again, they give the same messages
  bool poisoned_ = false;                   // a body whose MD5 never matches

  // What was received.
  std::size_t rows_max_ = 5000;
  std::size_t bytes_max_ = std::size_t{4} << 20U;
  std::size_t held_rows_ = 0;
  std::size_t held_bytes_ = 0;
  Gathering gathering_;
  std::deque<Delivery> ready_;
  std::unordered_map<std::uint64_t, Held> held_;  // by receipt: ready or handed over
  std::uint64_t receipts_ = 0;
  Time leases_due_ = Time::max();

  // The end of a drain.
  bool asking_depth_ = false;
  unsigned times_drained_ = 0;
  Time ask_depth_at_{};
  bool told_of_others_ = false;

  double receive_seconds_ = 0;
};

}  // namespace sluice::aws
