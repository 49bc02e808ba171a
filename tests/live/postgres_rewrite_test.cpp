// Texts of a column replaced in place: while others write to the table, and after a kill half-way.
#include <signal.h>

#include <atomic>
#include <map>
#include <thread>

#include "postgres_batches.hpp"

namespace sluice::live {
namespace {

class PostgresRewrite : public PostgresTest {
 protected:
  // "k1.x" becomes "k2.x".
  static Rewriting rewriting(std::size_t batch = 100) {
    Rewriting out{{"", "t"}, "token", "k2.", batch, {}};
    out.replace = [](const std::vector<OldText>& old, std::vector<std::optional<std::string>>& fresh) -> Result<void> {
      for (const OldText& row : old) {
        if (!row.text.starts_with("k1.")) return fail(Fault::data, row.place + ": not a token");
        fresh.push_back("k2." + row.text.substr(3));
      }
      return {};
    };
    return out;
  }
  // As a mask whose tokens prove their key: nothing but `replace` knows which are done with.
  static Rewriting by_looking(std::size_t batch = 100) {
    Rewriting out = rewriting(batch);
    out.keep.clear();
    out.replace = [](const std::vector<OldText>& old, std::vector<std::optional<std::string>>& fresh) -> Result<void> {
      for (const OldText& row : old) {
        if (row.text.starts_with("k2.")) {
          fresh.emplace_back();
        } else {
          fresh.push_back("k2." + row.text.substr(3));
        }
      }
      return {};
    };
    return out;
  }
  // The row's key names what its token was made with; a new token is made of the value, so a token that is taken back
  // under a key that it is not of would show.
  static Rewriting by_key(std::size_t batch = 100) {
    Rewriting out = rewriting(batch);
    out.keep = "k2";
    out.key_column = "key";
    out.replace = [](const std::vector<OldText>& old, std::vector<std::optional<std::string>>& fresh) -> Result<void> {
      for (const OldText& row : old) {
        if (!row.key) return fail(Fault::data, row.place + ": its key is NULL");
        fresh.push_back(row.key == "k1" ? "2" + row.text.substr(1) : "wrong");
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

TEST_F(PostgresRewrite, reaches_the_tables_that_inherit) {
  fill(10);
  sql("create table newer () inherits (t); create table newest () inherits (newer);"
      "insert into newer select i, 'k1.' || i from generate_series(11, 20) i; insert into newest values (21, 'k1.21')");
  const auto changed = open()->rewrite(rewriting(), {});
  ASSERT_TRUE(changed.has_value()) << changed.error().text();
  EXPECT_EQ(*changed, 21U);
  EXPECT_EQ(wrong(), "0");
}

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
        dying.replace = [&](const std::vector<OldText>& old, std::vector<std::optional<std::string>>& fresh) {
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
  EXPECT_EQ(changed.error().message, "the row of t with ctid (0,11): not a token");
  EXPECT_EQ(sql("select count(*) from t where token like 'k2.%'"), "0");
}

TEST_F(PostgresRewrite, the_same_value_under_both_keys_in_a_unique_column_is_told) {
  fill(3);
  sql("create unique index on t (token); insert into t values (4, 'k2.1')");
  const auto changed = open()->rewrite(rewriting(), {});
  ASSERT_FALSE(changed.has_value());
  EXPECT_NE(changed.error().text().find("under both keys"), std::string::npos) << changed.error().text();
}

TEST_F(PostgresRewrite, what_only_replace_can_tell_is_asked_about_every_row) {
  fill(5000);
  sql("insert into t values (0, null); update t set token = 'k2.' || id where id % 3 = 0 and id > 0");
  const auto changed = open()->rewrite(by_looking(), {});
  ASSERT_TRUE(changed.has_value()) << changed.error().text();
  EXPECT_EQ(*changed, 3334U);
  EXPECT_EQ(sql("select count(*) from t where token = 'k2.' || id"), "5000");
  EXPECT_EQ(*open()->rewrite(by_looking(), {}), 0U);
}

TEST_F(PostgresRewrite, a_row_that_moves_behind_the_pass_is_found_by_the_look_at_the_end) {
  fill(20000);
  sql("update t set token = 'k2.' || id");
  sql("vacuum full t");
  sql("update t set token = 'k1.' || id where ctid >= '(60,1)' and ctid <= '(60,5)'");
  const std::string far = sql("select min(ctid) from t where token like 'k1.%'");
  sql("delete from t where ctid < '(10,0)'");
  sql("vacuum t");
  // When the last of the first blocks has been looked at, the rows move to the place that was made there.
  Rewriting moving = by_looking(100000);
  bool moved = false;
  moving.replace = [&](const std::vector<OldText>& old, std::vector<std::optional<std::string>>& fresh) {
    if (!moved) {
      sql("with gone as (delete from t where token like 'k1.%' returning *) insert into t select id, token, 1 from "
          "gone");
    }
    moved = true;
    return by_looking().replace(old, fresh);
  };
  const auto changed = open()->rewrite(moving, {});
  ASSERT_TRUE(changed.has_value()) << changed.error().text();
  EXPECT_EQ(*changed, 5U);
  EXPECT_EQ(wrong(), "0");
  EXPECT_EQ(sql("select max(ctid) < '(10,0)' and '" + far + "' > '(32,0)'::tid from t where n = 1"), "t")
      << "they did not move";
}

TEST_F(PostgresRewrite, a_key_column_goes_along_with_its_token) {
  sql("create table t (id integer, token text, key varchar(10)); insert into t select i, '1-' || i, 'k1' from "
      "generate_series(1, 500) i; insert into t values (0, null, 'k1'), (-1, '2-x', 'k2'), (-2, null, null)");
  EXPECT_EQ(*open()->rewrite(by_key(), {}), 500U);
  EXPECT_EQ(sql("select count(*) from t where token = '2-' || id and key = 'k2'"), "500");
  EXPECT_EQ(*open()->rewrite(by_key(), {}), 0U);
  sql("insert into t values (501, '1-501', null)");
  const auto changed = open()->rewrite(by_key(), {});
  ASSERT_FALSE(changed.has_value());
  EXPECT_NE(changed.error().message.find("its key is NULL"), std::string::npos);
  EXPECT_EQ(sql("select token from t where id = 501"), "1-501");
}

TEST_F(PostgresRewrite, a_row_whose_key_or_token_another_changes_meanwhile_keeps_what_that_one_wrote) {
  sql("create table t (id integer, token text, key text);"
      "insert into t values (1, '1-a', 'k1'), (2, '1-b', 'k1'), (3, '1-d', 'k1')");
  Rewriting raced = by_key();
  int asked = 0;
  raced.replace = [&](const std::vector<OldText>& old, std::vector<std::optional<std::string>>& fresh) {
    if (++asked == 1) {
      sql("update t set token = '2-c', key = 'k2' where id = 1");
      sql("update t set key = 'k2' where id = 3");
    }
    return by_key().replace(old, fresh);
  };
  EXPECT_EQ(*open()->rewrite(raced, {}), 1U);
  EXPECT_EQ(sql("select token || key from t order by id"), "2-ck2\n2-bk2\n1-dk2");
}

TEST_F(PostgresRewrite, two_values_with_one_token_under_two_keys_are_no_reason_to_remove_a_row) {
  sql("create table t (id integer, token text unique, key text); insert into t values (1, '1-a', 'k1'), (2, '2-a', "
      "'k2')");
  const auto changed = open()->rewrite(by_key(), {});
  ASSERT_FALSE(changed.has_value());
  EXPECT_NE(changed.error().hint.find("make the index over the token and its key, key"), std::string::npos)
      << changed.error().text();
}

TEST_F(PostgresRewrite, texts_come_and_go_in_the_type_of_their_column) {
  // Addresses without their mask, dates by year, month and day whatever the session writes.
  sql("alter role postgres set datestyle = 'German'; alter role postgres set timezone = 'Asia/Kolkata';"
      "create table t (id integer, a inet, c cidr, d date, s timestamp, z timestamptz, v varchar(12));"
      "insert into t values (1, '1.2.3.4', '2001:db8::1', '2026-01-31', '2026-01-31 10:20:30.5', "
      "'2026-01-31 10:20:30+00', 'k1.abc'), (2, '10.0.0.0/8', '10.0.0.0/8', 'infinity', '-infinity', '0044-03-15 "
      "10:00:00+00 BC', null)");
  const std::map<std::string, std::pair<std::string, std::string>> of_first = {
      {"a", {"1.2.3.4", "::2"}},
      {"c", {"2001:db8::1", "1.2.3.5"}},
      {"d", {"2026-01-31", "1999-12-30"}},
      {"s", {"2026-01-31T10:20:30.5", "1999-12-30T10:20:30.5"}},
      {"z", {"2026-01-31T15:50:30+05:30", "1999-12-30T15:50:30+05:30"}},
      {"v", {"k1.abc", "k2.abc"}},
  };
  const std::map<std::string, std::string> of_second = {
      {"a", "10.0.0.0/8"}, {"c", "10.0.0.0/8"}, {"d", "infinity"}, {"s", "-infinity"}};
  for (const auto& [column, texts] : of_first) {
    Rewriting one = by_looking();
    one.column = column;
    one.replace = [&, texts = texts, column = column](const std::vector<OldText>& old,
                                                      std::vector<std::optional<std::string>>& fresh) -> Result<void> {
      for (const OldText& row : old) {
        if (const auto second = of_second.find(column); second != of_second.end() && row.text == second->second) {
          fresh.emplace_back();
          continue;
        }
        if (row.text == texts.first) {
          fresh.emplace_back(texts.second);
        } else {
          EXPECT_TRUE(row.text == texts.second || row.text.ends_with("BC")) << row.text;
          fresh.emplace_back();
        }
      }
      return {};
    };
    const auto changed = open()->rewrite(one, {});
    ASSERT_TRUE(changed.has_value()) << column << ": " << changed.error().text();
    EXPECT_EQ(*changed, 1U) << column;
  }
  EXPECT_EQ(sql("set datestyle = 'ISO'; set timezone = 'UTC'; select concat_ws(' ', a, c, d, s, z, v) from t where id "
                "= 1"),
            "::2 1.2.3.5/32 1999-12-30 1999-12-30 10:20:30.5 1999-12-30 10:20:30+00 k2.abc");
  // A text that is too long is an error, and is not cut.
  Rewriting long_one = rewriting();
  long_one.column = "v";
  long_one.keep = "k3.";
  long_one.replace = [](const std::vector<OldText>&, std::vector<std::optional<std::string>>& fresh) -> Result<void> {
    fresh.emplace_back("k3.abcdefghij");
    return {};
  };
  const auto refused = open()->rewrite(long_one, {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().hint.find("widen the column"), std::string::npos) << refused.error().text();
  sql("alter role postgres reset datestyle; alter role postgres reset timezone");
}

}  // namespace
}  // namespace sluice::live
