// Reading a server: every type as it is, one moment for all queries, and nothing changed under our feet.
#include <cmath>
#include <cstring>
#include <future>

#include "postgres_batches.hpp"
#include "sluice/core/words.hpp"

namespace sluice::live {
namespace {

class PostgresSnapshot : public PostgresTest {
 protected:
  static ReadQuery query(std::string text) { return {.sql = std::move(text), .place = {"q.sql", 1, 1}}; }

  static std::string cell(const Batch& batch, std::size_t column, std::size_t row) {
    const Vector& vector = batch.vectors[column];
    if (vector.is_null(row)) return "NULL";
    switch ((*batch.schema)[column].type.kind) {
      case Kind::boolean: return vector.at<std::uint8_t>(row) != 0 ? "true" : "false";
      case Kind::int32:
      case Kind::date: return std::to_string(vector.at<std::int32_t>(row));
      case Kind::int64:
      case Kind::timestamp:
      case Kind::timestamp_tz: return std::to_string(vector.at<std::int64_t>(row));
      case Kind::float64: return std::to_string(vector.at<double>(row));
      case Kind::decimal: return std::to_string(static_cast<std::int64_t>(vector.at<Int128>(row) % 1000000000000));
      case Kind::uuid: {
        Key key;
        std::memcpy(key.bytes.data(), static_cast<const char*>(vector.values) + row * 16, 16);
        return to_uuid(key);
      }
      case Kind::text:
      case Kind::bytes:
      case Kind::json: return std::string(vector.at<Text>(row).view());
    }
    return "?";
  }

  // Cells by "|", rows by lines; "error: ..." at the end where it ends by one.
  static std::string read(Snapshot& snapshot, std::size_t number) {
    auto reader = snapshot.open(number);
    if (!reader) return "error: " + reader.error().text();
    return read(**reader);
  }
  static std::string read(RowReader& reader) {
    std::string out;
    Batch batch;
    while (true) {
      const auto more = reader.next(batch);
      if (!more) return out + "error: " + more.error().text();
      if (!*more) return out;
      for (std::size_t row = 0; row < batch.rows; ++row) {
        for (std::size_t i = 0; i < batch.vectors.size(); ++i) out += (i == 0 ? "" : "|") + cell(batch, i, row);
        out += '\n';
      }
    }
  }

