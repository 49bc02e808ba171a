// Polling by a clock that a test moves, and tables that a test changes.
#include "sluice/runtime/watch.hpp"

#include <gtest/gtest.h>

#include "sluice/runtime/scheduler.hpp"

namespace sluice::runtime {
namespace {

using namespace std::chrono;

const SystemTime midnight = sys_days(year(2024) / March / 30);

class HandClock final : public Clock {
 public:
  system_clock::time_point now() const override { return now_; }
  steady_clock::time_point steady() const override { return steady_clock::time_point(now_.time_since_epoch()); }
  void sleep(milliseconds time) const override { now_ += time; }

 private:
  mutable system_clock::time_point now_ = midnight;
};

class FakeTurns final : public Turns {
 public:
  Result<std::optional<SystemTime>> last(SystemTime now) override {
    if (!done_) done_ = now;
    return done_;
  }
  Result<bool> take(SystemTime) override { return true; }
  Result<bool> keep() override { return true; }
  Result<void> end(std::optional<SystemTime> done) override {
    if (done) done_ = done;
    return {};
  }

 private:
  std::optional<SystemTime> done_;
};

// A table whose rows are a number: each look gives it as the signature.
struct Story {
  schedule::Schedule schedule{};
  HandClock clock{};
  Watch watch{2};
  std::vector<std::string> tables{"a", "b"};
  std::vector<std::string> compared{};  // what the first table was compared with, by each look
  std::vector<int> looked{};            // minutes after midnight
  std::vector<int> ran{};
  std::function<void(int minute)> before = [](int) {};
  std::function<bool(int minute)> run = [](int) { return true; };  // whether it goes well

  Story() { schedule.every = minutes(10); }

  void until(int last) {
    std::stop_source stop;
    FakeTurns turns;
    ScheduleOptions options{.name = "test"};
    keep_schedule(
        schedule, turns,
        [&](SystemTime due, const std::stop_token&) {
          const int minute = static_cast<int>(duration_cast<minutes>(due - midnight).count());
          if (minute >= last) stop.request_stop();
          before(minute);
          looked.push_back(minute);
          const Result<bool> moved =
              watch.moved(schedule::local_date(schedule.zone, due),
                          [this](std::size_t table, const TableMark* mark) { return look(table, mark); });
          if (!moved) return true;
          if (*moved) ran.push_back(minute);
          if (!*moved || run(minute)) watch.settle();
          return true;
        },
        options, clock, stop.get_token());
  }

  Result<TableLook> look(std::size_t table, const TableMark* mark) {
    if (tables[table] == "away") return fail(Fault::transient, "the database is away");
    if (table == 0) compared.push_back(mark == nullptr ? "" : mark->signature);
    TableLook out;
    out.mark.there = true;
    out.mark.signature = tables[table];
    out.moved = mark == nullptr || mark->signature != tables[table];
    return out;
  }
};

TEST(Watch, runs_at_first_and_then_when_a_table_moved) {
  Story story;
  story.before = [&](int minute) {
    if (minute == 40) story.tables[1] = "b2";
  };
  story.until(60);
  EXPECT_EQ(story.looked, (std::vector{10, 20, 30, 40, 50, 60}));
  EXPECT_EQ(story.ran, (std::vector{10, 40}));
}

TEST(Watch, runs_on_a_new_date_of_the_schedules_zone) {
  Story story;
  story.schedule.every = hours(1);
  story.schedule.zone = *schedule::Zone::find("Asia/Kolkata");  // midnight is at 18:30 UTC
  story.until(24 * 60);
  EXPECT_EQ(story.ran, (std::vector{60, 19 * 60}));
}

TEST(Watch, what_moved_before_a_run_that_failed_is_still_new) {
  Story story;
  story.before = [&](int minute) {
    if (minute == 20) story.tables[0] = "a2";
  };
  story.run = [](int minute) { return minute != 20 && minute != 30; };
  story.until(60);
  EXPECT_EQ(story.ran, (std::vector{10, 20, 30, 40}));
}

TEST(Watch, a_run_that_failed_is_owed_though_the_table_looks_as_before_again) {
  Story story;
  story.before = [&](int minute) { story.tables[0] = minute == 20 ? "a2" : "a"; };
  story.run = [](int minute) { return minute != 20 && minute != 30; };
  story.until(60);
  EXPECT_EQ(story.ran, (std::vector{10, 20, 30, 40}));
}

TEST(Watch, what_moves_while_a_run_is_at_work_leads_to_one_more) {
  Story story;
  story.run = [&](int minute) {
    if (minute == 10) story.tables[0] = "a2";
    return true;
  };
  story.until(50);
  EXPECT_EQ(story.ran, (std::vector{10, 20}));
}

TEST(Watch, a_look_that_fails_forgets_nothing) {
  Story story;
  story.before = [&](int minute) {
    story.tables[1] = minute == 30 ? "away" : "b";
    if (minute == 30) story.tables[0] = "a2";
  };
  story.until(50);
  EXPECT_EQ(story.looked, (std::vector{10, 20, 30, 40, 50}));
  EXPECT_EQ(story.ran, (std::vector{10, 40}));
  EXPECT_EQ(story.compared, (std::vector<std::string>{"", "a", "a", "a", "a2"}));
}

}  // namespace
}  // namespace sluice::runtime
