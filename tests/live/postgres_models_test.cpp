// Models in PostgreSQL: what readers see, what stays when a test fails, and with which rights.
#include <libpq-fe.h>

#include <thread>

#include "postgres_batches.hpp"
#include "sluice/models/tests_sql.hpp"

namespace sluice::live {
namespace {

// A session that stays open between statements.
class Reader {
 public:
  explicit Reader(const std::string& url) : connection_(PQconnectdb(url.c_str())) {}
  ~Reader() { PQfinish(connection_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  std::string ask(const std::string& sql) {
    PGresult* result = PQexec(connection_, sql.c_str());
    std::string out = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : PQresultErrorMessage(result);
    PQclear(result);
    return out;
  }

 private:
  PGconn* connection_;
};

class PostgresModels : public PostgresTest {
 protected:
  static Model model(const std::string& query, Materialize materialize = Materialize::table,
                     std::vector<std::string> key = {}) {
    Model made;
    made.name = "m";
    made.table = {"mart", "m"};
    made.materialize = materialize;
    made.key = std::move(key);
    made.sql = query;
    made.place = {"m.sql", 1, 1};
    if (materialize != Materialize::incremental) made.tests = models::key_tests(made.table, made.key);
    return made;
  }
  static std::string build(Database& database, const Model& model) {
    const auto built = database.build_model(model);
    if (!built) return built.error().text();
    if (built->failed.empty()) return std::to_string(built->rows) + " rows";
    std::string out = "failed:";
    for (const auto& failed : built->failed) out += " " + failed.test + " " + std::to_string(failed.rows);
    return out;
  }
  std::string build(const Model& model) { return build(*open(), model); }
  std::string rows(const std::string& order = "1") { return sql("select m::text from mart.m order by " + order); }
};

TEST_F(PostgresModels, doctor_plans_the_select_as_the_build_would_and_makes_nothing) {
  const std::string user = database_ + "_reader";
  server().make_user(user);
  sql("create schema mart; create table mart.orders (id int, amount int); grant usage on schema mart to " + user);
  // A bare name is looked for in the model's own schema first.
  const Model wanted = model("select id,\n  amount from orders");
  auto checked = open(user)->check_model(wanted);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().fault, Fault::denied) << checked.error().text();
  sql("grant select on mart.orders to " + user);
  checked = open(user)->check_model(wanted);
  EXPECT_TRUE(checked) << checked.error().text();
  sql("alter table mart.orders rename column amount to total");
  checked = open(user)->check_model(wanted);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message.find("m.sql:2"), std::string::npos) << checked.error().text();
  EXPECT_EQ(sql("select count(*) from pg_class where relname = 'm'"), "0");
}

TEST_F(PostgresModels, a_statement_that_changes_rows_is_refused) {
  sql("create table src as select generate_series(1, 3) as id");
  for (const char* query : {"with x as (delete from src returning *) select * from x",
                            "with x as (insert into src values (4) returning *) select * from x",
                            "delete from src returning *", "select 1 as id; delete from src"}) {
    for (const Materialize materialize : {Materialize::table, Materialize::view}) {
      const Model changing = model(query, materialize);
      const auto built = open()->build_model(changing);
      ASSERT_FALSE(built) << query;
      EXPECT_EQ(built.error().fault, Fault::config);
      EXPECT_EQ(built.error().message, "m.sql: it must be one SELECT, which changes nothing") << query;
      const auto checked = open()->check_model(changing);
      ASSERT_FALSE(checked) << query;
      EXPECT_EQ(checked.error().message, built.error().message);
    }
  }
  Model tested = model("select 1 as id");
  tested.tests.push_back({"eats", "with x as (delete from src returning *) select * from x"});
  EXPECT_NE(build(tested).find("test eats: feature_not_supported (0A000); a test is one SELECT, which changes nothing"),
            std::string::npos)
      << build(tested);
  EXPECT_EQ(sql("select count(*) from src"), "3");
  EXPECT_EQ(build(model("select * from (values (1)) as v(id) -- two\norder by 1 for update of v")), "1 rows");
}

TEST_F(PostgresModels, names_that_a_function_gives_its_error_are_not_told) {
  sql("create function refuse(value text) returns text language plpgsql as $$begin raise exception 'no %', value using "
      "table = value, column = value, constraint = value; end$$");
  EXPECT_EQ(build(model("select refuse('canary-4711') as x")).find("canary"), std::string::npos);
  // Those of the server are.
  sql("create schema if not exists mart; create table mart.m (x text constraint short check (length(x) < 3))");
  EXPECT_NE(build(model("select 'longer' as x")).find("short"), std::string::npos);
}

TEST_F(PostgresModels, a_missing_table_is_made_with_what_is_declared) {
  Model made = model("select 1 as id, 2::bigint as n, 'x' as name", Materialize::table, {"id"});
  made.columns = {{"n", Type{Kind::int32}, true}, {"name", std::nullopt, false}};
  EXPECT_EQ(build(made), "1 rows");
  EXPECT_EQ(sql("select string_agg(column_name || ' ' || data_type || ' ' || is_nullable, ', ' order by "
                "ordinal_position) from information_schema.columns where table_name = 'm'"),
            "id integer NO, n integer NO, name text YES");
  EXPECT_EQ(sql("select count(*) from pg_constraint where conrelid = 'mart.m'::regclass and contype = 'p'"), "1");
  EXPECT_EQ(build(made), "1 rows");
  EXPECT_EQ(rows(), "(1,2,x)");
}

TEST_F(PostgresModels, readers_see_the_last_good_rows_until_all_tests_have_passed) {
  EXPECT_EQ(build(model("select 1 as id")), "1 rows");
  Reader holder(server().url(database_));
  holder.ask("select pg_advisory_lock(42)");
  Reader older(server().url(database_));
  older.ask("begin isolation level repeatable read");
  EXPECT_EQ(older.ask("select sum(id) from mart.m"), "1");

  Model next = model("select 2 as id");
  next.tests.push_back({"waits", "select 1 from mart.m where pg_advisory_lock(42)::text = 'held'"});
  std::string built;
  std::thread builder([&] { built = build(next); });
  const std::string waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
  for (int i = 0; i < 2000 && sql(waiting) == "0"; ++i) std::this_thread::yield();
  EXPECT_EQ(sql("select sum(id) from mart.m"), "1");
  holder.ask("select pg_advisory_unlock(42)");
  builder.join();
  EXPECT_EQ(built, "1 rows");
  EXPECT_EQ(sql("select sum(id) from mart.m"), "2");
  EXPECT_EQ(older.ask("select sum(id) from mart.m"), "1");
}

TEST_F(PostgresModels, a_failed_test_keeps_yesterdays_rows) {
  EXPECT_EQ(build(model("select 1 as id")), "1 rows");
  Model bad = model("select unnest(array[2, 2, 3]) as id");
  bad.tests = models::column_tests(bad.table, {.column = "id", .unique = true, .accepted = {"2"}, .max = "2.5"});
  bad.tests.push_back({"none is two", "select * from m where id = 2 -- at fault"});
  EXPECT_EQ(build(bad), "failed: unique id 1 accepted id 1 range id 1 none is two 2");
  EXPECT_EQ(rows(), "(1)");
  bad.tests.back().sql = "select 1 from m where 1 / (id - 2) = 9";
  const auto failed = open()->build_model(bad);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().fault, Fault::data);
  EXPECT_NE(failed.error().text().find("test none is two: division_by_zero (22012)"), std::string::npos);
  EXPECT_EQ(rows(), "(1)");
}

TEST_F(PostgresModels, a_tests_constant_of_another_type_is_the_projects_fault) {
  Model bad = model("select 7 as k");
  bad.tests = models::column_tests(bad.table, {.column = "k", .min = "b"});
  bad.tests[0].place = {"m.yaml", 3, 5};
  const auto built = open()->build_model(bad);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().fault, Fault::config);
  EXPECT_NE(built.error().message.find("m.sql: test range k (m.yaml:3:5): invalid_text_representation"),
            std::string::npos)
      << built.error().text();
}

