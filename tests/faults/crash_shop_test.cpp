// The shop, killed at each point of the table in job_crash.hpp.
#include <gtest/gtest.h>
#include <signal.h>

#include "job_crash.hpp"

namespace sluice::faults {
namespace {

// Two of them, with the same files at all times; the second is never disturbed.
class crash_shop : public testing::Test {
 protected:
  void SetUp() override {
    SLUICE_NEEDS_POSTGRES();
    SLUICE_NEEDS_CRASH_POINTS();
    shop_.emplace();
    twin_.emplace();
  }
  void TearDown() override {
    shop_.reset();
    twin_.reset();
  }

  ShopJob& shop() { return *shop_; }
  ShopJob& twin() { return *twin_; }

  // A new day, with so many new orders, of which no figure changes: none of them is placed before the as-of date.
  const std::string& next_day(int orders = 1) {
    days_.push_back("2022-09-" + std::to_string(11 + days_.size()));
    std::string file = shop().file("orders.csv");
    while (file.ends_with('\n')) file.pop_back();
    for (; orders > 0; --orders) {
      file.append("\n").append(std::to_string(++last_order_)).append(",7,").append(days_.back());
      file.append(",3,10,2,20");
    }
    file_ = file;
    return days_.back();
  }
  void put(ShopJob& shop) const { shop.put("orders.csv", file_); }

  void ends_as_its_twin() {
    put(twin());
    done(twin().run(days_.back()));
    EXPECT_EQ(shop().contents(), twin().contents());
    EXPECT_EQ(shop().objects(), twin().objects());
    EXPECT_EQ(shop().objects(), shop().expected_objects(days_));
    EXPECT_EQ(shop().store().stats().counts.at("uploads"), 0U);
  }

  void killed_at(const std::string& point) {
    SCOPED_TRACE(point);
    const std::string& day = next_day();
    put(shop());
    died_at(shop().run(day, crash_at(point)), point);
    done(shop().run(day));
    ends_as_its_twin();
  }

  // One flow alone, as a process of its own.
  support::Command load_orders(const std::string& day, const Job::Environment& environment = {}) {
    std::vector<std::string> words = shop().arguments(day);
    words.insert(words.end(), {"--flow", "orders"});
    return shop().command(words, environment);
  }

