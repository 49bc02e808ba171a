// What PostgreSQL refuses of a load, a model or an export: one line with the place, the names and what to do, the code
// that fits, and never a value.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "load_flow.hpp"

namespace sluice::faults {
namespace {

namespace fs = std::filesystem;
using support::Ended;

void says(const Ended& ended, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(ended.code, code) << ended.err;
  for (const std::string& part : parts)
    EXPECT_NE(ended.err.find(part), std::string::npos) << "no \"" << part << "\" in: " << ended.err;
  EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
  for (const char* never : {"25P02", "secret-value", "DETAIL", "Key ("})
    EXPECT_EQ(ended.err.find(never), std::string::npos) << ended.err;
}

// Loads -----------------------------------------------------------------------------------------------------------

TEST(refused_load, a_table_that_another_one_refers_to_cannot_be_replaced) {
  SLUICE_NEEDS_POSTGRES();
  for (const char* when : {"", " deferrable initially deferred", " on delete restrict"}) {
    SCOPED_TRACE(when);
    LoadOptions options;
    options.mode = "replace";
    LoadFlow flow(options);
    flow.store().put("in/a.csv", orders_csv(1, 3, 5));
    ASSERT_EQ(flow.run().code, 0);
    flow.sql(
        "create schema shop; create table shop.items(id text, order_id "
        "int constraint items_order references orders" +
        std::string(when) + "); insert into shop.items values ('secret-value', 2)");
    flow.store().put("in/a.csv", orders_csv(1, 4, 6));
    says(flow.run(), 2,
         {"rows of table \"public.orders\" are referred to by table shop.items, by its foreign key items_order",
          "say `mode: merge` with a `key`", "or drop that foreign key"});
    EXPECT_EQ(flow.rows(), "1|c1|5;2|c2|5;3|c3|5");
    EXPECT_EQ(flow.ledger(), "1 0");
    // Rows that nobody refers to are replaced.
    flow.sql("delete from shop.items");
    EXPECT_EQ(flow.run().code, 0);
    EXPECT_EQ(flow.sql("select count(*) from orders"), "4");
  }
}

// Models and exports ----------------------------------------------------------------------------------------------

class Models {
 public:
  explicit Models(const std::string& materialize = "table") : materialize_(materialize) {
    static int number = 0;
    database_ = "refused" + std::to_string(++number);
    postgres().make_database(database_);
    if (postgres().sql("select count(*) from pg_roles where rolname = 'modeller'") == "0")
      postgres().make_user("modeller");
    sql("create schema mart authorization modeller; create schema raw; grant usage on schema raw to modeller; create "
        "table raw.t(id int, name text); insert into raw.t values (1, 'secret-value'), (2, '7'); grant select on raw.t "
        "to "
        "modeller");
  }

  std::string sql(const std::string& statements) const { return postgres().sql(statements, database_); }

