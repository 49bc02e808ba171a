// Looks at tables of a server while other sessions write to them, and commit in another order than they began.
#include <libpq-fe.h>

#include <algorithm>

#include "postgres_batches.hpp"

namespace sluice::live {
namespace {

// A connection that stays open from one statement to the next.
class Other {
 public:
  explicit Other(const std::string& url) : connection_(PQconnectdb(url.c_str())) {}
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  ~Other() { PQfinish(connection_); }
  void run(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    ASSERT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) << sql << PQerrorMessage(connection_);
  }

 private:
  PGconn* connection_;
};

class PostgresWatch : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    database = open();
  }
  std::string url() { return server().url(database_); }

  // Looks, and keeps what it saw.
  bool moved(const std::string& cursor) {
    const auto seen = database->look({{"", "t"}, cursor, {"p.yaml", 1, 1}}, mark ? &*mark : nullptr);
    EXPECT_TRUE(seen) << (seen ? "" : seen.error().text());
    if (!seen) return false;
    mark = seen->mark;
    return seen->moved;
  }
  // As often as the mark needs to reach the last row.
  void look_until_quiet(const std::string& cursor) {
    moved(cursor);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(moved(cursor));
  }

  std::unique_ptr<Database> database;
  std::optional<TableMark> mark;
};

TEST_F(PostgresWatch, a_smaller_id_that_is_committed_later_is_seen) {
  sql("create table t (id serial primary key, name text); insert into t (name) select 'old' from generate_series(1, "
      "9)");
  look_until_quiet("id");
  EXPECT_EQ(mark->from, "9");
  Other first(url());
  Other second(url());
  first.run("begin; insert into t (name) values ('ten')");
  second.run("begin; insert into t (name) values ('eleven'); commit");
  EXPECT_TRUE(moved("id")) << "11 is there";
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(moved("id")) << "10 is not";
  first.run("commit");
  EXPECT_TRUE(moved("id")) << "10 is there, below the greatest";
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(moved("id"));
  EXPECT_EQ(mark->from, "11") << "it goes on when nobody can write less any more";
}

TEST_F(PostgresWatch, a_transaction_that_took_its_cursor_and_has_written_nothing_yet_is_waited_for) {
  sql("create table t (at timestamptz, n int); create index on t (at); insert into t values (now(), 1)");
  look_until_quiet("at");
  Other early(url());
  early.run("begin; select now()");  // has no transaction id
  sql("select pg_sleep(0.01); insert into t values (now(), 2)");
  EXPECT_TRUE(moved("at"));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(moved("at"));
  early.run("insert into t values (now(), 3); commit");
  EXPECT_TRUE(moved("at"));
  EXPECT_FALSE(moved("at"));
}

TEST_F(PostgresWatch, a_savepoint_and_a_prepared_transaction_are_waited_for) {
  sql("create table t (id serial, n int); insert into t (n) values (1)");
  look_until_quiet("id");
  Other first(url());
  first.run("begin; savepoint s; insert into t (n) values (2)");
  sql("insert into t (n) values (3)");
  EXPECT_TRUE(moved("id"));
  EXPECT_FALSE(moved("id"));
  if (sql("show max_prepared_transactions") != "0") {
    first.run("prepare transaction 'p'");
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(moved("id"));
    first.run("commit prepared 'p'");
  } else {
    first.run("release s; commit");
  }
  EXPECT_TRUE(moved("id"));
}

TEST_F(PostgresWatch, equal_dates_missing_ones_and_changes_of_the_last_day_are_seen) {
  sql("create table t (id int, updated_on date, status text); insert into t values (1, current_date, 'active')");
  look_until_quiet("updated_on");
  for (const char* change :
       {"insert into t values (2, current_date, 'active')", "update t set status = 'paid' where id = 1",
        "insert into t values (3, null, 'application')", "insert into t values (3, null, 'application')",
        "update t set status = 'active' where updated_on is null", "delete from t where id = 3",
        "insert into t values (4, current_date - 1, 'late'); update t set updated_on = current_date where id = 4"}) {
    sql(change);
    EXPECT_TRUE(moved("updated_on")) << change;
    EXPECT_FALSE(moved("updated_on")) << change;
  }
}

TEST_F(PostgresWatch, a_cursor_in_the_future_hides_nothing) {
  sql("create table t (id int, created_on date); insert into t values (1, current_date), (2, current_date + 9000), "
      "(3, 'infinity')");
  look_until_quiet("created_on");
  sql("insert into t values (4, current_date)");
  EXPECT_TRUE(moved("created_on"));
  EXPECT_FALSE(moved("created_on"));
}

TEST_F(PostgresWatch, without_a_cursor_the_whole_table_is_looked_at) {
  sql("create table t (id int, status text); insert into t select n, 'on_time' from generate_series(1, 100) n");
  look_until_quiet("");
  sql("update t set status = 'late' where id = 7");
  EXPECT_TRUE(moved(""));
  EXPECT_FALSE(moved(""));
}