TEST_F(PostgresModels, a_null_or_a_broken_relationship_is_the_datas_fault) {
  sql("create table parents (id int)");
  Model bad = model("select null::int as id, 7 as parent");
  bad.tests = models::column_tests(bad.table, {.column = "parent", .related = models::Related{{"", "parents"}, "id"}});
  EXPECT_EQ(build(bad), "failed: relationships parent 1");
  bad.columns = {{"id", std::nullopt, true}};
  const auto failed = open()->build_model(bad);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().fault, Fault::data);
  EXPECT_NE(failed.error().text().find("not_null_violation (23502), table \"m\", column \"id\""), std::string::npos);
  EXPECT_EQ(sql("select count(*) from pg_namespace where nspname = 'mart'"), "0");
}

TEST_F(PostgresModels, the_table_keeps_its_views_grants_indexes_and_comments) {
  EXPECT_EQ(build(model("select 1 as id", Materialize::table, {"id"})), "1 rows");
  sql("create role reader_of_m; grant select on mart.m to reader_of_m; create view mart.v as select id + 1 as x from "
      "mart.m; create index own on mart.m (id); comment on table mart.m is 'ours'");
  EXPECT_EQ(build(model("select 5 as id", Materialize::table, {"id"})), "1 rows");
  EXPECT_EQ(sql("select x from mart.v"), "6");
  EXPECT_EQ(
      sql("select has_table_privilege('reader_of_m', 'mart.m', 'select'), count(*) from pg_indexes where indexname "
          "= 'own'"),
      "t");
  EXPECT_EQ(sql("select obj_description('mart.m'::regclass)"), "ours");
  sql("revoke all on mart.m from reader_of_m; drop role reader_of_m");
}

