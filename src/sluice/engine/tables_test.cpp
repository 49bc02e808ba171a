#include "sluice/engine/tables.hpp"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

std::string tables(const std::string& sql) {
  const auto found = tables_of(sql, {"m.sql", 1, 1});
  if (!found) return found.error().text();
  std::string out;
  for (const TableName& name : *found) out += (out.empty() ? "" : " ") + name.text();
  return out;
}

TEST(tables_of, finds_them_wherever_a_query_stands) {
  EXPECT_EQ(tables("select * from a.orders o join reviews r using (id), lateral (select 1 from b) x"),
            "a.orders reviews b");
  EXPECT_EQ(tables("select (select max(x) from m), exists (select 1 from e) from t where x in (select y from i) "
                   "group by g having count(*) > (select 1 from h) order by (select 1 from o) limit (select 1 from l)"),
            "m e t i h o l");
  EXPECT_EQ(tables("(select 1 from a union all select 2 from b) except select 3 from \"Weird name\""),
            "a b Weird name");
  EXPECT_EQ(
      tables("select case when x then (select 1 from c) end, sum(v) over (partition by (select 1 from w)) from f"),
      "c w f");
  EXPECT_EQ(tables("select * from generate_series(1, (select n from counts)) g, (values (1)) v"), "counts");
  EXPECT_EQ(tables("select 1"), "");
}

TEST(tables_of, names_of_with_are_no_tables) {
  EXPECT_EQ(tables("with a as (select * from orders), b as (select * from a) select * from B join c.a on true"),
            "orders c.a");
  EXPECT_EQ(tables("with orders as (select * from orders) select * from orders"), "orders");
  EXPECT_EQ(tables("with recursive r as (select 1 as n union all select n + 1 from r join t on true) select * from r"),
            "t");
  EXPECT_EQ(tables("select * from (with x as (select 1) select * from x) y, x"), "x");
  EXPECT_EQ(tables("with a as materialized (select 1 from t) select (select 1 from a)"), "t");
}

TEST(tables_of, names_one_table_once) { EXPECT_EQ(tables("select * from s.T a, S.t b, \"t\" c"), "s.T t"); }

TEST(tables_of, refuses_what_is_not_one_select) {
  EXPECT_EQ(tables("select 1; drop table x"), "m.sql:1:1: it must be one SELECT, but here are several statements");
  EXPECT_EQ(tables("drop table x"), "m.sql:1:1: it must be one SELECT, but here are other statements");
  EXPECT_EQ(tables("-- nothing"), "m.sql:1:1: it must be one SELECT, but here are none");
  EXPECT_EQ(tables("select 1\nfrom t\nwhre x"), "m.sql:3:1: select: syntax error at or near \"x\"");
}

}  // namespace
}  // namespace sluice::engine