TEST_F(PostgresWatch, a_role_that_may_only_read_sees_the_same) {
  server().make_user("poller");
  sql("create table t (id serial, name text); grant select on t to poller; insert into t (name) values ('a')");
  database = open("poller");
  look_until_quiet("id");
  Other first(url());
  first.run("begin; insert into t (name) values ('b')");
  sql("insert into t (name) values ('c')");
  EXPECT_TRUE(moved("id"));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(moved("id"));
  first.run("commit");
  EXPECT_TRUE(moved("id"));
}

TEST_F(PostgresWatch, a_table_that_comes_has_moved_and_a_missing_column_is_an_error) {
  EXPECT_TRUE(moved("id"));
  EXPECT_FALSE(moved("id"));
  sql("create table t (ident int)");
  const auto seen = database->look({{"", "t"}, "id", {"p.yaml", 7, 3}}, &*mark);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().fault, Fault::config);
  EXPECT_NE(seen.error().text().find("p.yaml:7:3: "), std::string::npos) << seen.error().text();
  EXPECT_NE(seen.error().text().find("table \"public.t\" has no column 'id'"), std::string::npos);
  EXPECT_TRUE(moved("ident"));
  EXPECT_FALSE(moved("ident"));
}

class PostgresNewRows : public PostgresWatch {
 protected:
  // As a run does: reads the ids that are new, and keeps the mark.
  std::vector<std::int32_t> read(const std::string& cursor = "id") {
    std::vector<std::int32_t> ids;
    const auto rows = database->new_rows({{"", "t"}, cursor, {"p.yaml", 1, 1}}, since);
    EXPECT_TRUE(rows) << (rows ? "" : rows.error().text());
    if (!rows) return ids;
    const auto snapshot = database->open_snapshot({{.table = {"", "t"}, .sql = rows->sql, .place = {"p.yaml", 1, 1}}});
    EXPECT_TRUE(snapshot) << (snapshot ? "" : snapshot.error().text());
    if (!snapshot) return ids;
    const auto after = database->mark_after(*rows, **snapshot);
    EXPECT_TRUE(after) << (after ? "" : after.error().text());
    if (!after) return ids;
    since = *after;
    const auto reader = (*snapshot)->open(0);
    EXPECT_TRUE(reader);
    Batch batch;
    while (reader && (*reader)->next(batch).value_or(false)) {
      for (std::size_t row = 0; row < batch.rows; ++row) ids.push_back(batch.vectors[0].at<std::int32_t>(row));
    }
    std::ranges::sort(ids);
    return ids;
  }

  ReadMark since;
};

using Ids = std::vector<std::int32_t>;

