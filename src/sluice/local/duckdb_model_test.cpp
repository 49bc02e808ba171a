#include "sluice/local/duckdb_model.hpp"

#include <gtest/gtest.h>

#include "sluice/models/tests_sql.hpp"

namespace sluice::local {
namespace {

class duckdb_model : public testing::Test {
 protected:
  void SetUp() override {
    auto file = DuckFile::open({.file = ":memory:"});
    ASSERT_TRUE(file) << file.error().text();
    auto opened = DuckConnection::open(*file);
    ASSERT_TRUE(opened);
    connection_.emplace(std::move(*opened));
  }
  void run(const std::string& sql) {
    const auto done = connection_->run(sql, "test", Wording::with_message);
    ASSERT_TRUE(done) << done.error().text();
  }
  std::string rows(const std::string& sql) {
    auto found = connection_->ask("select columns(*)::varchar from (" + sql + ")", {}, "test");
    if (!found) return found.error().text();
    std::string out;
    while (found->next()) {
      for (idx_t i = 0; i < found->columns(); ++i)
        out += (i == 0 ? (out.empty() ? "" : "\n") : " ") + (found->is_null(i) ? "NULL" : found->text(i));
    }
    return out;
  }
  // "2 rows", "failed: unique x 1", or the error.
  std::string build(const Model& model) {
    const auto built = build_model(*connection_, model);
    if (!built) return built.error().text();
    if (built->failed.empty()) return std::to_string(built->rows) + " rows";
    std::string out = "failed:";
    for (const auto& failed : built->failed) out += " " + failed.test + " " + std::to_string(failed.rows);
    return out;
  }
  static Model model(const std::string& sql, Materialize materialize = Materialize::table,
                     std::vector<std::string> key = {}) {
    Model made;
    made.name = "m";
    made.table = {"mart", "m"};
    made.materialize = materialize;
    made.key = std::move(key);
    made.sql = sql;
    made.place = {"m.sql", 1, 1};
    made.tests =
        models::key_tests(made.table, materialize == Materialize::incremental ? std::vector<std::string>{} : made.key);
    return made;
  }

