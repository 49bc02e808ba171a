// A DuckDB file read by queries, all of one moment.
#include "sluice/local/duckdb_snapshot.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <set>
#include <thread>

#include "sluice/local/duckdb_database.hpp"

namespace sluice::local {
namespace {

class duckdb_snapshot : public testing::Test {
 protected:
  duckdb_snapshot() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    DuckdbOptions options;
    options.file = folder_ + "/a.duckdb";
    auto file = DuckFile::open(options);
    EXPECT_TRUE(file) << file.error().text();
    file_ = *file;
  }
  ~duckdb_snapshot() override {
    file_.reset();
    std::filesystem::remove_all(folder_);
  }
  DuckConnection connection() { return std::move(*DuckConnection::open(file_)); }
  void run(const std::string& sql) {
    auto made = connection();
    const auto done = made.run(sql, "test", Wording::with_message);
    ASSERT_TRUE(done) << done.error().text();
  }
  static ReadQuery query(std::string sql) { return {.sql = std::move(sql), .place = {"q.sql", 1, 1}}; }

  std::string folder_ = testing::TempDir() + "duckdb_snapshot";
  std::shared_ptr<DuckFile> file_;
};

std::size_t rows_of(Snapshot& snapshot, std::size_t number) {
  auto reader = snapshot.open(number);
  EXPECT_TRUE(reader) << reader.error().text();
  std::size_t rows = 0;
  Batch batch;
  while (true) {
    const auto more = (*reader)->next(batch);
    EXPECT_TRUE(more) << more.error().text();
    if (!more || !*more) return rows;
    rows += batch.rows;
  }
}

TEST_F(duckdb_snapshot, sorts_a_table_as_it_is_asked_to_with_null_last) {
  run("create table t as select * from (values (1, 'b'), (2, null), (3, 'a'), (4, 'b')) v(n, k)");
  auto snapshot = open_duckdb_snapshot(
      file_, {{.table = {"", "t"}, .place = {"p.yaml", 3, 1}, .order_by = {"k", "n"}, .readers = 4}});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  EXPECT_TRUE((*snapshot)->open_parts(0)->readers.empty()) << "one thread reads a file";
  auto reader = (*snapshot)->open(0);
  Batch batch;
  ASSERT_TRUE((*reader)->next(batch).value());
  ASSERT_EQ(batch.rows, 4U);
  for (const auto& [row, n] : {std::pair(0U, 3), std::pair(1U, 1), std::pair(2U, 4), std::pair(3U, 2)})
    EXPECT_EQ(batch.vectors[0].at<std::int32_t>(row), n);
  const auto wrong = open_duckdb_snapshot(file_, {{.table = {"", "t"}, .place = {"p.yaml", 3, 1}, .order_by = {"m"}}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().fault, Fault::config);
}

TEST_F(duckdb_snapshot, gives_every_kind_as_our_types_say) {
  auto snapshot = open_duckdb_snapshot(
      file_, {query("select true as a, 1::smallint as b, 7::bigint as c, 0.1::float as d, 1.50::decimal(9,2) as e, "
                    "'a text of more than twelve' as f, date '2022-09-05' as g, sum(x)::hugeint as h, "
                    "'00112233-4455-6677-8899-aabbccddeeff'::uuid as i, null::int as j, [1, 2] as k, "
                    "time '01:02:03' as l from range(5) t(x)")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  std::string types;
  for (const Field& field : *(*snapshot)->columns(0)) types += to_string(field.type) + " ";
  EXPECT_EQ(types, "bool int bigint float decimal(9,2) text date decimal(38,0) uuid int json text ");
  auto reader = (*snapshot)->open(0);
  ASSERT_TRUE(reader);
  Batch batch;
  ASSERT_TRUE(*(*reader)->next(batch));
  ASSERT_EQ(batch.rows, 1U);
  EXPECT_EQ(batch.vectors[1].at<std::int32_t>(0), 1);
  EXPECT_EQ(batch.vectors[3].at<double>(0), 0.1);
  EXPECT_EQ(static_cast<int>(batch.vectors[4].at<Int128>(0)), 150);
  EXPECT_EQ(batch.vectors[5].at<Text>(0).view(), "a text of more than twelve");
  EXPECT_EQ(static_cast<int>(batch.vectors[7].at<Int128>(0)), 10);
  EXPECT_EQ((batch.vectors[8].at<std::array<std::uint8_t, 16>>(0)[15]), 0xff);
  EXPECT_TRUE(batch.vectors[9].is_null(0));
  EXPECT_EQ(batch.vectors[10].at<Text>(0).view(), "[1,2]");
  EXPECT_FALSE(*(*reader)->next(batch));
}

TEST_F(duckdb_snapshot, holds_one_moment_for_all_its_queries) {
  run("create table t as select * from range(10000) r(n)");
  auto snapshot = open_duckdb_snapshot(file_, {query("select n from t"), query("select n from t where n > 5")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  run("delete from t");
  EXPECT_EQ(rows_of(**snapshot, 0), 10000U);
  EXPECT_EQ(rows_of(**snapshot, 1), 9994U);
}

TEST_F(duckdb_snapshot, names_what_is_no_query) {
  for (const char* sql :
       {"select * from none", "select 1; select 2", "create table x (a int)", "select 1 as a, 2 as a", "selec"}) {
    const auto snapshot = open_duckdb_snapshot(file_, {query(sql)});
    ASSERT_FALSE(snapshot) << sql;
    EXPECT_EQ(snapshot.error().fault, Fault::config) << sql;
    EXPECT_TRUE(snapshot.error().message.starts_with("q.sql:1:1: ")) << snapshot.error().text();
  }
}

TEST_F(duckdb_snapshot, an_error_while_rows_come_says_no_value) {
  const auto snapshot = open_duckdb_snapshot(
      file_, {query("select case when n < 9999 then n else ('canary' || n)::int end as n from range(10000) r(n)")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  auto reader = (*snapshot)->open(0);
  Batch batch;
  Error error;
  while (reader) {
    const auto more = (*reader)->next(batch);
    if (!more) error = more.error();
    if (!more || !*more) break;
  }
  if (!reader) error = reader.error();
  EXPECT_NE(error.message, "");
  EXPECT_EQ(error.message.find("canary"), std::string::npos) << error.message;
  EXPECT_EQ(error.fault, Fault::data) << error.text();
}

TEST_F(duckdb_snapshot, what_a_query_cannot_compute_is_the_datas_fault) {
  run("create table t as select 'canary' || n as name, n from range(3) r(n)");
  for (const char* sql : {"select name::int as a from t", "select (n + 1e9::bigint)::smallint as a from t",
                          "select strptime(name, '%Y-%m-%d') as a from t", "select (select name from t) as a",
                          "select error(name) as a from t", "select 'canary'::date as a",
                          "select (n * 1e30)::decimal(9,2) as a from t"}) {
    const auto snapshot = open_duckdb_snapshot(file_, {query(sql)});
    ASSERT_TRUE(snapshot) << sql << snapshot.error().text();
    auto reader = (*snapshot)->open(0);
    Batch batch;
    const Error error = reader ? (*reader)->next(batch).error() : reader.error();
    EXPECT_EQ(error.fault, Fault::data) << sql << ": " << error.text();
    EXPECT_TRUE(error.message.starts_with("q.sql:1:1: query: DuckDB says ")) << error.text();
    EXPECT_EQ(error.text().find("canary"), std::string::npos) << error.text();
  }
}

TEST_F(duckdb_snapshot, tells_the_column_that_it_cannot_compute) {
  run("create table t as select 'canary' || n as name, n from range(3) r(n)");
  const auto error_of = [&](const std::string& sql) {
    const auto snapshot = open_duckdb_snapshot(file_, {query(sql)});
    EXPECT_TRUE(snapshot) << sql;
    auto reader = (*snapshot)->open(0);
    Batch batch;
    return reader ? (*reader)->next(batch).error().message : reader.error().message;
  };
  const auto column = [&](const std::string& sql) {
    const std::string message = error_of(sql);
    const std::size_t at = message.find(" in column ");
    return at == std::string::npos ? "" : message.substr(at + 11);
  };
  EXPECT_EQ(column("select name::int as a, n from t"), "\"a\"");
  EXPECT_EQ(column("select n, n + 1 as m, n * 2 as k, name::date as \"born on\", name from t order by n"),
            "\"born on\"");
  EXPECT_EQ(column("select n, max(name::int) as top from t group by n"), "\"top\"");
  EXPECT_EQ(column("select n, name from t where name::int > 0"), "") << "no column's fault";
  EXPECT_EQ(column("select n, name::int from t"), "") << "a column that is called by its expression";
}

TEST_F(duckdb_snapshot, a_hugeint_of_39_digits_is_told_with_the_way_out) {
  run("create table wide as select * from (values (1::hugeint), (170141183460469231731687303715884105727)) v(n)");
  auto snapshot = open_duckdb_snapshot(file_, {query("select n from wide"), query("select n::varchar as n from wide")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  auto reader = (*snapshot)->open(0);
  Batch batch;
  while (reader) {
    const auto more = (*reader)->next(batch);
    if (more && *more) continue;
    ASSERT_FALSE(more);
    reader = fail(more.error());
  }
  EXPECT_EQ(reader.error().text(),
            "q.sql:1:1: query: DuckDB says conversion failed in column \"n\"; a HUGEINT of more than 38 digits is no "
            "number here: cast it "
            "to VARCHAR in the query");
  EXPECT_EQ(reader.error().fault, Fault::data);
  EXPECT_EQ(rows_of(**snapshot, 1), 2U);
}

TEST_F(duckdb_snapshot, a_query_that_cannot_be_computed_leaves_the_others_as_they_are) {
  run("create table t as select 'canary' || n as name, n from range(3) r(n)");
  const auto snapshot = open_duckdb_snapshot(file_, {query("select name::int as a from t"), query("select n from t")});
  ASSERT_TRUE(snapshot) << snapshot.error().text();
  run("delete from t where n = 0");
  {
    auto reader = (*snapshot)->open(0);
    Batch batch;
    EXPECT_FALSE(reader && (*reader)->next(batch));
  }
  EXPECT_EQ(rows_of(**snapshot, 1), 3U);
  EXPECT_FALSE((*snapshot)->open(0)) << "no later moment for the one that failed";
}

TEST_F(duckdb_snapshot, is_of_one_moment_while_others_write) {
  run("create table t (n int)");
  std::jthread writer([&](const std::stop_token& stop) {
    auto made = connection();
    while (!stop.stop_requested()) ASSERT_TRUE(made.run("insert into t values (1)", "test"));
  });
  for (int round = 0; round < 200; ++round) {
    const ReadQuery count = query("select count(*) as n from t");
    const auto snapshot = open_duckdb_snapshot(file_, {count, count, count, count});
    ASSERT_TRUE(snapshot) << snapshot.error().text();
    std::set<std::int64_t> seen;
    for (std::size_t i = 0; i < 4; ++i) {
      auto reader = (*snapshot)->open(i);
      Batch batch;
      ASSERT_TRUE((*reader)->next(batch).value());
      seen.insert(batch.vectors[0].at<std::int64_t>(0));
    }
    EXPECT_EQ(seen.size(), 1U);
  }
}

TEST_F(duckdb_snapshot, a_query_that_cannot_be_bound_is_told_in_one_line_without_literals) {
  run("create table t (ip varchar)");
  const auto error_of = [&](const char* sql) {
    const auto snapshot = open_duckdb_snapshot(file_, {query(sql)});
    EXPECT_FALSE(snapshot) << sql;
    return snapshot ? Error{} : snapshot.error();
  };
  for (const char* sql :
       {"select ip from t where nope(ip) = 'canary-10.0.0.1'", "select ip\nfrom t\nwhere ipp = 'canary'",
        "select ip from t 'canary' 'canary'", "select lower(ip, 'canary') as a from t",
        "select sum(ip || 'canary') over (order by nope) as a from t", "select 'canary' from none",
        "select ip || 'canary' as a, count(*) as b from t", "select ip || 'of  canary' as a, count(*) as b from t",
        "select ip || 'of\ncanary' as a, count(*) as b from t",
        "select ip || $$canary$$ as a, count(*) as b -- it's\nfrom t",
        "select ip || $x$it's canary$x$ as a, count(*) as b from t /* don't */",
        "select ip || 'it''s canary' as a, count(*) as b from t",
        "select ip || e'it\\'s\\ncanary' as a, count(*) as b from t",
        "select \"it's\", ip || 'canary' as a, count(*) as b from (select ip, 1 as \"it's\" from t)",
        "select 'canary'::int + ip as d from t"}) {
    const Error error = error_of(sql);
    EXPECT_EQ(error.fault, Fault::config) << error.text();
    EXPECT_NE(error.text().find(": query: DuckDB says "), std::string::npos) << error.text();
    EXPECT_EQ(error.text().find("canary"), std::string::npos) << error.text();
    EXPECT_EQ(error.text().find('\n'), std::string::npos) << error.text();
  }
  EXPECT_TRUE(error_of("select ip\nfrom t\nwhere ipp = 1").message.starts_with("q.sql:3:")) << "the line it means";
  for (const char* sql : {"select mask_ip(ip, 'ip') as a from t", "select reveal(ip, 'why') as a from t"})
    EXPECT_EQ(error_of(sql).hint, "masks and reveal() go into `select:` of the flow") << sql;
}

TEST_F(duckdb_snapshot, tells_tables_from_views) {
  run("create table t (a int, b decimal(10,2)); create view v as select a from t");
  auto made = connection();
  const auto table = duckdb_shape(made, {"", "T"});
  ASSERT_TRUE(table && *table);
  EXPECT_FALSE((*table)->is_view);
  EXPECT_EQ(to_string((*table)->columns.at(1).type), "decimal(10,2)");
  const auto view = duckdb_shape(made, {"main", "v"});
  ASSERT_TRUE(view && *view);
  EXPECT_TRUE((*view)->is_view);
  EXPECT_FALSE(*duckdb_shape(made, {"", "none"}));
}

}  // namespace
}  // namespace sluice::local
