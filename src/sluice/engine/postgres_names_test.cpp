// Queries that PostgreSQL and DuckDB bind to other columns, and ordinary ones that they bind alike.
#include "sluice/engine/postgres_names.hpp"

#include <gtest/gtest.h>

#include "sluice/engine/duck.hpp"
#include "sluice/engine/lineage_fixture.hpp"

namespace sluice::engine {
namespace {

std::vector<Relation> tables() {
  std::vector<Relation> all = relations();
  for (Relation& relation : all) relation.schema = "public";
  all.push_back({"b", {{"x", {Kind::text}, ""}}, "public"});
  all.push_back({"Mixed", {{"Id", {Kind::int32}, ""}, {"fullName", {Kind::text}, ""}}, "public"});
  return all;
}

std::string refusal(const std::string& sql, const std::vector<Relation>& of) {
  const auto checked = check_names_of_postgres(sql, {"q.sql", 1, 1}, of);
  return checked ? "" : checked.error().text();
}
std::string refusal(const std::string& sql) {
  std::vector<Relation> of = tables();
  std::erase_if(of, [&](const Relation& one) {
    return one.name.size() > 1 &&
           !duckdb::StringUtil::Contains(duckdb::StringUtil::Lower(sql), duckdb::StringUtil::Lower(one.name));
  });
  return refusal(sql, of);
}

const std::string long_a(63, 'n');

TEST(PostgresNames, what_postgresql_binds_otherwise_is_refused) {
  const std::pair<std::string, const char*> rows[] = {
      // the order of `*` behind USING
      {"with q(k, n) as (select * from people join (select ip, page from visits) v using (ip)) select k from q",
       "taken by their place"},
      {"select q.k from (select * from people natural join visits) q(k)", "taken by their place"},
      {"with q as (select * from people join visits using (ip)) select k from q as r(k)", "taken by their place"},
      {"with q as (select * from people join visits using (ip)), r(k) as (select q.* from q) select k from r",
       "taken by their place"},
      {"select * from people join visits using (ip) union all select * from people join visits using (ip)",
       "taken by their place"},
      {"select 1, 'a', 'b' union select * from pages join visits using (page)", "taken by their place"},
      {"select k from (people join visits on true join pages using (page)) as j(k)", "an alias of a join with USING"},
      {"select k from (people natural join visits) as j(k)", "taken by their place"},
      {"select (select j.k from ((people join visits using (ip))) j(k) limit 1) from (select 'x' as k) j, people",
       "an alias of a join with USING"},
      {"select * from people join visits using (ip) order by 1", "taken by their place"},
      {"select id from pages where (1, 'a') in (select * from visits join (select id, page from pages) q using (page))",
       "taken by their place"},
      // aliases of the same list
      {"select o from people, lateral (select 'a' as ip, upper(ip) as o) l", "what \"ip\" means"},
      {"select id, (select t from (select 'a' as mail, mail as t) x) as o from people", "what \"mail\" means"},
      {"select id, (select max(id) from (select 'a' as mail, 1 as id from b where mail like 'a%') q) from people",
       "what \"mail\" means"},
      {"select (select 'x' as mail from b order by upper(mail) limit 1) as o from people", "what \"mail\" means"},
      // letter case
      {"with \"People\" as (select 'x' as ip) select ip from people", "two names for PostgreSQL"},
      {"select q.ip from (select name as \"Ip\", ip from people) q", "two names for PostgreSQL"},
      {"select (select id from \"Mixed\" limit 1) from people", "two names for PostgreSQL"},
      {"select mixed.\"fullName\" from \"Mixed\", (select 1 as \"FullName\") q", "two names for PostgreSQL"},
      {"select p.ip from people p, people \"P\"", "two names for PostgreSQL"},
      {"select * from people natural join \"Mixed\"", "two names for PostgreSQL"},
      // WITH RECURSIVE
      {"with recursive a as (select x from b), b as (select ip as x from people) select x from a", "stands behind it"},
      {"select * from (with recursive a as (select x from b), c as (select 1), b as (select ip as x from people) "
       "select "
       "x from a) q",
       "stands behind it"},
      // long names
      {"select (select " + long_a + "a from (select p.ip as " + long_a + "b) q) as o from (select name as " + long_a +
           "a, ip from people) p",
       "more than 63 bytes"},
      // a whole row, or a column of an outer query
      {"select (select mail from b mail limit 1) from people", "what \"mail\" means"},
      {"select (select p.ip from (select '{}'::json as p) q) from people p", "what \"ip\" means"},
      {"select (select p.* from (select '{}'::json as p) q) from people p", "no table of the same FROM"},
      {"select (select p.row_to_json from people p limit 1) as o from (select 'x' as row_to_json) p",
       "what \"row_to_json\" means"},
      {"select (select rowid from b limit 1) from (select ip as rowid from people) q", "what \"rowid\" means"},
      {"select (select \"user\" from b limit 1) from (select ip as \"user\" from people) q", "what \"user\" means"},
      {"select p.mail.ip from people p", "what \"ip\" means"},
      {"select array[p.*] from people p", "a row as an argument"},
      {"select json_array(p.*) from people p", "a row as an argument"},
      {"select array[ /* all */ p . * ]::text from people p", "a row as an argument"},
      // names that only one of them gives
      {"select (select upper from (select upper(ip) from people limit 1) q) as o from (select 'x' as upper) z",
       "what \"upper\" means"},
      {"select (select \"count_star()\" from (select count(*) from b) q) from (select ip as \"count_star()\" from "
       "people) p",
       "what \"count_star()\" means"},
      {"select (select generate_series from generate_series(1, 2) n limit 1) from (select ip as generate_series from "
       "people) p",
       "what \"generate_series\" means"},
      {"select (select id from json_each('{}') j limit 1) from people", "what \"id\" means"},
      {"select (select col0 from (values (1)) v limit 1) from (select ip as col0 from people) q",
       "what \"col0\" means"},
      {"select (select x1f from (select 0x1f) q) from (select ip as x1f from people) p", "goes on with letters"},
      {"select (select \"COUNT_STAR()\" from (select count(*) from b) q) from (select ip as \"COUNT_STAR()\" from "
       "people) p",
       "what \"COUNT_STAR()\" means"},
      {"select (select \"ROWID\" from b limit 1) from (select ip as \"ROWID\" from people) q", "what \"ROWID\" means"},
      {"select (select id_1 from (select x as id, x as id from b) q) from (select ip as id_1 from people) p",
       "what \"id_1\" means"},
      {"select (select a_1 from (values (1, 2)) q(a, a)) from (select ip as a_1 from people) p", "what \"a_1\" means"},
      {"select id, (select id from people union select id from visits limit (select id from b mail where mail = 'a')) "
       "from "
       "people",
       "what \"mail\" means"},
      {"select (select q.upper from (select upper(ip) from people limit 1) q) as o from (select 'x' as upper) q",
       "what \"upper\" means"},
      // beside a sub-query in FROM
      {"select (select o from b q(ip), (select ip as o from pages limit 1) l limit 1) from people",
       "what \"ip\" means"},
      {"select (select o from b p(ip), (select p.ip as o from pages limit 1) l limit 1) from people p",
       "what \"ip\" means"},
      {"select (select g.page from b q(mail), pages g join visits v on mail = g.page limit 1) from people",
       "what \"mail\" means"},
      {"select obj_description(ascii(ip)::oid, 'pg_class') as d from people", "only imitates"},
      {"select has_table_privilege(name, 'people', 'select') as b from people", "only imitates"},
      // where names and texts end
      {"select 'x\\'' || ip --'\n as o from people", "a backslash before a quote"},
      {"select (select a\xC2\xA0q from (select 1 as a) q) from people", "a space that is none"},
      // joins that PostgreSQL takes for an alias
      {"select (select ip from b anti join people on true limit 1) from (select 'x' as ip) z", "names in PostgreSQL"},
      {"select ip from b positional join people", "names in PostgreSQL"},
  };
  for (const auto& [sql, words] : rows) {
    const std::string text = refusal(sql);
    EXPECT_NE(text.find(words), std::string::npos) << sql << "\n  " << text;
  }
}

TEST(PostgresNames, ordinary_queries_are_let_through) {
  for (
      const char* sql : {
          "select lower(name) as name, upper(name) as u from people",
          "select name, count(*) as n from people group by name having count(*) > 1 order by n desc, lower(name)",
          "select date_trunc('day', born) as born, count(*) from people group by born order by born limit 3",
          "SELECT P.ID, v.Page FROM People P LEFT JOIN Visits V ON P.Id = V.id WHERE p.NAME IS NOT NULL",
          "select m.\"Id\", m.\"fullName\" from \"Mixed\" m",
          "select * from people join visits using (ip)",
          "with q as (select * from people join visits using (ip)) select q.page, q.name from q order by q.page",
          "select p.*, v.page from people p join visits v using (ip)",
          "with a as (select id from people), b as (select id from a) select a.id from a join b on a.id = b.id",
          "with recursive r as (select 1 as n union all select n + 1 from r where n < 3), s as (select n from r) "
          "select "
          "n from s",
          "with recursive t(n, m) as (select id, name from people union all select n + 1, m from t where n < 3) select "
          "* from t",
          "select id from people p where exists (select 1 from visits v where v.id = p.id and page = name)",
          "select id, (select count(*) from visits where visits.id = people.id) as n from people",
          "select p.id, l.page from people p left join lateral (select page from visits v where v.id = p.id limit 1) l "
          "on true",
          "select p.id, g.d from people p cross join generate_series(1, 3) as g(d)",
          "select d from generate_series(1, 3) d, people",
          "select x from unnest(array[1, 2]) as x, people",
          "select row_to_json(p) from people p",
          "select count(p.*) from people p",
          "select public.people.id from public.people",
          "select id, row_number() over (partition by name order by id) as n from people",
          "select case when id = 1 then name else 'x' end as name from people",
          "select distinct on (name) name, id from people order by name, id desc",
          "select id from people union select id from visits order by id",
          "select v.column1 from (values (1, 2)) v, people",
          "select a, b from (values (1, 2)) v(a, b), people",
          "select k.value from people p, json_each(p.doc) k where k.key = 'a'",
          "select coalesce(mail, ip), current_date, name || '1e5' || 1e5 from people where id in (1, 2)",
          "select p.id from (people p join visits v using (id)) join pages g on g.id = p.id",
          "select p.id from people p join visits v using (id) join pages using (page) where (p.id) > 1",
          "select n from (select count(*) as n, max(id) from people) q",
          "select (select max(page) from pages where pages.id = q.id) from (select id, upper(ip) from people) q",
      })
    EXPECT_EQ(refusal(sql), "") << sql;
}

TEST(PostgresNames, where_nothing_has_a_tag_only_the_names_of_tables_matter) {
  const std::vector<Relation> clean{{"b", {{"x", {Kind::text}, ""}}, "public"}};
  EXPECT_EQ(refusal("select (select x from b x limit 1) from b", clean), "");
  EXPECT_EQ(refusal("with q(k) as (select * from b join b c using (x)) select k from q", clean), "");
  EXPECT_NE(refusal("with \"B\" as (select 'x' as x) select x from b", clean), "");
}

TEST(PostgresNames, no_refusal_tells_a_literal) {
  EXPECT_EQ(refusal("select (select \"upper('secret')\" from (select upper('secret')) q) from (select ip as "
                    "\"upper('secret')\" from people) p")
                .find("secret"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
