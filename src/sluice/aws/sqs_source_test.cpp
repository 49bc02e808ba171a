// The source against a queue in memory, with a clock that only moves when somebody waits.
#include "sluice/aws/sqs_source.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = std::chrono::steady_clock::time_point;

class HeldClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override { return {}; }
  Time steady() const override { return time_; }
  void sleep(milliseconds time) const override { time_ += time; }
  void set(Time time) const { time_ = std::max(time_, time); }

 private:
  mutable Time time_{seconds(1000)};
};

// A standard queue. Calls end 10 ms after they were started, an empty receive after its wait.
class FakeSqs final : public SqsApi {
 public:
  explicit FakeSqs(const HeldClock& clock) : clock_(clock) {}

  void put(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string id = "m" + std::to_string(messages_.size());
      messages_.push_back({.id = id});
    }
  }
  std::size_t left() const {
    return static_cast<std::size_t>(
        std::count_if(messages_.begin(), messages_.end(), [](const Stored& m) { return !m.deleted; }));
  }
  std::size_t hidden() const {
    return static_cast<std::size_t>(std::count_if(messages_.begin(), messages_.end(), [this](const Stored& m) {
      return !m.deleted && m.visible_at > clock_.steady();
    }));
  }
  std::size_t receives(std::size_t message) const { return messages_[message].receives; }
  void hide(std::size_t message, seconds time) { messages_[message].visible_at = clock_.steady() + time; }

  // What goes wrong. `trouble` is asked before each call.
  std::function<std::optional<SqsTrouble>(std::string_view action)> trouble;
  std::map<std::string, int> refused_entries;  // handle -> how often it is in Failed[]
  bool sender_fault = false;
  std::size_t damaged = 0;  // the first messages never match their MD5

  std::vector<std::size_t> entries;  // of each delete batch
  std::size_t receives_in_flight_peak = 0;

  void receive(const ReceiveCall& call, ReceiveDone done) override {
    ++receives_in_flight_;
    receives_in_flight_peak = std::max(receives_in_flight_peak, receives_in_flight_);
    const bool empty = visible() == 0;
    start("ReceiveMessage", empty ? milliseconds(call.wait) + milliseconds(10) : milliseconds(10),
          [this, done](std::optional<SqsError> error) {
            --receives_in_flight_;
            Received received;
            if (error) return done(tl::unexpected(*error), received);
            take(received);
            done({}, received);
          });
  }
  void batch(BatchKind kind, std::span<const std::string_view> handles, seconds visibility, BatchDone done) override {
    const bool remove = kind == BatchKind::remove;
    std::vector<std::string> copies(handles.begin(), handles.end());
    start(remove ? "DeleteMessageBatch" : "ChangeMessageVisibilityBatch", milliseconds(10),
          [this, remove, copies, visibility, done](std::optional<SqsError> error) {
            if (error) return done(tl::unexpected(*error));
            if (remove) entries.push_back(copies.size());
            std::vector<BatchFailure> failures;
            for (std::size_t at = 0; at < copies.size(); ++at) {
              if (const auto found = refused_entries.find(copies[at]);
                  found != refused_entries.end() && found->second > 0) {
                --found->second;
                failures.push_back({at, sender_fault, "InternalError"});
                continue;
              }
              Stored& message = messages_[static_cast<std::size_t>(std::stoul(copies[at]))];
              if (remove) {
                message.deleted = true;
              } else {
                message.visible_at = clock_.steady() + visibility;
              }
            }
            done(std::move(failures));
          });
  }
  void attributes(AttributesDone done) override {
    start("GetQueueAttributes", milliseconds(10), [this, done](std::optional<SqsError> error) {
      if (error) return done(tl::unexpected(*error));
      SqsAttributes attributes;
      attributes.facts.depth = {visible(), hidden(), 0};
      done(attributes);
    });
  }
  void work(milliseconds wait) override {
    const Time until = clock_.steady() + wait;
    const auto first = calls_under_way_.begin();
    if (first == calls_under_way_.end() || first->first > until) return clock_.set(until);
    clock_.set(first->first);
    auto done = std::move(first->second);
    calls_under_way_.erase(first);
    done();
  }
  void wake() override {}
  std::map<std::string, std::uint64_t> calls() const override { return calls_; }

 private:
  struct Stored {
    std::string id;
    Time visible_at{};
    std::size_t receives = 0;
    bool deleted = false;
  };
  std::size_t visible() const { return left() - hidden(); }
  void start(const std::string& action, milliseconds time, std::function<void(std::optional<SqsError>)> done) {
    ++calls_[action];
    std::optional<SqsError> error;
    if (const auto found = trouble ? trouble(action) : std::nullopt) {
      const bool denied = *found == SqsTrouble::denied;
      error = SqsError{*found, {denied ? Fault::denied : Fault::transient, action + " went wrong"}};
      time = milliseconds(10);
    }
    calls_under_way_.emplace(clock_.steady() + time, [done = std::move(done), error] { done(error); });
  }
  void take(Received& received) {
    const auto memory = std::make_shared<std::vector<std::string>>();
    memory->reserve(10);
    for (std::size_t at = 0; at < messages_.size() && received.answered < 10; ++at) {
      Stored& message = messages_[at];
      if (message.deleted || message.visible_at > clock_.steady()) continue;
      message.visible_at = clock_.steady() + seconds(30);
      ++message.receives;
      ++received.answered;
      if (at < damaged) {
        ++received.damaged;
        received.damaged_receives_max = static_cast<std::uint32_t>(message.receives);
        continue;
      }
      Message& out = received.messages.emplace_back();
      out.body = out.message_id = message.id;
      received.handles.emplace_back(memory->emplace_back(std::to_string(at)));
    }
    received.memory = std::shared_ptr<const char[]>(memory, "");
    received.bytes = received.messages.size() * 1000;
  }

  const HeldClock& clock_;
  std::vector<Stored> messages_;
  std::multimap<Time, std::function<void()>> calls_under_way_;
  std::map<std::string, std::uint64_t> calls_;
  std::size_t receives_in_flight_ = 0;
};

