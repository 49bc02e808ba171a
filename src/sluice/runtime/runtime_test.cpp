// The loop against a queue and a table in memory, which can be told to fail.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "sluice/runtime/envelope.hpp"
#include "sluice/runtime/run.hpp"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;

Key key_of(std::uint32_t number) {
  Key key;
  for (unsigned i = 0; i < 4; ++i) key.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return key;
}

// What outlives a run: messages still in the queue, and the far end's table, ledger and rejects.
struct World {
  std::set<std::uint32_t> queue;
  std::mutex mutex;  // guards the far end
  std::multiset<std::uint32_t> table;
  std::multiset<std::uint32_t> rejects;
  std::set<Key> ledger;
};

// Hands out what is in the queue, ten a delivery. Forgets what is settled.
class FakeSource final : public Source {
 public:
  explicit FakeSource(World& world) : world_(world), visible_(world.queue.begin(), world.queue.end()) {}

  Result<Next> next(const Wanted& wanted) override {
    if (fail_after && ++passes_ > *fail_after) return fail(Fault::denied, "the queue says no");
    if (!wanted.receive) {
      ++paused;
      std::this_thread::sleep_for(milliseconds(1));
      return Next{};
    }
    if (visible_.empty()) {
      if (on_empty && open_.empty()) on_empty();
      if (wanted.drain && open_.empty()) return Next{{}, true};
      std::this_thread::sleep_for(milliseconds(1));
      return Next{};
    }
    Delivery delivery;
    delivery.receipt.number = ++receipts_;
    for (int i = 0; i < 10 && !visible_.empty(); ++i) {
      const std::uint32_t number = visible_.front();
      visible_.pop_front();
      Message message;
      message.key = key_of(number);
      delivery.messages.push_back(message);
      open_[receipts_].push_back(number);
    }
    return Next{std::move(delivery), false};
  }
  Result<void> settle(Receipt receipt) override {
    for (const std::uint32_t number : open_.at(receipt.number)) world_.queue.erase(number);
    open_.erase(receipt.number);
    return {};
  }
  Result<void> release(Receipt receipt) override {
    for (const std::uint32_t number : open_.at(receipt.number)) visible_.push_back(number);
    open_.erase(receipt.number);
    ++released;
    return {};
  }
  Result<void> flush() override {
    flushed = true;
    return {};
  }
  void wake() override {}
  std::map<std::string, std::uint64_t> calls() const override { return {}; }
  std::map<std::string, double> seconds() const override { return {}; }

  void send(std::uint32_t number) {
    world_.queue.insert(number);
    visible_.push_back(number);
  }

  std::optional<int> fail_after;
  std::function<void()> on_empty;
  int released = 0;
  int paused = 0;
  bool flushed = false;

 private:
  World& world_;
  std::deque<std::uint32_t> visible_;
  std::map<std::uint64_t, std::vector<std::uint32_t>> open_;
  std::uint64_t receipts_ = 0;
  int passes_ = 0;
};

std::uint32_t number_of(const Message& message) {
  std::uint32_t number = 0;
  for (unsigned i = 12; i < 16; ++i) number = number << 8U | message.key.bytes[i];
  return number;
}

// A message becomes one row; multiples of 7 are rejects, of 11 filtered, of 13 two rows.
class FakeTransform final : public Transform {
 public:
  Result<Transformed> apply(const Delivery& delivery) override {
    Transformed out;
    auto origin = std::make_shared<std::vector<std::uint32_t>>();
    for (std::uint32_t i = 0; i < delivery.messages.size(); ++i) {
      const std::uint32_t number = number_of(delivery.messages[i]);
      if (number % 7 == 0) {
        out.rejects.push_back({i, Stage::contract, "missing_field", "ip", "the field is missing"});
      } else if (number % 11 != 0) {
        origin->push_back(i);
        if (number % 13 == 0) origin->push_back(i);
      }
    }
    Batch batch;
    batch.schema = std::make_shared<Schema>();
    batch.rows = origin->size();
    batch.origin = origin->data();
    batch.owner = origin;
    out.batches.push_back(batch);
    return out;
  }
  TransformSeconds seconds() const override { return {}; }
};

class FakeSink final : public Sink {
 public:
  FakeSink(World& world, std::atomic<int>& failures_left, std::atomic<int>& commit_failures_left, Fault fault)
      : world_(world), failures_(failures_left), commit_failures_(commit_failures_left), fault_(fault) {}

