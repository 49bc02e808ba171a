// Texts of a column replaced in place: while others write to the table, and after a kill half-way.
#include <signal.h>

#include <atomic>
#include <thread>

#include "postgres_batches.hpp"

namespace sluice::live {
namespace {

class PostgresRewrite : public PostgresTest {
 protected:
  // "k1.x" becomes "k2.x".
  static Rewriting rewriting(std::size_t batch = 100) {
    Rewriting out{{"", "t"}, "token", "k2.", batch, {}};
    out.replace = [](const std::vector<std::string>& old, std::vector<std::string>& fresh) -> Result<void> {
      for (const std::string& token : old) {
        if (!token.starts_with("k1.")) return fail(Fault::data, "not a token");
        fresh.push_back("k2." + token.substr(3));
      }
      return {};
    };
    return out;
  }
  void fill(int rows) {
    sql("create table t (id integer, token text, n integer default 0);"
        "insert into t select i, 'k1.' || i from generate_series(1, " +
        std::to_string(rows) + ") i");
  }
  // Rows whose token is not that of their id under the new key.
  std::string wrong() { return sql("select count(*) from t where token is distinct from 'k2.' || id"); }
};

TEST_F(PostgresRewrite, replaces_all_but_nulls_and_is_done_then) {
  fill(5000);
  sql("insert into t values (0, null)");
  const auto changed = open()->rewrite(rewriting(), {});
  ASSERT_TRUE(changed.has_value()) << changed.error().text();
  EXPECT_EQ(*changed, 5000U);
  EXPECT_EQ(sql("select count(*) from t where token = 'k2.' || id"), "5000");
  EXPECT_EQ(*open()->rewrite(rewriting(), {}), 0U);
}

TEST_F(PostgresRewrite, reaches_rows_that_others_insert_and_move_meanwhile) {
  fill(20000);
  std::atomic<bool> done = false;
  std::atomic<int> writes = 0;
  std::jthread writer([&] {
    // Old tokens for a while, as a run that began before; then new ones only, until the end.
    for (int i = 0; !done; ++i) {
      const std::string id = std::to_string(100000 + i);
      sql("insert into t values (" + id + ", '" + (i < 50 ? "k1." : "k2.") + id +
          "');"
          "update t set n = n + 1 where id % 1000 = " +
          std::to_string(i % 1000));
      ++writes;
    }
  });
  while (writes < 3) std::this_thread::yield();
  const auto changed = open()->rewrite(rewriting(), {});
  // The last old token may be written after the last pass; then the same call finds it.
  while (writes < 60) std::this_thread::yield();
  const auto rest = open()->rewrite(rewriting(), {});
  done = true;
  writer.join();
  ASSERT_TRUE(changed.has_value()) << changed.error().text();
  ASSERT_TRUE(rest.has_value()) << rest.error().text();
  EXPECT_EQ(*changed + *rest, 20050U);
  EXPECT_EQ(wrong(), "0");
  EXPECT_NE(sql("select sum(n) from t"), "0") << "no update came in between";
}

TEST_F(PostgresRewrite, goes_on_after_a_kill) {
  fill(2000);
  EXPECT_EXIT(
      {
        Rewriting dying = rewriting();
        int batches = 0;
        dying.replace = [&](const std::vector<std::string>& old, std::vector<std::string>& fresh) {
          if (++batches == 4) raise(SIGKILL);
          return rewriting().replace(old, fresh);
        };
        static_cast<void>(open()->rewrite(dying, {}));
      },
      testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(sql("select count(*) from t where token like 'k2.%'"), "300");
  const auto changed = open()->rewrite(rewriting(), {});
  ASSERT_TRUE(changed.has_value()) << changed.error().text();
  EXPECT_EQ(*changed, 1700U);
  EXPECT_EQ(wrong(), "0");
}

TEST_F(PostgresRewrite, reaches_every_partition) {
  sql("create table t (id integer, token text) partition by range (id);"
      "create table t_low partition of t for values from (0) to (100);"
      "create table t_high partition of t for values from (100) to (1000);"
      "insert into t select i, 'k1.' || i from generate_series(1, 200) i");
  EXPECT_EQ(*open()->rewrite(rewriting(7), {}), 200U);
  EXPECT_EQ(wrong(), "0");
}

TEST_F(PostgresRewrite, a_text_that_is_refused_ends_it_and_leaves_its_batch) {
  fill(10);
  sql("insert into t values (11, 'clear')");
  const auto changed = open()->rewrite(rewriting(), {});
  ASSERT_FALSE(changed.has_value());
  EXPECT_EQ(sql("select count(*) from t where token like 'k2.%'"), "0");
}

TEST_F(PostgresRewrite, the_same_value_under_both_keys_in_a_unique_column_is_told) {
  fill(3);
  sql("create unique index on t (token); insert into t values (4, 'k2.1')");
  const auto changed = open()->rewrite(rewriting(), {});
  ASSERT_FALSE(changed.has_value());
  EXPECT_NE(changed.error().text().find("under both keys"), std::string::npos) << changed.error().text();
}

}  // namespace
}  // namespace sluice::live