class SqsSourceTest : public testing::Test {
 protected:
  SqsSourceTest() : sqs(*new FakeSqs(clock)), api_(&sqs) {}

  SqsSource& open(SqsSourceOptions options = {}) {
    options.place = "sqs logins";
    source_ = std::make_unique<SqsSource>(std::move(options), std::move(api_), clock);
    return *source_;
  }
  // Reads and settles until the source ends; gives how often each message was handed over.
  std::map<std::string, int> drain(SqsSource& source, Wanted wanted = {}) {
    std::map<std::string, int> seen;
    while (true) {
      auto next = source.next(wanted);
      if (!next) {
        ADD_FAILURE() << next.error().text();
        return seen;
      }
      if (next->ended) return seen;
      if (!next->delivery) continue;
      EXPECT_LE(next->delivery->messages.size(), wanted.rows_max);
      for (const Message& message : next->delivery->messages) ++seen[std::string(message.body)];
      EXPECT_TRUE(source.settle(next->delivery->receipt));
    }
  }
  Result<Delivery> next_delivery(SqsSource& source, Wanted wanted = {}) {
    while (true) {
      SLUICE_TRY(Next next, source.next(wanted));
      if (next.delivery) return std::move(*next.delivery);
      if (next.ended) return fail(Fault::failed, "ended");
    }
  }

  HeldClock clock;
  FakeSqs& sqs;

 private:
  std::unique_ptr<FakeSqs> api_;
  std::unique_ptr<SqsSource> source_;
};

TEST_F(SqsSourceTest, a_backlog_is_read_once_and_deleted_and_then_the_drain_ends) {
  sqs.put(1234);
  SqsSource& source = open();
  const auto seen = drain(source, {.rows_max = 100});
  EXPECT_EQ(seen.size(), 1234U);
  for (const auto& [body, times] : seen) EXPECT_EQ(times, 1) << body;
  EXPECT_EQ(sqs.left(), 0U);
  EXPECT_EQ(source.calls().at("GetQueueAttributes"), 2U);
  EXPECT_GT(source.seconds().at("delete"), 0.0);
}

TEST_F(SqsSourceTest, receives_grow_while_they_come_back_full_and_fall_to_one_when_empty) {
  sqs.put(5000);
  SqsSource& source = open({.receives_max = 32});
  drain(source);
  EXPECT_EQ(sqs.receives_in_flight_peak, 32U);
  sqs.receives_in_flight_peak = 0;
  const Time before = clock.steady();
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(source.next({.drain = false}));
  EXPECT_EQ(sqs.receives_in_flight_peak, 1U);
  EXPECT_GE(clock.steady() - before, seconds(55)) << "an empty queue is not asked without pause";
}

TEST_F(SqsSourceTest, of_a_batch_only_the_failed_entries_are_deleted_again) {
  sqs.put(10);
  sqs.refused_entries = {{"3", 2}, {"7", 1}};
  SqsSource& source = open();
  EXPECT_EQ(drain(source).size(), 10U);
  EXPECT_EQ(sqs.left(), 0U);
  EXPECT_EQ(sqs.entries, (std::vector<std::size_t>{10, 2, 1}));
}