TEST_F(PostgresNewRows, a_smaller_id_that_is_committed_later_is_read_once) {
  sql("create table t (id serial primary key, name text)");
  Other first(url());
  Other second(url());
  first.run("begin; insert into t (name) values ('one')");
  second.run("begin; insert into t (name) values ('two'); commit");
  const Ids early = read();
  first.run("commit");
  Ids all = read();
  all.insert(all.end(), early.begin(), early.end());
  std::ranges::sort(all);
  EXPECT_EQ(all, (Ids{1, 2}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(read(), Ids{});
  EXPECT_EQ(since.at("from"), "2");
  sql("insert into t (name) values ('three')");
  EXPECT_EQ(read(), Ids{3});
  EXPECT_EQ(read(), Ids{});
}

// What docs/exports.md says of it.
TEST_F(PostgresNewRows, a_table_that_is_packed_keeps_its_rows_and_one_that_is_rewritten_makes_new_ones) {
  sql("create table t (id int primary key, name varchar(10)); insert into t select n, 'x' from generate_series(1, 3) "
      "n");
  EXPECT_EQ(read(""), (Ids{1, 2, 3}));
  for (const char* kept : {"vacuum full t", "cluster t using t_pkey", "alter table t add column more int default 5",
                           "alter table t rename column name to title", "alter table t alter title type varchar(20)",
                           "alter table t alter title type text"}) {
    sql(kept);
    EXPECT_EQ(read(""), Ids{}) << kept;
  }
  for (const char* anew : {"alter table t alter title type varchar(5)", "alter table t set unlogged",
                           "alter table t add column chance float8 default random()",
                           "alter table t add column number int generated always as identity",
                           "alter table t add column twice int generated always as (id * 2) stored"}) {
    sql(anew);
    EXPECT_EQ(read(""), (Ids{1, 2, 3})) << anew;
    EXPECT_EQ(read(""), Ids{}) << anew;
  }
}

TEST_F(PostgresNewRows, equal_dates_and_missing_ones_are_read_once) {
  sql("create table t (id int, updated_on date); insert into t values (1, current_date - 1), (2, null)");
  EXPECT_EQ(read("updated_on"), (Ids{1, 2}));
  EXPECT_EQ(read("updated_on"), Ids{});
  sql("insert into t values (3, current_date - 1), (4, null), (4, null)");
  EXPECT_EQ(read("updated_on"), (Ids{3, 4, 4}));
  EXPECT_EQ(read("updated_on"), Ids{});
  sql("update t set updated_on = current_date where id = 1");
  EXPECT_EQ(read("updated_on"), Ids{1}) << "as it is now";
  EXPECT_EQ(read("updated_on"), Ids{});
  sql("vacuum (full, freeze) t");
  EXPECT_EQ(read("updated_on"), Ids{}) << "moved, not written anew";
}

TEST_F(PostgresNewRows, whatever_sessions_do_at_once_each_row_is_read_once) {
  sql("create table t (id serial, at timestamptz default now(), name text); create index on t (id)");
  for (const char* cursor : {"id", "at", ""}) {
    sql("truncate t");
    since.clear();
    std::vector<std::unique_ptr<Other>> sessions;
    for (int i = 0; i < 4; ++i) sessions.push_back(std::make_unique<Other>(url()));
    std::vector<bool> open(sessions.size(), false);
    std::uint32_t random = 42;
    const auto next = [&](std::uint32_t below) { return (random = random * 1664525U + 1013904223U) / 65536U % below; };
    const auto end = [&](std::size_t i, const char* how) {
      sessions[i]->run(how);
      open[i] = false;
    };
    Ids all;
    std::size_t moves = 0;
    std::string from;
    for (int step = 0; step < 400; ++step) {
      const std::size_t i = next(4);
      if (!open[i]) sessions[i]->run("begin; select now()");
      open[i] = true;
      switch (next(8)) {
        case 0: end(i, "commit"); break;
        case 1: end(i, "rollback"); break;
        case 2: sessions[i]->run("savepoint s; insert into t default values"); break;
        case 3: sessions[i]->run("savepoint s; insert into t default values; rollback to s"); break;
        case 4: break;  // open, without having written
        default: sessions[i]->run("insert into t default values"); break;
      }
      if (next(4) != 0) continue;
      const Ids fresh = read(cursor);
      all.insert(all.end(), fresh.begin(), fresh.end());
      if (since.contains("from") && since["from"] != from) ++moves;
      if (since.contains("from")) from = since["from"];
    }
    for (std::size_t i = 0; i < sessions.size(); ++i) {
      if (open[i]) end(i, "commit");
    }
    const Ids rest = read(cursor);
    all.insert(all.end(), rest.begin(), rest.end());
    std::ranges::sort(all);
    std::string text;
    for (const std::int32_t id : all) text += std::to_string(id) + ",";
    EXPECT_EQ(text, sql("select string_agg(id || ',', '' order by id) from t")) << "by " << cursor;
    EXPECT_GT(all.size(), 50U);
    if (*cursor != '\0') {
      EXPECT_GT(moves, 3U) << "the mark by " << cursor << " stays";
    }
  }
}

TEST_F(PostgresNewRows, a_mark_of_another_history_is_refused) {
  sql("create table t (id serial, name text); create view v as select * from t");
  EXPECT_EQ(read(), Ids{});
  const auto refused = [&](const WatchedTable& table, const ReadMark& mark_given) {
    const auto rows = database->new_rows(table, mark_given);
    return rows ? std::string("none") : rows.error().text();
  };
  const Place place{"p.yaml", 7, 3};
  EXPECT_NE(refused({{"", "v"}, "id", place}, {}).find("is no table of this server"), std::string::npos);
  EXPECT_NE(refused({{"", "t"}, "ident", place}, {}).find("has no column 'ident'"), std::string::npos);
  EXPECT_NE(refused({{"", "t"}, "name", place}, since).find("another cursor"), std::string::npos);
  sql("drop view v; drop table t; create table t (id serial, name text)");
  EXPECT_NE(refused({{"", "t"}, "id", place}, since).find("another table"), std::string::npos);

  since.clear();
  read();
  since["xmin"] = "4000000000000";
  const auto rows = database->new_rows({{"", "t"}, "id", place}, since);
  ASSERT_TRUE(rows) << rows.error().text();
  const auto snapshot = database->open_snapshot({{.table = {"", "t"}, .sql = rows->sql, .place = place}});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  const auto after = database->mark_after(*rows, **snapshot);
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().fault, Fault::conflict);
}

TEST_F(PostgresNewRows, a_cursor_with_values_in_the_future_is_warned_of) {
  sql("create table t (id serial, created_on date, name text); insert into t (created_on) values (current_date)");
  const auto level = [&](const std::string& cursor) {
    return database->probe_cursor({{"", "t"}, cursor, {"p.yaml", 1, 1}}).level;
  };
  EXPECT_EQ(level("created_on"), Finding::Level::good);
  sql("insert into t (created_on) values (current_date + 30)");
  EXPECT_EQ(level("created_on"), Finding::Level::warning);
  EXPECT_EQ(level("id"), Finding::Level::good);
  EXPECT_EQ(level("created_at"), Finding::Level::bad);
}

}  // namespace
}  // namespace sluice::live