TEST_F(PostgresModels, running_again_on_the_same_day_replaces_the_days_row) {
  const auto day = [](const std::string& query) { return model(query, Materialize::upsert, {"day"}); };
  EXPECT_EQ(build(day("select date '2022-09-05' as day, 10 as n, null::text as s")), "1 rows");
  const std::string before = sql("select xmin from mart.m");
  EXPECT_EQ(build(day("select date '2022-09-05' as day, 10 as n, null::text as s")), "1 rows");
  EXPECT_EQ(sql("select xmin from mart.m"), before);  // nothing changed: not even written
  EXPECT_EQ(build(day("select date '2022-09-05' as day, 11 as n, 'x' as s")), "1 rows");
  EXPECT_EQ(rows(), "(2022-09-05,11,x)");
  EXPECT_EQ(build(day("select date '2022-09-06' as day, 12 as n, 'y' as s")), "1 rows");
  EXPECT_EQ(rows(), "(2022-09-05,11,x)\n(2022-09-06,12,y)");
  // Of two rows of one key one would be lost: the day is in the table, or is not.
  for (const std::string given : {"2022-09-06", "2022-09-07"}) {
    const auto refused =
        open()->build_model(day("select date '" + given + "' as day, unnest(array[1, 2]) as n, 'y' as s"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::data);
    EXPECT_EQ(refused.error().message, "m.sql: the SELECT gives more than one row of a key (day): 1 key");
  }
  EXPECT_EQ(rows(), "(2022-09-05,11,x)\n(2022-09-06,12,y)");
}

TEST_F(PostgresModels, an_upsert_compares_what_has_no_equality_by_its_text) {
  const std::string first =
      "select 1 as id, json '{\"a\": 1}' as j, xml '<a/>' as x, point '(1,2)' as p, box '(0,0),(1,4)' as b, array[json "
      "'1'] as l, json '{\"b\":  1}' as d, null::point as n, interval '1 month' as i, timestamp(3) '2024-05-06' as t";
  Model made = model(first, Materialize::upsert, {"id"});
  made.columns = {{"d", Type{Kind::json}, false}};  // becomes jsonb
  EXPECT_EQ(build(made), "1 rows");
  const std::string before = sql("select xmin from mart.m");
  EXPECT_EQ(build(made), "1 rows");
  EXPECT_EQ(sql("select xmin from mart.m"), before);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{{"{\"a\": 1}", "{\"a\": 2}"},
                                                                                 {"<a/>", "<b/>"},
                                                                                 {"(1,2)", "(1,3)"},
                                                                                 {"(1,4)", "(2,2)"},
                                                                                 {"'1']", "'2']"},
                                                                                 {"1 month", "30 days"},
                                                                                 {"{\"b\":  1}", "{\"b\":  2}"},
                                                                                 {"null::point", "point '(0,0)'"}}) {
    made.sql.replace(made.sql.find(from), from.size(), to);
    const std::string old = sql("select xmin from mart.m");
    EXPECT_EQ(build(made), "1 rows") << to;
    EXPECT_NE(sql("select xmin from mart.m"), old) << to;
  }
  EXPECT_EQ(sql("select d::text || ' ' || p::text || ' ' || i::text from mart.m"), "{\"b\": 2} (1,3) 30 days");
}