  static std::string types(const Snapshot& snapshot) {
    std::string out;
    for (const Field& field : *snapshot.columns(0)) out += (out.empty() ? "" : " ") + to_string(field.type);
    return out;
  }
};

TEST_F(PostgresSnapshot, gives_every_type_as_our_types_say) {
  auto database = open();
  sql("create domain d as int; create type mood as enum ('sad', 'merry')");
  auto snapshot = database->open_snapshot({query(R"(
    select true as b, (-7)::smallint as i2, 2147483647 as i4, '-9223372036854775808'::bigint as i8, 0.1::real as f4,
           1.5::float8 as f8, 1234567.89::numeric(12,4) as n, (-0.0001)::numeric(12,4) as m, 1::numeric(8,0) as z,
           1.50::numeric as free, 'a text of more than twelve'::varchar(40) as t, 'x'::char(3) as c,
           '\x00ff'::bytea as y, date '1999-12-31' as d, timestamp '2000-01-01 00:00:01' as ts,
           timestamptz '1970-01-01 00:00:00+01' as tz, '00112233-4455-6677-8899-aabbccddeeff'::uuid as u,
           '{"a": 1}'::jsonb as j, '[1]'::json as k, 'merry'::mood as e, 5::d as dom, time '01:02:03' as tm,
           '10.0.0.1'::inet as ip, array[1,2] as a, interval '1 day' as iv, null::int as nothing)")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  EXPECT_EQ(types(**snapshot),
            "bool int int bigint float float decimal(12,4) decimal(12,4) decimal(8,0) text text text bytes date "
            "timestamp timestamptz uuid json json text int text text text text int");
  EXPECT_EQ(read(**snapshot, 0),
            "true|-7|2147483647|-9223372036854775808|0.100000|1.500000|12345678900|-1|1|1.50|a text of more than "
            "twelve|x  |" +
                std::string("\0\xff", 2) +
                "|10956|946684801000000|-3600000000|"
                "00112233-4455-6677-8899-aabbccddeeff|{\"a\": 1}|[1]|merry|5|01:02:03|10.0.0.1|{1,2}|1 day|NULL\n");
}

TEST_F(PostgresSnapshot, all_queries_see_one_moment) {
  sql("create table t as select n from generate_series(1, 50000) n; create view v as select n from t where n <= 3");
  auto database = open();
  auto snapshot = database->open_snapshot({query("select n from t order by n"),
                                           query("select n from v order by n"),
                                           {.table = {"", "v"}, .place = {"p.yaml", 3, 1}}});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  sql("delete from t where n < 3");
  const std::string whole = read(**snapshot, 0);
  EXPECT_EQ(std::count(whole.begin(), whole.end(), '\n'), 50000);
  EXPECT_EQ(read(**snapshot, 1), "1\n2\n3\n");
  EXPECT_EQ(read(**snapshot, 2), "1\n2\n3\n");
}

TEST_F(PostgresSnapshot, nobody_can_empty_or_alter_a_table_meanwhile) {
  sql("create table t as select n from generate_series(1, 10) n; create table p (n int) partition by range (n);"
      "create table p1 partition of p for values from (0) to (100); insert into p select n from t;"
      "create view v as select t.n from t");
  auto database = open();
  auto snapshot = database->open_snapshot({query("select v.n from v join p using (n) order by 1")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  for (const char* change : {"truncate t", "alter table t alter n type bigint", "drop table p1", "truncate p"}) {
    EXPECT_THROW(sql(std::string("set lock_timeout = '100ms'; ") + change), std::runtime_error) << change;
  }
  EXPECT_EQ(read(**snapshot, 0), "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
  snapshot->reset();
  sql("set lock_timeout = '5s'; truncate t");
}

TEST_F(PostgresSnapshot, waits_for_a_truncate_that_came_before_and_then_reads_what_is_there) {
  sql("create table t as select n from generate_series(1, 10) n");
  auto database = open();
  ASSERT_TRUE(database->shape_of({"", "t"}));
  // Holds its lock for a moment, in which the snapshot is asked for.
  auto truncating = std::async(std::launch::async, [this] {
    sql("begin; truncate t; insert into t values (77); select pg_sleep(0.5); commit");
  });
  const std::string locked =
      "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted "
      "and relation = (select oid from pg_class where relname = 't')";
  for (int attempt = 0; attempt < 1000 && sql(locked) == "0"; ++attempt) {
  }
  auto snapshot = database->open_snapshot({query("select n from t")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  EXPECT_EQ(read(**snapshot, 0), "77\n");
  truncating.get();
}

TEST_F(PostgresSnapshot, says_what_is_wrong_with_a_query_and_where) {
  auto database = open();
  sql("create table t (n int)");
  const auto error = [&](const std::string& text) {
    const auto snapshot = database->open_snapshot({query(text)});
    return snapshot ? std::string("none") : snapshot.error().text();
  };
  EXPECT_NE(error("select n\nfrom t\nwhere m = 1").find("q.sql:3:1: query: undefined_column"), std::string::npos)
      << error("select n\nfrom t\nwhere m = 1");
  // The server counts characters, not bytes.
  const std::string umlauts = "select 'äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü' as t,\n1 as a,\n2 as b,\n\nm from t";
  EXPECT_NE(error(umlauts).find("q.sql:5:1: query: undefined_column"), std::string::npos) << error(umlauts);
  EXPECT_NE(error("select * from none").find("q.sql:1:1"), std::string::npos);
  for (const char* other : {"select 1; select 2", "insert into t values (1) returning n",
                            "with gone as (delete from t returning n) select n from gone"}) {
    EXPECT_NE(error(other).find("q.sql:1:1: query: it must be one SELECT"), std::string::npos) << error(other);
  }
  EXPECT_NE(error("select 1 as a, 2 as a").find("two columns are called \"a\""), std::string::npos);
  EXPECT_EQ(sql("select count(*) from t"), "0");
}

TEST_F(PostgresSnapshot, what_has_no_number_or_day_is_an_error_not_a_guess) {
  auto database = open();
  const auto read_one = [&](const std::string& text) {
    auto snapshot = database->open_snapshot({query(text)});
    return snapshot ? read(**snapshot, 0) : snapshot.error().text();
  };
  EXPECT_NE(read_one("select 'NaN'::numeric(5,2) as n").find("column \"n\" holds a number that is none"),
            std::string::npos);
  // As they lie in DuckDB's vectors.
  EXPECT_EQ(read_one("select 'infinity'::date as a, '-infinity'::date as b, 'infinity'::timestamp as c, "
                     "'-infinity'::timestamptz as d"),
            "2147483647|-2147483647|9223372036854775807|-9223372036854775807\n");
  EXPECT_NE(read_one("select ('canary' || n)::int from generate_series(1,3) n").find("22P02"), std::string::npos);
  EXPECT_EQ(read_one("select ('canary' || n)::int from generate_series(1,3) n").find("canary"), std::string::npos);
  EXPECT_EQ(read_one("select 1 as a where false"), "");
}

TEST_F(PostgresSnapshot, a_query_that_is_left_in_the_middle_leaves_the_others_their_moment) {
  auto database = open();
  sql("create table t as select n, repeat('x', 1000) as filling from generate_series(1, 100000) n; create table small "
      "as select 1 as n; create table wrong as select (case n when 5 then 'NaN' else '1' end)::numeric(5,2) as n from "
      "generate_series(1, 100000) n");
  auto snapshot = database->open_snapshot(
      {query("select * from t"), query("select n from small"), query("select * from wrong"), query("select 2 as n")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  sql("insert into small values (7)");
  {
    const auto reader = (*snapshot)->open(0);
    ASSERT_TRUE(reader);
    Batch batch;
    ASSERT_TRUE((*reader)->next(batch).value());
  }
  EXPECT_EQ(read(**snapshot, 1), "1\n");
  EXPECT_NE(read(**snapshot, 2).find("column \"n\" holds a number that is none"), std::string::npos);
  EXPECT_EQ(read(**snapshot, 3), "2\n");
  EXPECT_EQ(read(**snapshot, 1), "1\n");
}

TEST_F(PostgresSnapshot, what_a_query_cannot_compute_is_the_datas_fault) {
  auto database = open();
  sql("create table t as select 'canary' || n as name, n from generate_series(0, 20000) n");
  // While it is planned, at the first row, after many rows.
  for (const char* text : {"select 1 / 0 as a", "select 'canary'::int as a", "select 1 / n as a from t",
                           "select 1 / (n - 19999) as a from t", "select name::date as a from t",
                           "select (n * 100000000000)::int as a from t where n > 9", "select (select name from t) as a",
                           "select ln(n - 5) as a from t"}) {
    Error error;
    auto snapshot = database->open_snapshot({query(text)});
    if (!snapshot) {
      error = snapshot.error();
    } else {
      auto reader = (*snapshot)->open(0);
      if (!reader) error = reader.error();
      Batch batch;
      while (reader && error.message.empty()) {
        const auto more = (*reader)->next(batch);
        if (!more) error = more.error();
        if (!more || !*more) break;
      }
    }
    EXPECT_EQ(error.fault, Fault::data) << text << ": " << error.text();
    EXPECT_NE(error.message.find("q.sql:1:1: "), std::string::npos) << error.text();
    EXPECT_NE(error.hint.find("cannot compute"), std::string::npos) << error.text();
    EXPECT_EQ(error.text().find("canary"), std::string::npos) << error.text();
  }
}

TEST_F(PostgresSnapshot, a_role_reads_through_views_what_it_may_not_read_itself) {
  server().make_user("reader");
  sql("create table hidden as select 1 as id, 'x' as name; create view shown as select id from hidden;"
      "grant select on shown to reader; create table partly (a int, b int); grant select (a) on partly to reader");
  auto database = open("reader");
  auto snapshot = database->open_snapshot({query("select id from shown")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  EXPECT_EQ(read(**snapshot, 0), "1\n");
  EXPECT_THROW(sql("set lock_timeout = '100ms'; truncate hidden"), std::runtime_error);
  const auto refused = database->open_snapshot({query("select name from hidden")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::denied);
  const auto columns = database->open_snapshot({query("select a from partly")});
  ASSERT_FALSE(columns);
  EXPECT_NE(columns.error().text().find("only some of its columns"), std::string::npos) << columns.error().text();
}

TEST_F(PostgresSnapshot, parts_are_all_rows_in_the_order_of_one_reader) {
  sql("create table t (n int, pad text) with (autovacuum_enabled = off);"
      "insert into t select n, repeat('x', 500) from generate_series(1, 10) n; analyze t;"  // one page, it says
      "insert into t select n, repeat('x', 500) from generate_series(11, 500) n; delete from t where n % 7 = 0");
  auto database = open();
  auto snapshot = database->open_snapshot(
      {{.table = {"", "t"}, .place = {"p.yaml", 3, 1}, .readers = 3}, {.table = {"", "t"}, .place = {"p.yaml", 3, 1}}});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  sql("insert into t select n, '' from generate_series(501, 600) n; update t set pad = 'new'");
  auto parted = (*snapshot)->open_parts(0);
  ASSERT_TRUE(parted) << parted.error().text();
  ASSERT_EQ(parted->readers.size(), 3U);
  EXPECT_GE(parted->parts, 3U);
  std::string rows;
  for (std::size_t part = 0; part < parted->parts; ++part) {
    const auto reader = parted->readers[part % 3]->open(part);
    ASSERT_TRUE(reader) << reader.error().text();
    rows += read(**reader);
  }
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 500 - 71);
  EXPECT_EQ(rows, read(**snapshot, 0));
  EXPECT_EQ(rows, read(**snapshot, 1));
  EXPECT_TRUE((*snapshot)->open_parts(1)->readers.empty()) << "a small table";
}

TEST_F(PostgresSnapshot, readers_of_parts_do_not_wait_for_who_waits_for_the_snapshot) {
  sql("create table t as select n, repeat('x', 500) as pad from generate_series(1, 100) n");
  auto database = open();
  auto snapshot =
      database->open_snapshot({{.table = {"", "t"}, .place = {"p.yaml", 3, 1}, .order_by = {"n"}, .readers = 2}});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  auto truncating = std::async(std::launch::async, [this] { sql("truncate t"); });
  const std::string waiting = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and not granted";
  for (int attempt = 0; attempt < 1000 && sql(waiting) == "0"; ++attempt) {
  }
  const auto parted = (*snapshot)->open_parts(0);
  ASSERT_TRUE(parted) << parted.error().text();
  EXPECT_TRUE(parted->readers.empty());
  const std::string rows = read(**snapshot, 0);
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 100);
  snapshot->reset();
  truncating.get();
  EXPECT_EQ(sql("select count(*) from t"), "0");
}

TEST_F(PostgresSnapshot, readers_of_parts_that_cannot_see_the_moment_are_an_error) {
  sql("create table t as select n, repeat('x', 500) as pad from generate_series(1, 100) n");
  auto database = open();
  auto snapshot = database->open_snapshot({{.table = {"", "t"}, .place = {"p.yaml", 3, 1}, .readers = 2}});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  ASSERT_EQ((*snapshot)->open_parts(0)->readers.size(), 2U);
  sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> "
      "pg_backend_pid()");
  const std::string gone = "select count(*) from pg_stat_activity where datname = current_database()";
  for (int attempt = 0; attempt < 1000 && sql(gone) != "1"; ++attempt) {
  }
  const auto parted = (*snapshot)->open_parts(0);
  ASSERT_FALSE(parted) << "the transaction that exported the moment is gone";
  EXPECT_NE(parted.error().text().find("`readers: 1`"), std::string::npos) << parted.error().text();
}

TEST_F(PostgresSnapshot, parts_leave_out_what_is_attached_meanwhile) {
  sql("create table p (n int primary key) partition by range (n);"
      "create table p1 partition of p for values from (0) to (5000); insert into p select generate_series(0, 4999);"
      "create table p2 (n int not null); insert into p2 select generate_series(5000, 5999)");
  auto database = open();
  auto snapshot =
      database->open_snapshot({{.table = {"", "p"}, .place = {"p.yaml", 3, 1}, .order_by = {"n"}, .readers = 2},
                               {.table = {"", "p"}, .place = {"p.yaml", 3, 1}, .readers = 2}});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  sql("alter table p attach partition p2 for values from (5000) to (6000)");
  for (const std::size_t query : {0U, 1U}) {
    const std::string rows = read(**snapshot, query);
    EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 5000) << query;
  }
}

TEST_F(PostgresSnapshot, says_why_one_reader_has_to_read_all) {
  server().make_user("parent_only");
  sql("create table t (n int); create view v as select n from t; create materialized view m as select n from t;"
      "create table p (n int) partition by range (n); create table p1 partition of p for values from (0) to (100);"
      "insert into p values (1); grant select on p to parent_only");
  const auto error = [&](const std::string& user, ReadQuery asked) {
    asked.place = {"p.yaml", 3, 1};
    const auto snapshot = open(user)->open_snapshot({std::move(asked)});
    return snapshot ? "none: " + read(**snapshot, 0) : snapshot.error().text();
  };
  EXPECT_NE(error("postgres", {.table = {"", "v"}, .readers = 2}).find("it is no table"), std::string::npos);
  EXPECT_NE(error("postgres", {.table = {"", "m"}, .readers = 2}).find("it is no table"), std::string::npos);
  EXPECT_NE(error("parent_only", {.table = {"", "p"}, .readers = 2}).find("may not read \"public.p1\" by itself"),
            std::string::npos);
  EXPECT_EQ(error("parent_only", {.table = {"", "p"}}), "none: 1\n");
  EXPECT_NE(error("parent_only", {.table = {"", "p"}, .order_by = {"n"}, .readers = 2}).find("may not read"),
            std::string::npos);
  EXPECT_EQ(error("parent_only", {.table = {"", "p"}, .order_by = {"n"}}), "none: 1\n");
  EXPECT_EQ(error("postgres", {.table = {"", "v"}, .order_by = {"n"}}), "none: ");
  EXPECT_EQ(error("postgres", {.table = {"", "t"}, .order_by = {"m"}}),
            "p.yaml:3:1: 'order_by': table \"t\" has no column \"m\"; did you mean 'n'?");
}

}  // namespace
}  // namespace sluice::live
