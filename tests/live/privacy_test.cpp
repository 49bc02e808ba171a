// What exports of a PostgreSQL database let out: the whole binary against a real server, whose names for columns, order
// of columns and search path are not DuckDB's.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "support/postgres_server.hpp"

namespace sluice::live {
namespace {

namespace fs = std::filesystem;
using support::Ended;

constexpr const char* project = R"(name: bank
connections:
  bank: { postgres: "${DATABASE_URL}", personal: { user: [first_name, code], person: [first_name], frozen: [] } }
  out: { files: out }
keys: keys.json
models: { on: bank, schema: mart }
flows:
  report:
    from: { database: bank, query: q.sql }
    into: { objects: out, key: report.csv }
)";

class privacy : public testing::Test {
 protected:
  void SetUp() override {
    SLUICE_NEEDS_POSTGRES();
    server_ = support::PostgresServer::start();
    server_->sql(
        "create schema mart; create schema other; create schema parts;"
        "create table \"user\" (first_name text, id int, code text, city text);"
        "insert into \"user\" values ('Canary', 1, '48901010000', 'Tartu');"
        "create table loan (id int, total int); insert into loan values (1, 5);"
        "create table other.loan (id int, note text); create table other.remark (id int);"
        "create view people as select id, first_name from \"user\";"
        "create materialized view frozen as select id, city from \"user\";"
        "create materialized view stale as select id, city from \"user\";"
        "create function label(int) returns text language sql as 'select first_name from \"user\" where id = $1';"
        "create function to_base(int, int) returns text language sql as 'select first_name from \"user\" where id = "
        "$1';"
        "create table minor () inherits (\"user\"); insert into minor values ('Canary', 2, '51501010000', 'Narva');"
        "create table person (id int, first_name text) partition by list (id);"
        "create table person_1 partition of person for values in (1); insert into person values (1, 'Canary')");
    file("bank.yaml", project);
    fs::create_directory(folder_.path() / "models");
    file("q.sql", "select 1 as one");
    file("models/shouted.sql", "select id, upper(first_name) from \"user\"");
    ASSERT_EQ(run({"keys", "init", "keys.json"}).code, 0);
  }
  void file(const std::string& name, const std::string& text) const { std::ofstream(folder_.path() / name) << text; }
  Ended run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), SLUICE_BINARY);
    return support::run({arguments, {{"DATABASE_URL", server_->url()}}, folder_.path().string()});
  }
  Ended exported(const std::string& query) const {
    fs::remove_all(folder_.path() / "out");
    file("q.sql", query);
    Ended ended = run({"run", "bank.yaml", "--flow", "report"});
    EXPECT_EQ(ended.out.find("Canary"), std::string::npos);
    EXPECT_EQ(ended.err.find("Canary"), std::string::npos);
    return ended;
  }
  bool written() const { return fs::exists(folder_.path() / "out" / "report.csv"); }
  void expect_refused(const std::string& query, const std::string& words) const {
    const Ended ended = exported(query);
    EXPECT_EQ(ended.code, 2) << query << "\n" << ended.err;
    EXPECT_NE(ended.err.find(words), std::string::npos) << query << "\n" << ended.err;
    EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
    EXPECT_FALSE(written()) << query;
  }
  void expect_exported(const std::string& query) const {
    const Ended ended = exported(query);
    EXPECT_EQ(ended.code, 0) << query << "\n" << ended.err;
    EXPECT_TRUE(written()) << query;
  }

  std::unique_ptr<support::PostgresServer> server_;
  support::TempFolder folder_{"privacy"};
};

TEST_F(privacy, what_inherits_from_a_personal_table_and_its_partitions_are_personal) {
  expect_refused("select first_name from minor", "first_name");
  expect_exported("select id, city from minor");
  expect_refused("select p.first_name from person_1 p", "first_name");
  expect_exported("select id from person_1");
}

TEST_F(privacy, what_a_query_takes_from_a_personal_column_is_refused_with_its_path) {
  for (const char* query :
       {"select first_name from \"user\"", "select u.* from public.user u", "select lower(first_name) from \"user\"",
        "select id, (select min(x.code) from \"user\" x) as c from loan", "select u from \"user\" u",
        "with a as (select * from \"user\") select first_name || id as b from a",
        "select l.id, string_agg(u.first_name, ',') as s from loan l join \"user\" u using (id) group by 1",
        "select case when code like '4%' then 'f' else 'm' end as sex from \"user\""})
    expect_refused(query, "(pii: personal) without a mask");
  expect_refused("select first_name as x from \"user\"", "public.user.first_name");
  expect_exported("select id, city, count(*) as n, count(first_name) as named from \"user\" group by 1, 2");
}

