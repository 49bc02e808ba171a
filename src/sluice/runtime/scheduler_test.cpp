// Schedules by a clock that a test moves: nothing here waits.
#include "sluice/runtime/scheduler.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace sluice::runtime {
namespace {

using namespace std::chrono;

const SystemTime midnight = sys_days(year(2024) / March / 30);

class HandClock final : public Clock {
 public:
  explicit HandClock(SystemTime start) : now_(start) {}
  system_clock::time_point now() const override { return now_; }
  steady_clock::time_point steady() const override { return steady_clock::time_point(now_.time_since_epoch()); }
  void sleep(milliseconds time) const override { pass(time); }
  void pass(milliseconds time) const { now_ += time; }
  void set(SystemTime time) const { now_ = time; }

 private:
  mutable system_clock::time_point now_;
};

// The ledger's row, shared by the servers of a test.
struct Row {
  std::optional<SystemTime> done;
  std::string holder;
  bool away = false;
};

class FakeTurns final : public Turns {
 public:
  FakeTurns(Row& row, std::string name) : row_(row), name_(std::move(name)) {}
  Result<std::optional<SystemTime>> last(SystemTime now) override {
    if (row_.away) return fail(Fault::transient, "the ledger is away");
    if (!row_.done) row_.done = now;
    return row_.done;
  }
  Result<bool> take(SystemTime due) override {
    if (*row_.done >= due || (!row_.holder.empty() && row_.holder != name_)) return false;
    row_.holder = name_;
    return true;
  }
  Result<bool> keep() override { return !lost; }  // from another thread
  Result<void> end(std::optional<SystemTime> done) override {
    if (lost || row_.holder != name_) return {};
    row_.holder.clear();
    if (done) row_.done = done;
    return {};
  }

  std::atomic<bool> lost{false};

 private:
  Row& row_;
  std::string name_;
};

struct Story {
  schedule::Schedule schedule{};
  HandClock clock{midnight};
  Row row{};
  std::stop_source stop{};
  std::vector<SystemTime> due{};  // of the runs
  std::vector<SystemTime> at{};   // when they began
  std::function<bool()> during = [] { return true; };
  ScheduleOptions options{.name = "test"};

  Story() { schedule.every = hours(1); }

  // Until so many runs have begun, or the time has come.
  void run(std::size_t runs, SystemTime until = midnight + days(400)) {
    options.tell = [this, until, old = options.tell](ScheduleState state, std::optional<SystemTime> next) {
      if (old) old(state, next);
      if (clock.now() >= until) stop.request_stop();
    };
    FakeTurns turns(row, "a");
    keep_schedule(
        schedule, turns,
        [&](SystemTime time, const std::stop_token&) {
          due.push_back(time);
          at.push_back(floor<seconds>(clock.now()));
          if (due.size() == runs) stop.request_stop();
          return during();
        },
        options, clock, stop.get_token());
  }
};

std::vector<SystemTime> times(std::initializer_list<int> minutes_after_midnight) {
  std::vector<SystemTime> out;
  for (const int count : minutes_after_midnight) out.push_back(midnight + minutes(count));
  return out;
}

TEST(Scheduler, runs_at_each_time_and_not_before) {
  Story story;
  story.run(3);
  EXPECT_EQ(story.due, times({60, 120, 180}));
  EXPECT_EQ(story.at, story.due);
}

TEST(Scheduler, a_new_schedule_waits_for_its_next_time) {
  Story story;
  story.clock.set(midnight + minutes(59));
  story.run(1);
  EXPECT_EQ(story.due, times({60}));
}

TEST(Scheduler, what_was_missed_runs_once_with_its_last_time) {
  Story story;
  story.row.done = midnight - days(30);
  story.clock.set(midnight + minutes(90));
  story.run(2);
  EXPECT_EQ(story.due, times({60, 120}));
  EXPECT_EQ(story.at, times({90, 120}));
}

TEST(Scheduler, goes_by_the_wall_when_the_clock_is_put_forward) {
  Story story;
  story.schedule = {};
  story.schedule.cron = *schedule::parse_cron("30 3 * * *");
  story.schedule.zone = *schedule::Zone::find("Europe/Tallinn");
  story.run(3);
  EXPECT_EQ(story.due, times({90, 1440 + 60, 2 * 1440 + 30}));
}

TEST(Scheduler, a_long_run_leaves_out_what_is_due_meanwhile) {
  Story story;
  story.during = [&] {
    if (story.due.size() == 1) story.clock.pass(minutes(150));
    return true;
  };
  story.run(2);
  EXPECT_EQ(story.due, times({60, 240}));
}

TEST(Scheduler, with_queue_a_long_run_is_followed_at_once_by_one_more) {
  Story story;
  story.schedule.overlap = schedule::Overlap::queue;
  story.during = [&] {
    if (story.due.size() == 1) story.clock.pass(minutes(150));
    return true;
  };
  story.run(3);
  EXPECT_EQ(story.due, times({60, 180, 240}));
  EXPECT_EQ(story.at, times({60, 210, 240}));
}

TEST(Scheduler, a_run_that_was_stopped_is_due_again_after_a_restart) {
  Story first;
  first.during = [] { return false; };
  first.run(1);
  EXPECT_EQ(first.row.done, midnight);
  EXPECT_EQ(first.row.holder, "");

  Story second;
  second.row = first.row;
  second.clock.set(midnight + minutes(70));
  second.run(1);
  EXPECT_EQ(second.due, times({60}));
}

TEST(Scheduler, while_another_server_has_the_turn_it_stands_by) {
  Story story;
  story.row.holder = "b";
  std::size_t standbys = 0;
  story.options.tell = [&](ScheduleState state, std::optional<SystemTime>) {
    if (state != ScheduleState::standby) return;
    if (++standbys == 3) story.row = {midnight + minutes(60), "", false};  // the other one is done
  };
  story.run(1);
  EXPECT_EQ(standbys, 3U);
  EXPECT_EQ(story.due, times({120}));
}

TEST(Scheduler, waits_for_a_ledger_that_is_away) {
  Story story;
  story.row.done = midnight;
  story.row.away = true;
  std::size_t aways = 0;
  story.options.tell = [&](ScheduleState state, std::optional<SystemTime>) {
    if (state == ScheduleState::away && ++aways == 900) story.row.away = false;  // 75 minutes
  };
  story.run(1);
  EXPECT_EQ(story.due, times({60}));
  EXPECT_EQ(story.at, times({75}));
}

TEST(Scheduler, a_clock_that_is_put_back_repeats_nothing) {
  Story story;
  story.during = [&] {
    if (story.due.size() == 2) story.clock.set(midnight - hours(10));
    return true;
  };
  story.run(3);
  EXPECT_EQ(story.due, times({60, 120, 180}));
}

TEST(Scheduler, a_turn_that_is_lost_stops_the_run) {
  Story story;
  story.options.keep_every = milliseconds(1);
  FakeTurns turns(story.row, "a");
  bool stopped = false;
  keep_schedule(
      story.schedule, turns,
      [&](SystemTime, const std::stop_token& stop) {
        turns.lost = true;
        while (!stop.stop_requested()) std::this_thread::yield();
        stopped = true;
        story.stop.request_stop();
        return false;
      },
      story.options, story.clock, story.stop.get_token());
  EXPECT_TRUE(stopped);
  EXPECT_EQ(story.row.done, midnight);
}

}  // namespace
}  // namespace sluice::runtime
