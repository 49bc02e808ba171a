// The turns of schedules in PostgreSQL's ledger: whatever servers do at once, one has the turn.
#include <atomic>
#include <thread>

#include "postgres_batches.hpp"
#include "sluice/postgres/open.hpp"

namespace sluice::live {
namespace {

constexpr std::int64_t hour = 3'600'000'000;
constexpr std::int64_t noon = 1'711'843'200'000'000 + 1;  // not a whole second: microseconds are kept

class PostgresTurns : public PostgresTest {
 protected:
  static Turn turn(const std::string& holder, const std::string& schedule = "orders") {
    return {"shop", schedule, holder, std::chrono::seconds(600)};
  }
};

TEST_F(PostgresTurns, a_new_schedule_is_noted_with_the_present_time_and_keeps_it) {
  const auto database = open();
  EXPECT_EQ(database->ledger().last_fire(turn("a"), noon).value(), noon);
  EXPECT_EQ(database->ledger().last_fire(turn("b"), noon + hour).value(), noon);
  EXPECT_EQ(database->ledger().last_fire(turn("a", ""), noon + hour).value(), noon + hour) << "another schedule";
}

TEST_F(PostgresTurns, one_server_has_the_turn_until_it_ends_it) {
  const auto database = open();
  Ledger& ledger = database->ledger();
  ASSERT_TRUE(ledger.last_fire(turn("a"), noon));
  EXPECT_FALSE(ledger.take_turn(turn("a"), noon).value()) << "done with";
  EXPECT_TRUE(ledger.take_turn(turn("a"), noon + hour).value());
  EXPECT_FALSE(ledger.take_turn(turn("b"), noon + hour).value());
  EXPECT_TRUE(ledger.keep_turn(turn("a")).value());
  EXPECT_FALSE(ledger.keep_turn(turn("b")).value());
  ASSERT_TRUE(ledger.end_turn(turn("b"), noon + hour)) << "not its own: nothing happens";
  EXPECT_EQ(ledger.last_fire(turn("b"), 0).value(), noon);
  ASSERT_TRUE(ledger.end_turn(turn("a"), noon + hour));
  EXPECT_EQ(ledger.last_fire(turn("b"), 0).value(), noon + hour);
  EXPECT_FALSE(ledger.take_turn(turn("b"), noon + hour).value()) << "done with";
  EXPECT_TRUE(ledger.take_turn(turn("b"), noon + 2 * hour).value());
}

TEST_F(PostgresTurns, a_turn_that_was_not_carried_out_can_be_taken_again) {
  const auto database = open();
  Ledger& ledger = database->ledger();
  ASSERT_TRUE(ledger.last_fire(turn("a"), noon));
  EXPECT_TRUE(ledger.take_turn(turn("a"), noon + hour).value());
  ASSERT_TRUE(ledger.end_turn(turn("a"), std::nullopt));
  EXPECT_TRUE(ledger.take_turn(turn("b"), noon + hour).value());
}

TEST_F(PostgresTurns, a_lease_that_is_over_gives_the_turn_away) {
  const auto database = open();
  Ledger& ledger = database->ledger();
  ASSERT_TRUE(ledger.last_fire(turn("a"), noon));
  EXPECT_TRUE(ledger.take_turn(turn("a"), noon + hour).value());
  EXPECT_EQ(sql("select until > now() + interval '590 s' from sluice.schedule"), "t");
  sql("update sluice.schedule set until = now()");
  EXPECT_TRUE(ledger.take_turn(turn("b"), noon + hour).value());
  EXPECT_FALSE(ledger.keep_turn(turn("a")).value());
  ASSERT_TRUE(ledger.end_turn(turn("a"), noon + hour));
  EXPECT_EQ(sql("select holder from sluice.schedule"), "b");
}

TEST_F(PostgresTurns, of_eight_servers_at_once_one_gets_it) {
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto database = postgres::open_postgres(settings(), system_clock());
      const Turn ours = turn(std::to_string(i));
      ASSERT_TRUE((*database)->ledger().last_fire(ours, noon));
      for (int round = 1; round <= 20; ++round) {
        if ((*database)->ledger().take_turn(ours, noon + round * hour).value()) {
          ++taken;
          ASSERT_TRUE((*database)->ledger().end_turn(ours, noon + round * hour));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(taken, 20);
  EXPECT_GE(taken, 1);
}

TEST_F(PostgresTurns, a_model_is_published_only_while_its_turn_is_held) {
  const auto database = open();
  Ledger& ledger = database->ledger();
  ASSERT_TRUE(ledger.last_fire(turn("a"), noon));
  ASSERT_TRUE(ledger.take_turn(turn("a"), noon + hour).value());
  Model model;
  model.name = "m";
  model.table = {"mart", "m"};
  model.place = {"m.sql", 1, 1};
  const auto build = [&](const std::string& query, const std::string& holder) {
    model.sql = query;
    const Turn ours = turn(holder);
    const auto built = open()->build_model(model, &ours);
    EXPECT_TRUE(built) << built.error().text();
    return built && !built->turn_lost;
  };
  EXPECT_TRUE(build("select 1 as id", "a"));
  EXPECT_FALSE(build("select 2 as id", "b"));
  EXPECT_EQ(sql("select id from mart.m"), "1");
  // A lease that is over is enough as long as nobody has taken the turn.
  sql("update sluice.schedule set until = now() - interval '1 s'");
  EXPECT_TRUE(build("select 3 as id", "a"));
  // Renewed while the model is at work, whatever isolation is the database's default.
  sql("alter database " + database_ + " set default_transaction_isolation = 'repeatable read'");
  std::thread keeper([&] {
    for (int i = 0; i < 2000 && sql("select count(*) from pg_stat_activity where query like '%sluice_model%' and "
                                    "wait_event = 'PgSleep'") == "0";
         ++i) {
    }
    EXPECT_TRUE(ledger.keep_turn(turn("a")).value());
  });
  EXPECT_TRUE(build("select 4 as id from (select pg_sleep(1)) s", "a"));
  keeper.join();
  // Taken and done with by another server: it has written what is newer.
  sql("update sluice.schedule set until = now() - interval '1 s'");
  ASSERT_TRUE(ledger.take_turn(turn("b"), noon + hour).value());
  ASSERT_TRUE(ledger.end_turn(turn("b"), noon + hour));
  EXPECT_FALSE(build("select 5 as id", "a"));
  EXPECT_EQ(sql("select id from mart.m"), "4");
}

TEST_F(PostgresTurns, an_older_ledger_gains_the_table) {
  ASSERT_TRUE(open()->ledger().last_fire(turn("a"), noon));
  sql("drop table sluice.schedule, sluice.chunk; delete from sluice.version where number > 2");
  EXPECT_EQ(open()->ledger().last_fire(turn("a"), noon + hour).value(), noon + hour);
  EXPECT_EQ(sql("select max(number) from sluice.version"), "5");
}

}  // namespace
}  // namespace sluice::live