TEST_F(SqsSourceTest, an_entry_that_cannot_be_deleted_is_left_and_comes_back) {
  sqs.put(10);
  sqs.refused_entries = {{"3", 1}};
  sqs.sender_fault = true;
  SqsSource& source = open();
  const auto seen = drain(source);
  EXPECT_EQ(seen.at("m3"), 2);
  EXPECT_EQ(seen.at("m4"), 1);
  EXPECT_EQ(sqs.left(), 0U);
}

TEST_F(SqsSourceTest, a_delivery_that_is_worked_on_for_long_keeps_its_lease) {
  sqs.put(25);
  SqsSource& source = open();
  const auto delivery = next_delivery(source);
  ASSERT_TRUE(delivery);
  const Time end = clock.steady() + seconds(200);
  while (clock.steady() < end) {
    ASSERT_TRUE(source.next({.receive = false}));
    EXPECT_EQ(sqs.hidden(), 25U);
  }
  EXPECT_EQ(sqs.receives(0), 1U);
  EXPECT_GE(source.calls().at("ChangeMessageVisibilityBatch"), 19U);
}

TEST_F(SqsSourceTest, what_is_gathered_keeps_its_lease_while_the_database_is_away) {
  sqs.put(25);
  SqsSource& source = open();
  ASSERT_TRUE(source.next({.hungry = false}));  // patience ends, nothing is full
  const auto receives = source.calls().at("ReceiveMessage");
  for (int i = 0; i < 100; ++i) {
    const auto next = source.next({.receive = false});
    ASSERT_TRUE(next);
    EXPECT_FALSE(next->delivery);
  }
  EXPECT_LE(source.calls().at("ReceiveMessage"), receives + 1);
  EXPECT_EQ(sqs.hidden(), 25U);
  EXPECT_EQ(drain(source).size(), 25U);
  EXPECT_EQ(sqs.receives(24), 1U);
}

TEST_F(SqsSourceTest, messages_whose_lease_ran_out_unnoticed_are_not_handed_over) {
  sqs.put(10);
  SqsSource& source = open();
  ASSERT_TRUE(source.next({.hungry = false}));
  clock.sleep(seconds(120));  // the machine slept
  const auto seen = drain(source);
  EXPECT_EQ(seen.size(), 10U);
  EXPECT_EQ(seen.at("m0"), 1);
  EXPECT_GE(sqs.receives(0), 2U);
}

TEST_F(SqsSourceTest, a_released_delivery_is_visible_at_once) {
  sqs.put(25);
  SqsSource& source = open();
  const auto delivery = next_delivery(source);
  ASSERT_TRUE(delivery);
  ASSERT_TRUE(source.release(delivery->receipt));
  ASSERT_TRUE(source.flush());
  EXPECT_EQ(sqs.hidden(), 0U);
  EXPECT_EQ(sqs.left(), 25U);
}

TEST_F(SqsSourceTest, flush_gives_back_what_was_not_handed_over) {
  sqs.put(57);
  SqsSource& source = open();
  ASSERT_TRUE(source.next({.hungry = false}));
  EXPECT_EQ(sqs.hidden(), 57U);
  ASSERT_TRUE(source.flush());
  EXPECT_EQ(sqs.hidden(), 0U);
}

TEST_F(SqsSourceTest, a_worker_at_work_lets_messages_gather_to_full_deliveries) {
  sqs.put(1000);
  SqsSource& source = open();
  const auto delivery = next_delivery(source, {.hungry = false, .rows_max = 500});
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->messages.size(), 500U);
}

TEST_F(SqsSourceTest, an_idle_worker_gets_a_single_message_soon) {
  sqs.put(1);
  SqsSource& source = open();
  const Time before = clock.steady();
  const auto delivery = next_delivery(source, {.drain = false});
  ASSERT_TRUE(delivery);
  EXPECT_LE(clock.steady() - before, milliseconds(40));
}

TEST_F(SqsSourceTest, even_without_patience_calls_under_way_get_on) {
  sqs.put(10);
  SqsSource& source = open();
  std::optional<Delivery> delivery;
  for (int i = 0; i < 20 && !delivery; ++i) {
    auto next = source.next({.patience = milliseconds(0)});
    ASSERT_TRUE(next);
    delivery = std::move(next->delivery);
    clock.sleep(milliseconds(10));
  }
  EXPECT_TRUE(delivery);
}

TEST_F(SqsSourceTest, memory_is_bounded_by_what_is_not_deleted) {
  sqs.put(1000);
  SqsSource& source = open({.held_rows_max = 200});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(source.next({.hungry = false, .drain = false, .rows_max = 5000}));
  EXPECT_EQ(sqs.hidden(), 200U);
  EXPECT_EQ(drain(source).size(), 1000U);
}