  Result<Known> begin(const Delivery& delivery) override {
    if (failures_ > 0) {
      --failures_;
      return fail(fault_, "the database says no");
    }
    delivery_ = &delivery;
    const std::lock_guard lock(world_.mutex);
    Known known;
    for (const Message& message : delivery.messages) known.push_back(world_.ledger.contains(message.key));
    known_ = known;
    return known;
  }
  Result<std::vector<Reject>> write(std::span<const Batch> batches, const Known& known) override {
    rows_.clear();
    for (const Batch& batch : batches) {
      for (std::size_t row = 0; row < batch.rows; ++row) {
        if (!known[batch.origin[row]]) rows_.push_back(number_of(delivery_->messages[batch.origin[row]]));
      }
    }
    return std::vector<Reject>{};
  }
  Result<void> keep(std::span<const SealedReject>) override { return {}; }
  Result<void> commit(std::span<const SealedReject> rejects) override {
    if (commit_failures_ > 0) {
      --commit_failures_;
      return fail(fault_, "the database is full");
    }
    const std::lock_guard lock(world_.mutex);
    for (const Message& message : delivery_->messages) world_.ledger.insert(message.key);
    world_.table.insert(rows_.begin(), rows_.end());
    for (const SealedReject& reject : rejects) {
      world_.rejects.insert(number_of(delivery_->messages[reject.reject.message]));
      EXPECT_EQ(reject.payload, "sealed");
    }
    return {};
  }
  void rollback() override { rows_.clear(); }
  SinkSeconds seconds() const override { return {}; }

 private:
  World& world_;
  std::atomic<int>& failures_;
  std::atomic<int>& commit_failures_;
  Fault fault_;
  const Delivery* delivery_ = nullptr;
  Known known_;
  std::vector<std::uint32_t> rows_;
};

class FakeSealer final : public Sealer {
 public:
  std::string seal(const Message&) override { return "sealed"; }
};

// Time that passes only by sleeping, so that no test waits for a back-off.
class FakeClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override { return {}; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(milliseconds(passed_.load()));
  }
  void sleep(milliseconds time) const override { passed_ += std::max<std::int64_t>(time.count(), 1); }

 private:
  mutable std::atomic<std::int64_t> passed_{0};
};

struct Story {
  World world;
  std::atomic<int> sink_failures{0};
  std::atomic<int> commit_failures{0};
  Fault sink_fault = Fault::transient;
  RunOptions options;
  FakeClock clock;

  void given(std::uint32_t messages) {
    for (std::uint32_t i = 1; i <= messages; ++i) world.queue.insert(i);
  }
  RunOutcome when_run(FakeSource& source, std::stop_token stop = {}) {
    std::vector<Worker> workers;
    for (int i = 0; i < 3; ++i) {
      workers.push_back({std::make_unique<FakeTransform>(), nullptr,
                         std::make_unique<FakeSink>(world, sink_failures, commit_failures, sink_fault),
                         std::make_unique<FakeSealer>()});
    }
    return run(source, std::move(workers), options, clock, std::move(stop));
  }
  RunOutcome when_run() {
    FakeSource source(world);
    return when_run(source);
  }
};

TEST(Run, each_message_has_one_effect_and_the_report_adds_up) {
  Story story;
  story.given(1000);
  const RunOutcome outcome = story.when_run();
  ASSERT_FALSE(outcome.error);
  const RunReport& report = outcome.report;
  EXPECT_EQ(report.received, 1000U);
  EXPECT_EQ(report.written.rejected, 142U);
  EXPECT_EQ(report.written.filtered, 78U);  // multiples of 11 that are none of 7
  EXPECT_EQ(report.received,
            report.written.written + report.written.filtered + report.written.rejected + report.written.known);
  EXPECT_EQ(story.world.table.size(), report.written.rows);
  EXPECT_EQ(story.world.table.count(13), 2U);
  EXPECT_EQ(story.world.rejects.size(), 142U);
  EXPECT_EQ(report.rejects_by_reason.at("missing_field"), 142U);
  EXPECT_TRUE(story.world.queue.empty());
}

TEST(Run, one_that_follows_goes_on_behind_an_empty_queue_until_its_time_is_over) {
  Story story;
  story.given(10);
  story.options.follow = std::chrono::seconds(10);
  FakeSource source(story.world);
  int looks = 0;
  source.on_empty = [&] {
    if (++looks == 3) source.send(11);
    story.clock.sleep(std::chrono::seconds(1));
  };
  const RunOutcome outcome = story.when_run(source);
  EXPECT_FALSE(outcome.error);
  EXPECT_FALSE(outcome.stopped);
  EXPECT_EQ(looks, 10);
  EXPECT_EQ(outcome.report.received, 11U);
  EXPECT_TRUE(story.world.queue.empty());
  EXPECT_TRUE(source.flushed);
}

TEST(Run, what_the_ledger_knows_is_settled_without_a_second_row) {
  Story story;
  story.given(100);
  for (std::uint32_t i = 1; i <= 50; ++i) story.world.ledger.insert(key_of(i));
  const RunOutcome outcome = story.when_run();
  ASSERT_FALSE(outcome.error);
  EXPECT_EQ(outcome.report.written.known, 50U);
  EXPECT_EQ(story.world.table.count(1), 0U);
  EXPECT_TRUE(story.world.queue.empty());
}