 private:
  std::optional<ShopJob> shop_;
  std::optional<ShopJob> twin_;
  std::vector<std::string> days_;
  std::string file_;  // orders.csv
  int last_order_ = 100000;
};

TEST_F(crash_shop, while_it_loads_is_as_if_nothing_had_happened) {
  for (const char* point :
       {"C1_in_transaction", "C1_rows_written", "C1_before_commit", "C2_commit_sent", "C3_committed"})
    killed_at(point);
  killed_at("C1_before_commit:3");  // of the last of three flows
}

TEST_F(crash_shop, while_it_hands_out_is_as_if_nothing_had_happened) {
  for (const char* point : {"B1_rows_written", "B2_object_published", "B2_object_published:3"}) killed_at(point);
}

TEST_F(crash_shop, a_reply_to_an_upload_that_is_lost_changes_nothing) {
  const std::string& day = next_day();
  put(shop());
  shop().store().fault("lost_reply", "count=1&action=PutObject");
  done(shop().run(day));
  EXPECT_TRUE(struck(shop(), "lost_reply"));
  ends_as_its_twin();
}

// B5: it has sent one of three objects when it falls asleep, and wakes up when a newer run has published all.
TEST_F(crash_shop, an_old_writer_that_wakes_up_is_refused) {
  for (const bool killed : {true, false}) {
    SCOPED_TRACE(killed ? "killed" : "told");
    const std::string old_day = next_day();
    put(shop());
    put(twin());
    done(twin().run(old_day));
    shop().store().clear_faults();
    const std::uint64_t before = killed ? 0 : 1;
    shop().store().fault("delay", "count=1&ms=2000&action=PutObject");
    support::Process old(
        shop().command(shop().arguments(old_day), killed ? crash_at("B5_refused") : Job::Environment()));
    ASSERT_TRUE(wait_until([&] {
      const auto faults = shop().store().stats().faults;
      return faults.contains("delay") && faults.at("delay") > before;
    })) << old.err();
    old.send_signal(SIGSTOP);
    const std::string& day = next_day();
    put(shop());
    done(shop().run(day));
    old.send_signal(SIGCONT);
    const auto ended = old.wait(std::chrono::seconds(20));
    ASSERT_TRUE(ended);
    if (killed) {
      died_at(*ended, "B5_refused");
    } else {
      EXPECT_EQ(ended->code, 2) << ended->err;
      EXPECT_NE(ended->err.find("another writer has written s3://"), std::string::npos) << ended->err;
    }
    ends_as_its_twin();  // without another run
  }
}

// More than the ranges that are asked for at once, so that a later one meets the new version.
TEST_F(crash_shop, an_object_that_is_overwritten_while_it_is_read_arrives_in_its_new_version_alone) {
  std::string large = shop().file("orders.csv");
  for (int id = 1000000; large.size() < (std::size_t{18} << 20U); ++id)
    large.append("\n").append(std::to_string(id)).append(",7,2022-09-10,3,10,2,20");
  for (const bool killed : {true, false}) {
    SCOPED_TRACE(killed ? "killed" : "goes on");
    const std::string day = next_day();
    shop().store().put("orders_data/orders.csv", large);
    shop().store().clear_faults();
    const std::uint64_t before = killed ? 0 : 1;
    shop().store().fault("delay", "count=1&ms=1500&action=GetObject");
    support::Process run(
        shop().command(shop().arguments(day), killed ? crash_at("C4_overwritten") : Job::Environment()));
    ASSERT_TRUE(wait_until([&] {
      const auto faults = shop().store().stats().faults;
      return faults.contains("delay") && faults.at("delay") > before;
    })) << run.err();
    put(shop());
    const auto ended = run.wait(std::chrono::seconds(60));
    ASSERT_TRUE(ended);
    if (killed) {
      died_at(*ended, "C4_overwritten");
      done(shop().run(day));
    } else {
      done(*ended);
      std::size_t refused = 0;
      for (const std::string& line : shop().store().log())
        refused += line.starts_with("GetObject orders_data/orders.csv") && line.ends_with(" 412") ? 1 : 0;
      EXPECT_GT(refused, 1U) << "of this run and of the one before";
    }
    ends_as_its_twin();
  }
}

// C5: the first of two runs has its transaction open, and the second waits for it.
TEST_F(crash_shop, of_two_runs_at_once_either_may_be_killed) {
  const std::string table = "johndoex1234_staging.orders";
  const std::string first_day = next_day();
  put(shop());
  done(shop().run(first_day));
  put(twin());
  done(twin().run(first_day));
  for (const bool first_dies : {false, true}) {
    SCOPED_TRACE(first_dies ? "the first" : "the second");
    const std::string day = next_day();
    put(shop());
    auto lock = std::make_optional<Locked>(shop(), table, "exclusive");
    support::Process first(load_orders(day, first_dies ? crash_at("C1_before_commit") : Job::Environment()));
    ASSERT_TRUE(lock->waited_for_by(1)) << first.err();
    support::Process second(load_orders(day, first_dies ? Job::Environment() : crash_at("C5_known")));
    ASSERT_TRUE(lock->waited_for_by(2)) << second.err();
    lock.reset();
    const auto first_ended = first.wait(std::chrono::seconds(30));
    const auto second_ended = second.wait(std::chrono::seconds(30));
    ASSERT_TRUE(first_ended && second_ended);
    died_at(first_dies ? *first_ended : *second_ended, first_dies ? "C1_before_commit" : "C5_known");
    done(first_dies ? *second_ended : *first_ended);
    done(shop().run(day));
    ends_as_its_twin();
  }
}

}  // namespace
}  // namespace sluice::faults