TEST_F(privacy, what_cannot_be_followed_is_refused) {
  expect_refused("select id from people", "a view, not followed");
  expect_refused("select city from stale", "a view, not followed");
  expect_exported("select city from frozen");
  expect_refused("select label(id) as x from loan", "has a function 'label' of its own");
  expect_refused("select to_base(id, 2) as x from loan", "has a function 'to_base' of its own");  // DuckDB has one, too
  expect_exported("select to_hex(id) as x from loan");
  server_->sql("alter role postgres set search_path to public, other");
  expect_refused("select l.id from remark r, loan l, other.loan o", "table loan may be one of two schemas");
  expect_exported("select l.id from public.loan l left join other.loan o on o.id = l.id");
  expect_refused("select q.* from query_to_xml('select * from \"user\"', true, true, '') q",
                 "what cannot be proved clean is refused");
}

TEST_F(privacy, a_column_without_an_alias_keeps_its_tag_in_a_model) {
  const Ended built = run({"run", "bank.yaml", "--select", "shouted"});
  ASSERT_EQ(built.code, 0) << built.err;
  expect_refused("select upper from mart.shouted", "mart.shouted.upper (pii: personal)");
  expect_refused("select s.* from mart.shouted s", "mart.shouted.upper (pii: personal)");
  expect_exported("select id from mart.shouted");
}

TEST_F(privacy, the_order_of_a_star_behind_using_is_the_databases) {
  std::string text = project;
  text.replace(text.find("    into:"), 0, "    select: select id, first_name as x from input\n");
  file("bank.yaml", text);
  expect_refused("select * from \"user\" join loan using (id)", "public.user.first_name (pii: personal)");
  text.replace(text.find("first_name as x"), 10, "mask_siv(first_name, 'name')");
  file("bank.yaml", text);
  expect_exported("select * from \"user\" join loan using (id)");
}

TEST_F(privacy, names_that_postgresql_binds_otherwise_are_refused) {
  const std::string long_name(63, 'n');
  for (const std::string& query : {
           std::string("with q(k, n) as (select * from \"user\" join (select first_name, 1 as n from person) v using "
                       "(first_name)) select k from q"),
           std::string("select id as x, 1 as y, 2 as z from loan union all select * from (select id, 1 as n from "
                       "\"user\") u join loan "
                       "using (id)"),
           std::string("select o from \"user\", lateral (select 'a' as code, upper(code) as o) l"),
           std::string("select id, (select t from (select 'a' as code, code as t) x) as o from \"user\""),
           std::string("with \"User\" as (select 'x' as code) select code from \"user\""),
           std::string("select q.code from (select city as \"Code\", code from \"user\") q"),
           std::string(
               "with recursive a as (select id from loan), loan as (select code as id from \"user\") select id from a"),
           "select (select " + long_name + "a from (select u.code as " + long_name +
               "b) q) as o from (select city as " + long_name + "a, code from \"user\") u",
           std::string("select (select code from loan code limit 1) as o from \"user\""),
           std::string("select (select rowid from loan limit 1) as o from (select code as rowid from \"user\") q"),
           std::string("select array[u.*] as o from \"user\" u"),
           std::string("select (select upper from (select upper(code) from \"user\" limit 1) q) as o from (select 'x' "
                       "as upper) z"),
           std::string("select (select j.k from (\"user\" join person using (first_name)) as j(k) limit 1) as o from "
                       "(select 'x' as k) j"),
           std::string(
               "select (select code from loan anti join \"user\" on true limit 1) as o from (select 'x' as code) z"),
           std::string("select (select o from loan q(code, t), (select code as o from other.remark limit 1) l limit 1) "
                       "as o from \"user\""),
       })
    expect_refused(query, "where personal data goes cannot be followed");
  expect_exported("select * from (select id, city from \"user\") u join loan using (id)");
  expect_exported("SELECT U.ID, U.City AS Town FROM \"user\" U JOIN LOAN ON U.Id = Loan.ID ORDER BY TOWN");
  expect_exported(
      "select id, upper(city) as city, (select max(total) from loan l where l.id = u.id) as most from \"user\" u");
}

TEST_F(privacy, a_model_in_which_names_bind_otherwise_is_not_read) {
  file("models/joined.sql",
       "with q(k, n) as (select * from \"user\" join (select first_name, 1 as n from person) v using (first_name)) "
       "select k from q");
  const Ended built = run({"run", "bank.yaml", "--select", "joined"});
  ASSERT_EQ(built.code, 0) << built.err;
  expect_refused("select k, count(*) as n from mart.joined group by k", "name the columns in place of the `*`");
}

TEST_F(privacy, what_the_server_keeps_of_rows_and_queries_is_personal) {
  const std::string toast = server_->sql(
      "select t.oid::regclass::text from pg_class c join pg_class t on t.oid = c.reltoastrelid where c.relname = "
      "'user'");
  for (const std::string& query :
       {"select chunk_data from " + toast, std::string("select most_common_vals::text as v from pg_stats"),
        std::string("select stavalues1::text as v from pg_catalog.pg_statistic"),
        std::string("select query from pg_stat_activity"), std::string("select data from pg_largeobject"),
        std::string("select statement from pg_prepared_statements"),
        std::string("select column_default from information_schema.columns"),
        std::string("select relname from pg_class")})
    expect_refused(query, "the server's own");
}

}  // namespace
}  // namespace sluice::live