TEST(Run, a_database_that_goes_away_gets_its_messages_when_it_is_back) {
  Story story;
  story.given(200);
  story.sink_failures = 40;
  FakeSource source(story.world);
  const RunOutcome outcome = story.when_run(source);
  ASSERT_FALSE(outcome.error) << outcome.error->text();
  EXPECT_EQ(outcome.report.received, 200U);
  EXPECT_TRUE(story.world.queue.empty());
}

TEST(Run, a_database_that_takes_no_commit_is_away_though_it_answers) {
  Story story;
  story.given(200);
  story.commit_failures = 1000000;
  FakeSource source(story.world);
  const RunOutcome outcome = story.when_run(source);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->message, "the database is full");
  EXPECT_EQ(story.world.queue.size(), 200U);
}

TEST(Run, a_database_that_stays_away_ends_the_run_and_loses_nothing) {
  Story story;
  story.given(200);
  story.sink_failures = 1000000;
  FakeSource source(story.world);
  const RunOutcome outcome = story.when_run(source);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->fault, Fault::transient);
  EXPECT_EQ(story.world.queue.size(), 200U);
  EXPECT_TRUE(source.flushed);
}

TEST(Run, an_error_that_no_retry_helps_ends_the_run_at_once) {
  Story story;
  story.given(200);
  story.sink_failures = 1;
  story.sink_fault = Fault::denied;
  const RunOutcome outcome = story.when_run();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->fault, Fault::denied);
  EXPECT_GT(story.world.queue.size(), 0U);
  for (std::uint32_t number = 1; number <= 200; ++number) {
    EXPECT_TRUE(story.world.queue.contains(number) || story.world.ledger.contains(key_of(number))) << number;
  }
}

TEST(Run, a_queue_that_fails_ends_the_run_and_gives_back_what_is_open) {
  Story story;
  story.given(500);
  FakeSource source(story.world);
  source.fail_after = 5;
  const RunOutcome outcome = story.when_run(source);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->message, "the queue says no");
  // What was committed was settled or is known to the ledger; nothing else is gone.
  for (std::uint32_t i = 1; i <= 500; ++i) {
    EXPECT_TRUE(story.world.queue.contains(i) || story.world.ledger.contains(key_of(i)));
  }
}

TEST(Run, a_reject_past_the_limit_stops_the_run_before_it_is_committed) {
  Story story;
  story.given(1000);
  story.options.rejects.count = 20;
  const RunOutcome outcome = story.when_run();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->fault, Fault::data);
  EXPECT_LE(story.world.rejects.size(), 20U);
  EXPECT_EQ(outcome.report.written.rejected, story.world.rejects.size());
}

TEST(Run, a_limit_in_percent_is_judged_over_at_least_a_hundred_messages) {
  RejectLimit limit{{}, 1.0};
  EXPECT_EQ(limit.allowed(1), 1U);
  EXPECT_EQ(limit.allowed(100), 1U);
  EXPECT_EQ(limit.allowed(1000), 10U);
  EXPECT_EQ(RejectLimit{}.allowed(5), UINT64_MAX);
}

TEST(Run, a_stop_commits_what_is_open_and_gives_the_rest_back) {
  Story story;
  story.given(100000);
  std::stop_source stop;
  story.options.progress = [&stop](const RunReport&) { stop.request_stop(); };
  FakeSource source(story.world);
  stop.request_stop();
  const RunOutcome outcome = story.when_run(source, stop.get_token());
  ASSERT_FALSE(outcome.error);
  EXPECT_TRUE(outcome.stopped);
  EXPECT_TRUE(source.flushed);
  EXPECT_EQ(story.world.queue.size() + outcome.report.received, 100000U);
}

TEST(Envelope, a_message_comes_back_whole) {
  Message message;
  const std::string body("\xff\0x", 3);
  message.body = body;
  message.message_id = "id";
  message.sent_at = 1234567890123;
  message.receive_count = 7;
  message.attributes = R"({"a":"b"})";
  std::string bytes;
  pack(message, bytes);
  const auto back = unpack(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->body, body);
  EXPECT_EQ(back->message_id, "id");
  EXPECT_EQ(back->sent_at, 1234567890123);
  EXPECT_EQ(back->receive_count, 7U);
  EXPECT_EQ(back->attributes, message.attributes);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(unpack(std::string_view(bytes).substr(0, cut)));
}

TEST(Report, names_the_stage_that_took_longest) {
  RunReport report;
  report.database = 2;
  report.select = 1;
  EXPECT_EQ(report.bottleneck(), "database");
  report.waiting = 5;
  EXPECT_EQ(report.bottleneck(), "receive");
}

}  // namespace
}  // namespace sluice::runtime