  std::optional<DuckConnection> connection_;
};

TEST_F(duckdb_model, makes_the_table_with_what_is_declared) {
  Model made = model("select 1 as id, 2::bigint as n, 'x' as name", Materialize::table, {"id"});
  made.columns = {{"n", Type{Kind::int32}, true}, {"name", std::nullopt, false}};
  EXPECT_EQ(build(made), "1 rows");
  EXPECT_EQ(rows("select column_name, data_type, is_nullable from information_schema.columns where table_name = 'm'"),
            "id INTEGER NO\nn INTEGER NO\nname VARCHAR YES");
  EXPECT_EQ(build(made), "1 rows");  // delete and insert of one key in one transaction
  EXPECT_EQ(rows("select * from mart.m"), "1 2 x");
}

TEST_F(duckdb_model, a_bare_null_goes_into_a_column_of_any_type) {
  for (const Materialize materialize : {Materialize::table, Materialize::upsert, Materialize::incremental}) {
    Model made = model("select 1 as id, null as note, null as day, null as free", materialize, {"id"});
    made.columns = {{"note", Type{Kind::text}, false}, {"day", Type{Kind::date}, false}};
    EXPECT_EQ(build(made), "1 rows");
    EXPECT_EQ(rows("select data_type from information_schema.columns where table_name = 'm' order by ordinal_position"),
              "INTEGER\nVARCHAR\nDATE\nINTEGER");
    made.sql = "select 1 as id, 'x' as note, date '2024-05-06' as day, 7 as free";
    EXPECT_EQ(build(made), "1 rows");
    made.sql = "select 1 as id, null as note, null as day, 8 as free";
    EXPECT_EQ(build(made), "1 rows");
    EXPECT_EQ(rows("select * from mart.m"), "1 NULL NULL 8");
    made.sql = "select null as id, 'x' as note, null as day, 8 as free";
    EXPECT_NE(build(made), "1 rows");
    run("drop table mart.m");
  }
}

TEST_F(duckdb_model, a_failed_test_leaves_the_last_good_rows) {
  EXPECT_EQ(build(model("select 1 as id", Materialize::table, {})), "1 rows");
  Model bad = model("select unnest([2, 2, 3]) as id");
  bad.tests = models::column_tests(bad.table, {.column = "id", .unique = true, .max = "2"});
  bad.tests.push_back({"none is two", "select * from m where id = 2 -- at fault"});
  EXPECT_EQ(build(bad), "failed: unique id 1 range id 1 none is two 2");
  EXPECT_EQ(rows("select * from mart.m"), "1");
  bad.tests.back().sql = "select * from nowhere";
  EXPECT_NE(build(bad).find("test none is two: DuckDB says no such name: Catalog Error: Table with name nowhere"),
            std::string::npos);
  EXPECT_EQ(rows("select * from mart.m"), "1");
}

TEST_F(duckdb_model, a_test_that_cannot_be_computed_tells_where_it_is_declared) {
  Model bad = model("select 7 as k");
  bad.tests = models::column_tests(bad.table, {.column = "k", .min = "b"});
  bad.tests[0].place = {"m.yaml", 3, 5};
  EXPECT_EQ(build(bad),
            "m.sql: test range k (m.yaml:3:5): malformed_value: the value is not of the type of the table's column");
}

TEST_F(duckdb_model, a_first_build_that_fails_leaves_nothing) {
  Model bad = model("select null::int as id");
  bad.columns = {{"id", Type{Kind::int32}, true}};
  EXPECT_EQ(build(bad),
            "m.sql: change table mart.m: null_not_allowed in column \"id\": the table's column takes no NULL");
  EXPECT_EQ(rows("select count(*) from information_schema.schemata where schema_name = 'mart'"), "0");
}

TEST_F(duckdb_model, upsert_changes_the_row_of_a_key_and_keeps_the_others) {
  EXPECT_EQ(build(model("select 1 as day, 10 as n, null as s", Materialize::upsert, {"day"})), "1 rows");
  EXPECT_EQ(build(model("select 2 as day, 20 as n, 7 as s", Materialize::upsert, {"day"})), "1 rows");
  EXPECT_EQ(build(model("select 2 as day, 21 as n, null as s", Materialize::upsert, {"day"})), "1 rows");
  EXPECT_EQ(rows("select * from mart.m order by day"), "1 10 NULL\n2 21 NULL");
}

TEST_F(duckdb_model, upsert_refuses_a_key_that_is_given_twice) {
  const auto upsert = [](const std::string& sql) { return model(sql, Materialize::upsert, {"day", "shop"}); };
  const std::string twice =
      "m.sql: the SELECT gives more than one row of a key (day, shop): 1 key; choose or add up the rows of a key, or "
      "say `materialize: incremental`, which keeps all of them";
  EXPECT_EQ(build(upsert("select unnest([4711, 4711]) as day, 'a' as shop, unnest([1, 2]) as n")), twice);
  EXPECT_EQ(build(upsert("select 4711 as day, 'a' as shop, 0 as n")), "1 rows");
  EXPECT_EQ(build(upsert("select unnest([4711, 4711]) as day, 'a' as shop, unnest([1, 2]) as n")), twice);
  EXPECT_EQ(rows("select * from mart.m"), "4711 a 0");
}

TEST_F(duckdb_model, a_key_without_a_value_is_refused) {
  run("create schema mart; create table mart.m (day int, shop varchar, n int)");
  for (const Materialize materialize : {Materialize::upsert, Materialize::incremental}) {
    const Model made = model("select unnest([1, 1, null]) as day, unnest(['a', null, 'a']) as shop, 3 as n",
                             materialize, {"day", "shop"});
    EXPECT_EQ(
        build(made),
        "m.sql: the SELECT gives no value in the key (day, shop): 2 rows; leave such rows out, or give them a value");
  }
  EXPECT_EQ(rows("select count(*) from mart.m"), "0");
}

TEST_F(duckdb_model, incremental_replaces_all_rows_of_its_keys) {
  const auto day = [](const std::string& sql) { return model(sql, Materialize::incremental, {"day"}); };
  EXPECT_EQ(build(day("select 1 as day, unnest([1, 2]) as n")), "2 rows");
  EXPECT_EQ(build(day("select 2 as day, unnest([3, 4]) as n")), "2 rows");
  EXPECT_EQ(build(day("select 2 as day, 5 as n")), "1 rows");
  EXPECT_EQ(rows("select * from mart.m order by day, n"), "1 1\n1 2\n2 5");
}

TEST_F(duckdb_model, a_view_is_replaced_and_looks_at_home_first) {
  run("create schema mart; create table mart.t as select 1 as x; create table t as select 2 as x");
  EXPECT_EQ(build(model("select x from t", Materialize::view)), "0 rows");
  EXPECT_EQ(rows("select * from mart.m"), "1");
  EXPECT_EQ(build(model("select x, 5 as y from t", Materialize::view)), "0 rows");
  EXPECT_EQ(rows("select * from mart.m"), "1 5");
  EXPECT_NE(build(model("select 1 as x")).find("mart.m is a view, but the model is kept as a table"),
            std::string::npos);
}

TEST_F(duckdb_model, a_table_of_another_shape_is_not_altered) {
  run("create schema mart; create table mart.m (id bigint, needed int not null)");
  Model made = model("select 1 as id, 2 as more");
  made.columns = {{"id", Type{Kind::int32}, false}};
  EXPECT_EQ(build(made),
            "m.sql: table mart.m: column \"id\" is BIGINT, but declared int; it has no column \"more\", which the "
            "SELECT gives; column \"needed\" has no default, and the SELECT does not give it; a table that is there is "
            "never altered: change it or the model, or drop it to have it made again");
  made.columns = {{"identity", std::nullopt, false}};
  EXPECT_EQ(build(made), "m.sql: the SELECT gives no column 'identity', which is declared; known are id, more");
}

TEST_F(duckdb_model, a_column_that_the_select_gives_no_more_is_an_error_but_for_one_with_a_default) {
  run("create schema mart; create table mart.m (id int, n int, doubled int generated always as (n * 2), made int "
      "default "
      "7); insert into mart.m (id, n) values (1, 10)");
  for (const Materialize materialize : {Materialize::table, Materialize::upsert}) {
    EXPECT_EQ(
        build(model("select 1 as id", materialize, {"id"})),
        "m.sql: table mart.m: column \"n\" has no default, and the SELECT does not give it; a table that is there "
        "is never altered: change it or the model, or drop it to have it made again");
    EXPECT_EQ(rows("select * from mart.m"), "1 10 20 7");
    EXPECT_EQ(build(model("select 1 as id, 10 as n", materialize, {"id"})), "1 rows");
    EXPECT_EQ(rows("select * from mart.m"), "1 10 20 7");
  }
}

TEST_F(duckdb_model, a_type_that_would_lose_something_is_an_error) {
  Model made = model("select 1.6 as n, timestamp '2022-09-05 12:00' as d");
  made.columns = {{"n", Type{Kind::int32}, false}, {"d", Type{Kind::date}, false}};
  EXPECT_EQ(
      build(made),
      "m.sql: column \"n\" is declared int, but the SELECT gives DECIMAL(2,1); column \"d\" is declared date, but "
      "the SELECT gives TIMESTAMP; cast it in the SELECT");
  run("create schema mart; create table mart.m (n int, t varchar)");
  EXPECT_EQ(build(model("select 1.6 as n, 3 as t")),
            "m.sql: table mart.m: column \"n\" is INTEGER, but the SELECT gives DECIMAL(2,1); column \"t\" is VARCHAR, "
            "but the SELECT gives INTEGER; cast it in the SELECT; a table that is there is never altered: change it or "
            "the model, or drop it to have it made again");
  // What the database checks itself.
  EXPECT_EQ(build(model("select sum(range) as n, 'x' as t from range(4)")), "1 rows");
  EXPECT_EQ(rows("select * from mart.m"), "6 x");
  EXPECT_NE(build(model("select 3000000000 as n, 'x' as t")).find("m.sql: change table mart.m: out_of_range"),
            std::string::npos)
      << build(model("select 3000000000 as n, 'x' as t"));
}

TEST_F(duckdb_model, a_views_columns_have_the_types_that_are_declared) {
  Model view = model("select 1 as n, 2.5 as x", Materialize::view);
  view.columns = {{"n", Type{Kind::int32}, false}, {"x", Type{Kind::int32}, false}};
  EXPECT_EQ(build(view),
            "m.sql: column \"x\" is declared int, but the SELECT gives DECIMAL(2,1); cast it in the SELECT");
  EXPECT_EQ(rows("select count(*) from information_schema.tables where table_name = 'm'"), "0");
  view.sql = "select 1 as n, 2 as x";
  EXPECT_EQ(build(view), "0 rows");
}

TEST_F(duckdb_model, a_column_that_is_given_twice_is_named) {
  const std::string message = "m.sql: the SELECT gives column \"A\" twice; give one of the two another name (as ...)";
  EXPECT_EQ(build(model("select 1 as a, 1 as \"A\"")), message);
  EXPECT_EQ(build(model("select 1 as a, 1 as \"A\"", Materialize::view)), message);
  EXPECT_EQ(build(model("select 1 as a")), "1 rows");
  EXPECT_EQ(build(model("select 1 as a, 1 as \"A\"")), message);
}

TEST_F(duckdb_model, an_error_names_the_line_and_no_value) {
  EXPECT_NE(build(model("select 1\nfrom nowhere")).find("m.sql:2: DuckDB says no such name"), std::string::npos);
  EXPECT_TRUE(
      build(model("select 1 as n,\n  'secret'::int as x")).starts_with("m.sql:2: malformed_value in column \"x\"; "));
  ASSERT_EQ(build(model("select 'secret' as name")), "1 rows");
  Model other = model("select 1 as n, name::int as x from m", Materialize::table);
  other.table.table = "other";
  EXPECT_TRUE(build(other).starts_with("m.sql:1: malformed_value in column \"x\"; ")) << build(other);
}

}  // namespace
}  // namespace sluice::local