  Ended build(const std::string& select) const {
    fs::create_directories(folder_.path() / "models");
    std::ofstream(folder_.path() / "models" / "m.sql") << select << "\n";
    std::ofstream(folder_.path() / "models" / "models.yaml") << "m: { materialize: " << materialize_ << " }\n";
    return run("models: { on: bank, schema: mart }\n");
  }
  Ended run(const std::string& rest) const {
    std::ofstream(folder_.path() / "p.yaml")
        << "name: p\nconnections:\n  bank: { postgres: \"${DATABASE_URL}\" }\n  lake: { files: lake }\n"
        << rest;
    return support::run({{SLUICE_BINARY, "run", "p.yaml"},
                         {{"DATABASE_URL", postgres().url(database_, "modeller")}},
                         folder_.path().string()});
  }
  std::string object(const std::string& name) const {
    std::ifstream in(folder_.path() / "lake" / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string materialize_;
  std::string database_;
  support::TempFolder folder_{"refused"};
};

TEST(refused_model, tells_its_file_and_what_to_do_with_a_value_that_it_cannot_compute) {
  SLUICE_NEEDS_POSTGRES();
  const Models models;
  says(models.build("select name::int as n from raw.t"), 4,
       {"models/m.sql: invalid_text_representation (22P02), column \"n\"", "none of the type that it is cast to",
        "in psql"});
  models.sql("update raw.t set name = '2024-02-31'");
  says(models.build("select name::date as n from raw.t"), 4,
       {"models/m.sql: datetime_field_overflow (22008)", "out of range", "in psql"});
  says(models.build("select id,\n  1 / (id - 1) as n from raw.t"), 4,
       {"models/m.sql: division_by_zero (22012)", "a row holds what the SELECT cannot compute"});
  says(models.build("select id, name, id + 1 as a, 1 / (id - 2) as b, id + 2 as c from raw.t order by id"), 4,
       {"models/m.sql: division_by_zero (22012), column \"b\"; "});
  says(models.build("select id from raw.t where 1 / (id - 2) > 0"), 4, {"models/m.sql: division_by_zero (22012); "});
  // Nothing but the text of the SQL is wrong.
  says(models.build("select id,\n  '2024-02-31'::date as n from raw.t"), 2,
       {"models/m.sql:2: datetime_field_overflow (22008)", "mend the constant"});
}

TEST(refused_model, tells_which_column_it_gives_twice) {
  SLUICE_NEEDS_POSTGRES();
  for (const char* kind : {"table", "view"}) {
    SCOPED_TRACE(kind);
    const Models models(kind);
    says(models.build("select a.*, b.name\nfrom raw.t a join raw.t b on a.id = b.id"), 2,
         {"models/m.sql: duplicate_column (42701): it gives column \"name\" twice", "another name (as ...)"});
  }
}

TEST(refused_model, tells_which_tables_may_not_be_read) {
  SLUICE_NEEDS_POSTGRES();
  const Models models;
  // What stands behind a view is read by the view's owner.
  models.sql(
      "create table raw.hidden(id int, x text); create table raw.\"Behind\"(id int); create view raw.v as select id "
      "from "
      "raw.\"Behind\"; grant select on raw.v to modeller");
  says(models.build("select h.x from raw.t t join raw.v v on v.id = t.id join raw.hidden h on h.id = t.id"), 3,
       {"models/m.sql: insufficient_privilege (42501): user \"modeller\" may not read raw.hidden;",
        "GRANT SELECT ON raw.hidden TO \"modeller\""});
  models.sql("create schema locked; create table locked.t(id int)");
  says(models.build("select id from locked.t"), 3, {"models/m.sql:1: insufficient_privilege (42501)", "GRANT"});
  models.sql(
      "create function raw.f() returns int language sql as 'select 1'; revoke execute on function raw.f() from public");
  says(models.build("select raw.f() as n from raw.t"), 3,
       {"models/m.sql: insufficient_privilege (42501)", "EXECUTE on functions"});
  // The right is missing at the model's own table.
  models.sql("create table mart.m(id int)");
  says(models.build("select id from raw.t"), 3,
       {"models/m.sql: ", "mart.m", "insufficient_privilege (42501)", "GRANT"});
}

TEST(refused_model, tells_which_table_refers_to_its_rows) {
  SLUICE_NEEDS_POSTGRES();
  const Models models;
  ASSERT_EQ(models.build("select id, 'x' as name from raw.t").code, 0);
  models.sql(
      "alter table mart.m add primary key (id); create table raw.items(id int constraint items_m references mart.m); "
      "insert into raw.items values (2)");
  says(models.build("select id, 'y' as name from raw.t"), 2,
       {"models/m.sql: change table mart.m: rows of it are referred to by table raw.items, by its foreign key items_m",
        "materialize: upsert", "drop that foreign key"});
  EXPECT_EQ(models.sql("select string_agg(name, '') from mart.m"), "xx");
}

TEST(refused_export, does_not_break_the_others_of_its_moment) {
  SLUICE_NEEDS_POSTGRES();
  const Models models;
  models.sql(
      "create table raw.big as select i as id from generate_series(1, 300000) i; grant select on raw.big to "
      "modeller; analyze raw.big");
  const Ended ended = models.run(R"(flows:
  a:
    from: { database: bank, sql: "select 1 / (id - 2) as n from raw.t order by id" }
    into: { objects: lake, key: a.csv }
  b:
    from: { database: bank, sql: "select id from raw.t order by id" }
    into: { objects: lake, key: b.csv }
  c:
    from: { table: bank.raw.big, readers: 2 }
    into: { objects: lake, key: c.csv }
)");
  says(ended, 4, {"error: a: ", "p.yaml:7:34: read rows: division_by_zero (22012), column \"n\"; "});
  EXPECT_EQ(models.object("a.csv"), "");
  EXPECT_EQ(models.object("b.csv"), "id\n1\n2\n");
  EXPECT_EQ(std::ranges::count(models.object("c.csv"), '\n'), 300001);
  EXPECT_NE(ended.out.find("read by 2 connections side by side"), std::string::npos) << ended.out;
}

}  // namespace
}  // namespace sluice::faults