TEST_F(SqsSourceTest, throttling_and_network_errors_are_waited_out) {
  sqs.put(300);
  int calls = 0;
  sqs.trouble = [&calls](std::string_view) -> std::optional<SqsTrouble> {
    ++calls;
    if (calls % 3 == 0) return SqsTrouble::throttled;
    if (calls % 7 == 0) return SqsTrouble::transient;
    return std::nullopt;
  };
  SqsSource& source = open();
  const auto seen = drain(source);
  EXPECT_EQ(seen.size(), 300U);
  EXPECT_EQ(sqs.left(), 0U);
}

TEST_F(SqsSourceTest, an_outage_beyond_retry_for_is_a_transient_error) {
  sqs.put(10);
  sqs.trouble = [](std::string_view) { return SqsTrouble::transient; };
  SqsSource& source = open({.retry_for = seconds(60)});
  const Time before = clock.steady();
  const auto delivery = next_delivery(source);
  ASSERT_FALSE(delivery);
  EXPECT_EQ(delivery.error().fault, Fault::transient);
  EXPECT_EQ(delivery.error().message, "sqs logins: no good answer for 60 s: ReceiveMessage went wrong");
  EXPECT_GE(clock.steady() - before, seconds(60));
  EXPECT_LE(source.calls().at("ReceiveMessage"), 60U) << "back-off grows";
}

TEST_F(SqsSourceTest, a_refused_receive_ends_the_run_at_once) {
  sqs.trouble = [](std::string_view) { return SqsTrouble::denied; };
  SqsSource& source = open();
  const auto delivery = next_delivery(source);
  ASSERT_FALSE(delivery);
  EXPECT_EQ(delivery.error().fault, Fault::denied);
}

TEST_F(SqsSourceTest, a_right_to_receive_but_not_to_delete_ends_the_run) {
  sqs.put(30);
  sqs.trouble = [](std::string_view action) -> std::optional<SqsTrouble> {
    if (action == "DeleteMessageBatch") return SqsTrouble::denied;
    return std::nullopt;
  };
  SqsSource& source = open();
  const auto delivery = next_delivery(source);
  ASSERT_TRUE(delivery);
  ASSERT_TRUE(source.settle(delivery->receipt));
  const auto after = next_delivery(source);
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().message, "sqs logins: DeleteMessageBatch went wrong");
}

TEST_F(SqsSourceTest, too_many_in_flight_is_waited_out) {
  sqs.put(10);
  int limited = 3;
  sqs.trouble = [&limited](std::string_view action) -> std::optional<SqsTrouble> {
    if (action == "ReceiveMessage" && limited-- > 0) return SqsTrouble::over_limit;
    return std::nullopt;
  };
  EXPECT_EQ(drain(open()).size(), 10U);
}

TEST_F(SqsSourceTest, a_drain_waits_for_messages_in_flight_elsewhere) {
  sqs.put(3);
  sqs.hide(1, seconds(20));
  const Time before = clock.steady();
  SqsSource& source = open();
  EXPECT_EQ(drain(source).size(), 3U);
  EXPECT_GE(clock.steady() - before, seconds(20));
  EXPECT_LE(source.calls().at("ReceiveMessage"), 40U);
}

TEST_F(SqsSourceTest, a_drain_does_not_end_while_a_delivery_is_open) {
  sqs.put(5);
  SqsSource& source = open();
  const auto delivery = next_delivery(source);
  ASSERT_TRUE(delivery);
  for (int i = 0; i < 20; ++i) {
    const auto next = source.next({});
    ASSERT_TRUE(next);
    EXPECT_FALSE(next->ended);
  }
  ASSERT_TRUE(source.settle(delivery->receipt));
  EXPECT_TRUE(drain(source).empty());
}

TEST_F(SqsSourceTest, a_body_that_never_matches_its_md5_is_left_and_a_drain_says_so) {
  sqs.put(12);
  sqs.damaged = 1;
  SqsSource& source = open();
  std::set<std::string> seen;
  Result<Delivery> delivery = next_delivery(source);
  for (; delivery; delivery = next_delivery(source)) {
    for (const Message& message : delivery->messages) seen.emplace(message.body);
    ASSERT_TRUE(source.settle(delivery->receipt));
  }
  EXPECT_EQ(delivery.error().fault, Fault::failed);
  EXPECT_NE(delivery.error().message.find("MD5"), std::string::npos);
  EXPECT_EQ(seen.size(), 11U);
  EXPECT_FALSE(seen.contains("m0"));
  EXPECT_EQ(sqs.left(), 1U);
}

}  // namespace
}  // namespace sluice::aws