TEST_F(PostgresModels, a_key_without_a_value_is_refused) {
  sql("create schema mart; create table mart.m (day int, n int)");
  for (const Materialize materialize : {Materialize::upsert, Materialize::incremental}) {
    const auto refused = open()->build_model(model("select null::int as day, 1 as n", materialize, {"day"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::data);
    EXPECT_EQ(refused.error().message, "m.sql: the SELECT gives no value in the key (day): 1 row");
  }
  EXPECT_EQ(sql("select count(*) from mart.m"), "0");
}

TEST_F(PostgresModels, a_column_that_the_select_gives_no_more_is_an_error_but_for_one_that_fills_itself) {
  sql("create schema mart; create domain sevens as int default 7; create table mart.m (id int, n int, doubled int "
      "generated always as (n * 2) stored, made int default 5, number int generated always as identity, seven sevens); "
      "insert into mart.m (id, n) values (1, 10)");
  for (const Materialize materialize : {Materialize::upsert, Materialize::table, Materialize::incremental}) {
    const auto refused = open()->build_model(model("select 1 as id", materialize, {"id"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::conflict);
    EXPECT_EQ(refused.error().message,
              "m.sql: table mart.m: column \"n\" has no default, and the SELECT does not give it");
    EXPECT_EQ(sql("select n from mart.m"), "10");
    EXPECT_EQ(build(model("select 1 as id, 10 as n", materialize, {"id"})), "1 rows");
    EXPECT_EQ(sql("select id || ' ' || n || ' ' || doubled || ' ' || made || ' ' || seven from mart.m"), "1 10 20 5 7");
  }
}

TEST_F(PostgresModels, a_type_that_would_lose_something_is_an_error) {
  Model made = model("select 1.6 as n, timestamptz '2022-09-05 12:00+00' as d, 3 as t");
  made.columns = {{"n", Type{Kind::int32}, false}, {"d", Type{Kind::date}, false}, {"t", Type{Kind::text}, false}};
  const std::string start = "m.sql: ";
  EXPECT_EQ(build(made),
            start +
                "column \"n\" is declared int, but the SELECT gives numeric; column \"d\" is declared date, "
                "but the SELECT gives timestamp with time zone; column \"t\" is declared text, but the "
                "SELECT gives integer; cast it in the SELECT");
  sql("create schema mart; create domain positive as int check (value > 0); create table mart.m (n positive, c "
      "varchar(3), f float8)");
  EXPECT_EQ(build(model("select 1.6 as n, 'x' as c, 0.5 as f")),
            "m.sql: table mart.m: column \"n\" is positive, but the SELECT gives numeric; column \"f\" is double "
            "precision, but the SELECT gives numeric; cast it in the SELECT; a table that is there is never altered: "
            "change it or the model, or drop it to have it made again");
  // What the database checks itself.
  EXPECT_EQ(build(model("select count(*) as n, 'abc' as c, 0.5::float4 as f")), "1 rows");
  EXPECT_EQ(rows(), "(1,abc,0.5)");
  for (const std::string wrong : {"3000000000 as n, 'x' as c", "-1 as n, 'x' as c", "1 as n, 'abcd' as c"}) {
    const auto refused = open()->build_model(model("select 1::float8 as f, " + wrong));
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().fault, Fault::data) << refused.error().text();
  }
  EXPECT_EQ(rows(), "(1,abc,0.5)");
}

TEST_F(PostgresModels, what_is_computed_from_a_character_column_goes_into_texts) {
  sql("create schema mart; create table raw (c char(3)); insert into raw values ('ab'), (null)");
  const std::string query = "select max(c) as c, coalesce(max(c), 'XXX') as t from raw";
  Model declared = model(query);
  declared.columns = {{"t", Type{Kind::text}, false}};
  sql("create table mart.m (c character(3), t text)");
  EXPECT_EQ(build(declared), "1 rows");
  EXPECT_EQ(rows(), "(\"ab \",ab)");
  sql("drop table mart.m");
  declared.materialize = Materialize::view;
  EXPECT_EQ(build(declared), "0 rows");
}

TEST_F(PostgresModels, a_views_columns_have_the_types_that_are_declared) {
  Model view = model("select 1 as n, 2.5 as x", Materialize::view);
  view.columns = {{"n", Type{Kind::int32}, false}, {"x", Type{Kind::int32}, false}};
  EXPECT_EQ(build(view), "m.sql: column \"x\" is declared int, but the SELECT gives numeric; cast it in the SELECT");
  EXPECT_EQ(sql("select count(*) from pg_class where relname = 'm'"), "0");
  view.sql = "select 1 as n, 2 as x";
  EXPECT_EQ(build(view), "0 rows");
}

TEST_F(PostgresModels, incremental_replaces_all_rows_of_its_keys) {
  const auto day = [](const std::string& query) { return model(query, Materialize::incremental, {"day"}); };
  EXPECT_EQ(build(day("select 1 as day, unnest(array[1, 2]) as n")), "2 rows");
  EXPECT_EQ(build(day("select 2 as day, unnest(array[3, 4]) as n")), "2 rows");
  EXPECT_EQ(build(day("select 2 as day, 5 as n")), "1 rows");
  EXPECT_EQ(rows("day, n"), "(1,1)\n(1,2)\n(2,5)");
}

TEST_F(PostgresModels, two_builds_of_one_table_at_once_end_as_one) {
  std::vector<std::thread> threads;
  std::vector<std::string> built(6);
  for (std::string& one : built) {
    threads.emplace_back([&] { one = build(model("select 1 as day, 2 as n", Materialize::upsert, {"day"})); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& one : built) EXPECT_EQ(one, "1 rows");
  EXPECT_EQ(rows(), "(1,2)");
}

TEST_F(PostgresModels, a_role_that_may_make_no_schema_works_in_one_that_is_there) {
  server().make_user("modeller");
  sql("revoke create on schema public from public; create schema mart; grant usage, create on schema mart to modeller; "
      "create table raw (x int); insert into raw values (4); grant select on raw to modeller");
  const auto database = open("modeller");
  EXPECT_EQ(build(*database, model("select x from raw")), "1 rows");
  EXPECT_EQ(build(*database, model("select x from raw")), "1 rows");
  EXPECT_EQ(rows(), "(4)");
  Model elsewhere = model("select 1 as x");
  elsewhere.table.schema = "new_schema";
  const auto refused = database->build_model(elsewhere);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::denied);
  EXPECT_NE(refused.error().hint.find("CREATE SCHEMA \"new_schema\" AUTHORIZATION \"modeller\""), std::string::npos);
  sql("drop owned by modeller");
}

TEST_F(PostgresModels, a_role_that_may_make_no_temporary_table_is_told_so_by_doctor_and_run) {
  const std::string user = database_ + "_modeller";
  server().make_user(user);
  sql("create schema mart; grant usage, create on schema mart to " + user + "; revoke temporary on database " +
      database_ + " from public");
  const auto database = open(user);
  const std::string grant = "GRANT TEMPORARY ON DATABASE \"" + database_ + "\" TO \"" + user + "\"";
  const auto refused = database->build_model(model("select 1 as x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::denied);
  EXPECT_EQ(refused.error().hint, grant) << refused.error().text();
  EXPECT_EQ(build(*database, model("select 1 as x", Materialize::view)), "0 rows");
  const auto bad = [&](Materialize materialize) {
    std::string hints;
    for (const Finding& finding : database->probe({.models = {{{"mart", "m"}, materialize}}}))
      hints += finding.level == Finding::Level::bad ? finding.hint : "";
    return hints;
  };
  EXPECT_EQ(bad(Materialize::view), "");
  sql("drop view mart.m");
  EXPECT_EQ(bad(Materialize::table), grant);
  sql("grant temporary on database " + database_ + " to " + user);
  EXPECT_EQ(bad(Materialize::table), "");
  EXPECT_EQ(build(*database, model("select 1 as x")), "1 rows");
}

TEST_F(PostgresModels, a_view_is_replaced_and_looks_at_home_first) {
  sql("create schema mart; create table mart.t as select 1 as x; create table t as select 2 as x");
  EXPECT_EQ(build(model("select x from t", Materialize::view)), "0 rows");
  EXPECT_EQ(rows(), "(1)");
  EXPECT_NE(build(model("select x::text from t", Materialize::view)).find("DROP VIEW \"mart\".\"m\""),
            std::string::npos);
  EXPECT_NE(build(model("select 1 as x")).find("mart.m is a view, but the model is kept as a table"),
            std::string::npos);
}

TEST_F(PostgresModels, an_error_names_file_and_line_and_no_value) {
  EXPECT_NE(build(model("select 1,\n  2\nfrom nowhere")).find("m.sql:3: undefined_table (42P01)"), std::string::npos);
  EXPECT_NE(build(model("select 1\nfrm t")).find("m.sql:2: syntax_error (42601)"), std::string::npos);
  EXPECT_NE(
      build(model("select 'äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü' as n,\n1 as a,\n2 as b,\n\nnothing")).find("m.sql:5"),
      std::string::npos);
  Model view = model("select 'x' as n,\n1 as a,\n\nnothing", Materialize::view);
  view.table.table = "Übergrößenträgerübersicht";
  EXPECT_NE(build(view).find("m.sql:4"), std::string::npos);
  const std::string cast = build(model("select secret::int from (values ('canary')) as v (secret)"));
  EXPECT_NE(cast.find("m.sql: invalid_text_representation (22P02)"), std::string::npos) << cast;
  EXPECT_EQ(cast.find("canary"), std::string::npos);
}

TEST_F(PostgresModels, rows_that_another_table_refers_to_are_told_also_where_its_key_is_deferred) {
  sql("create schema mart; create table mart.m (id int primary key); insert into mart.m values (1); create table items "
      "(m int constraint of_m references mart.m deferrable initially deferred); insert into items values (1)");
  const auto built = open()->build_model(model("select 2 as id"));
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().fault, Fault::conflict);
  EXPECT_NE(built.error().message.find("rows of it are referred to by table public.items, by its foreign key of_m"),
            std::string::npos)
      << built.error().text();
  EXPECT_EQ(rows(), "(1)");
}

TEST_F(PostgresModels, who_refers_to_whom_is_told_by_more_than_the_tables_name) {
  sql("create schema mart; create schema other; create table mart.m (id int primary key); insert into mart.m values "
      "(1); create table other.m (m int references mart.m); insert into other.m values (1)");
  EXPECT_NE(build(model("select 2 as id")).find("referred to by table other.m, by its foreign key"), std::string::npos)
      << build(model("select 2 as id"));
  // A row of a partition that refers to nothing, while another table refers to the whole.
  sql("drop table other.m, mart.m; create table people (id int primary key); insert into people values (1); "
      "create table mart.m (id int primary key, who int references people) partition by list (id); "
      "create table mart.m2 partition of mart.m default; create table other.m (m int references mart.m)");
  const auto built = open()->build_model(model("select 2 as id, 7 as who"));
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().fault, Fault::data);
  EXPECT_NE(built.error().message.find("foreign_key_violation (23503), table \"m2\""), std::string::npos)
      << built.error().text();
}

TEST_F(PostgresModels, a_second_statement_never_runs) {
  sql("create table x ()");
  EXPECT_EQ(build(model("select ''; drop table x; --'")), "m.sql: it must be one SELECT, which changes nothing");
  EXPECT_EQ(sql("select count(*) from x"), "0");
}

}  // namespace
}  // namespace sluice::live
