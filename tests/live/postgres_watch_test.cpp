// Looks at tables of a server while other sessions write to them, and commit in another order than they began.
#include <libpq-fe.h>

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

}  // namespace
}  // namespace sluice::live
