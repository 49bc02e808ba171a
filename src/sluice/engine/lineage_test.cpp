// What lineage tells of a query besides which columns arrive: paths, refusals, errors.
#include "sluice/engine/lineage.hpp"

#include <algorithm>

#include "sluice/engine/functions.hpp"
#include "sluice/engine/lineage_fixture.hpp"
#include "sluice/engine/transform.hpp"

namespace sluice::engine {
namespace {

TEST_F(LineageTest, a_path_tells_each_step_from_the_source_to_the_column) {
  const auto path = [this](const std::string& sql) {
    const auto lineage = trace(sql);
    EXPECT_TRUE(lineage) << lineage.error().text();
    return lineage && !lineage->paths.empty() ? lineage->paths.front().path : "";
  };
  EXPECT_EQ(path("select ip from people"), "people.ip");
  EXPECT_EQ(path("select ip as a from people"), "people.ip -> a");
  EXPECT_EQ(path("with c as (select coalesce(ip, 'x') as a, name from people) select concat(a, name, 7) as m from c"),
            "people.ip -> coalesce(ip, '...') as a -> concat(a, name, ...) as m");
  EXPECT_EQ(path("select m as n from (select min(ip) as m from people)"), "people.ip -> min(ip) as m -> n");
  EXPECT_EQ(path("select ip || '1.2.3.4' from people"), "people.ip -> ip || '...'");
  EXPECT_EQ(path("select * from (select ip || '1.2.3.4' from people)"), "people.ip -> ip || '...'");
  EXPECT_EQ(path("select mask_siv(upper(ip), 'ip') as m from people"), "people.ip -> mask_siv(upper(ip), 'ip') as m");
  EXPECT_EQ(path("select reveal(ip, 'why') as m from people"), "people.ip -> reveal(ip) as m");
  EXPECT_EQ(path("select r.x as t from people p join (select '10.0.0.' || i as x from range(9) n(i)) r on r.x = p.ip"),
            "people.ip -> = x -> t");
  EXPECT_EQ(path("select g.page from pages g, people p where lower(g.page) = upper(p.ip)"),
            "people.ip -> upper(ip) -> = lower(page) -> page");
  EXPECT_EQ(path("select case when ip = 'b' then 1 end as c from people"),
            "people.ip -> case when ip = '...' then ... else null end as c");
}

TEST_F(LineageTest, what_arrives_in_clear_is_one_error_with_its_path_and_what_to_do) {
  EXPECT_EQ(refusal("select id, mask_siv(ip, 'ip') as m, reveal(mail, 'newsletter') as mail from people"), "");
  EXPECT_EQ(
      refusal("select upper(ip) as a from people"),
      "m.sql:1:1: select: column \"a\" holds people.ip (pii: ip) without a mask: people.ip -> upper(ip) as a; mask "
      "it where it stands (mask_siv, mask_hmac), leave it out, or say why it may pass: reveal(a, 'reason')");
  EXPECT_EQ(
      refusal("select mask_siv(ip, 'device') as a from people"),
      "m.sql:1:1: select: column \"a\" masks people.ip (pii: ip) by mask_siv, domain device, which is of another "
      "form: people.ip -> mask_siv(ip, 'device') as a; name the form as the mask's third argument ('ip'), or use a "
      "domain of that form: 'ip'");
  const std::string many = refusal("select ip as a, ip as b, ip as c, ip as d, ip as e, ip as f, ip as g from people");
  EXPECT_NE(many.find("; and 2 more;"), std::string::npos) << many;
}

TEST_F(LineageTest, a_far_end_that_allows_personal_data_takes_it_in_clear_but_no_wrong_mask) {
  EXPECT_EQ(refusal("select ip from people", PersonalData::allowed), "");
  EXPECT_NE(refusal("select mask_siv(ip, 'device') as a from people", PersonalData::allowed), "");
}

TEST_F(LineageTest, a_table_function_that_is_not_known_is_refused_without_any_tag) {
  const auto lineage = engine->trace({"select table_name from duckdb_tables()", {"m.sql", 1, 1}, {}});
  ASSERT_TRUE(lineage);
  EXPECT_TRUE(engine->trace({"with recursive r(n) as (select 1 union all select n + 1 from r, duckdb_tables()) from r",
                             {"m.sql", 1, 1},
                             {}}));  // and ends
  const auto checked = check_personal(*lineage, "m.sql");
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message.find("duckdb_tables()"), std::string::npos) << checked.error().message;
}

TEST_F(LineageTest, a_column_that_each_of_many_projections_names_twice_is_followed_in_no_time) {
  std::string from = "(select length(ip) as x, id from people)";
  for (int i = 0; i < 40; ++i) from = "(select case when x > 3 then x else id end as x, id from " + from + ")";
  EXPECT_EQ(told("select id from " + from + " where x > 1 group by id, x"),
            "id <- people.ip; ? where people.ip; ? group by people.ip");
}

TEST_F(LineageTest, what_cannot_be_bound_is_an_error) {
  EXPECT_NE(told("select nothing from people").find("error: m.sql:1:1: select: "), std::string::npos);
  EXPECT_NE(told("select id\nfrom nowhere").find("error: m.sql:2:1: select: "), std::string::npos);
  EXPECT_NE(told("select 1; select 2").find("one SELECT"), std::string::npos);
  EXPECT_NE(told("delete from people").find("one SELECT"), std::string::npos);
  EXPECT_NE(told("pivot visits on page using count(*)").find("error: "), std::string::npos);  // names no values
  EXPECT_NE(told("select * from read_csv('/etc/passwd')").find("error: "), std::string::npos);
  EXPECT_NE(told("select * from '/etc/passwd'").find("error: "), std::string::npos);
}

TEST_F(LineageTest, tables_are_found_in_their_schema_and_along_the_search_path) {
  const std::vector<Relation> shop{{"users", {{"mail", {Kind::text}, "email"}}, "shop"},
                                   {"users", {{"mail", {Kind::text}, ""}}, "stage"}};
  const auto in = [&](const std::string& sql, std::vector<std::string> search_path) {
    const auto lineage = engine->trace({sql, {"m.sql", 1, 1}, shop, std::move(search_path)});
    return lineage ? summary(*lineage) : "error: " + lineage.error().text();
  };
  EXPECT_EQ(in("select mail from shop.users", {}), "mail <- shop.users.mail");
  EXPECT_EQ(in("select mail from stage.users", {}), "");
  EXPECT_EQ(in("select mail from users", {"shop", "stage"}), "mail <- shop.users.mail");
  EXPECT_EQ(in("select mail from users", {"stage", "shop"}), "");
  EXPECT_NE(in("select mail from users", {}).find("error: "), std::string::npos);
  // Nothing of one query is there for the next.
  EXPECT_NE(told("select mail from shop.users").find("error: "), std::string::npos);
}

Record logins() {
  Record record;
  record.fields = {{.name = "user_id", .type = {Kind::text}}, {.name = "ip", .type = {Kind::text}, .pii = "ip"}};
  return record;
}

TEST_F(LineageTest, a_flows_select_goes_through_the_same_walk) {
  const auto in = [&](const std::string& sql) {
    const auto plan = plan_rows(*engine, {logins(), sql, {"p.yaml", 1, 1}});
    return plan ? summary(plan->lineage) : "error: " + plan.error().text();
  };
  EXPECT_EQ(in(""), "ip <- ip");
  EXPECT_EQ(in("select * from input"), "ip <- ip");
  EXPECT_EQ(in("with a as (select *, message_id from input) select * exclude (ip), mask_siv(ip, 'ip') as m from a"),
            "m <- masked ip");
  EXPECT_EQ(in("select message_id, sent_at, attributes from input where ip <> ''"), "? where ip");
  EXPECT_EQ(in("select ip from sluice_input()"), "ip <- ip");
}

TEST_F(LineageTest, masks_are_told_by_column_also_where_nothing_is_tagged) {
  const auto lineage =
      trace("select id, mask_siv(name, 'n') || mask_hmac(ip, 'ip') as m, reveal(mail, 'x') as r from people");
  ASSERT_TRUE(lineage);
  EXPECT_EQ(masks_of(*lineage), (std::vector<std::string>{"", "mask_siv, domain n and mask_hmac, domain ip", ""}));
}

TEST_F(LineageTest, a_date_is_masked_with_its_entity_and_an_unkeyed_hash_warns) {
  EXPECT_EQ(refusal("select mask_date_shift(date '2026-01-31', ip) as d, mask_partial(mail, 1, 2) as p from people"),
            "");
  const auto lineage = trace("select mask_sha256(ip, 'pepper') as h, mask_siv(mail, 'email') as m from people");
  ASSERT_TRUE(lineage);
  const auto warnings = warnings_of(*lineage);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(warnings[0].starts_with("column \"h\": mask_sha256: ")) << warnings[0];
  EXPECT_EQ(masks_of(*lineage)[0].find("pepper"), std::string::npos);
}

TEST_F(LineageTest, a_mask_made_for_another_kind_of_value_says_which_to_take) {
  EXPECT_EQ(refusal("select mask_ip(mail) as m from people", PersonalData::allowed),
            "m.sql:1:1: select: column \"m\" masks people.mail (pii: email) by mask_ip, which is of another form: "
            "people.mail -> mask_ip(mail) as m; mask it by mask_siv or mask_hmac in the domain 'email'; mask_ip is for "
            "another kind of value");
}

TEST_F(LineageTest, a_key_is_not_masked_by_what_gives_another_token_each_time) {
  const auto lineage =
      trace("select mask_seal(ip) as a, upper(mask_fernet(mail)) as b, mask_siv(ip, 'ip') as c from people");
  ASSERT_TRUE(lineage);
  EXPECT_TRUE(check_key(*lineage, {}, "m.sql"));
  EXPECT_TRUE(check_key(*lineage, {"c"}, "m.sql"));
  for (const char* column : {"a", "b"}) {
    const auto checked = check_key(*lineage, {"c", column}, "m.sql");
    ASSERT_FALSE(checked) << column;
    EXPECT_NE(checked.error().text().find("another token each time"), std::string::npos) << checked.error().text();
  }
}

TEST_F(LineageTest, a_reveal_needs_a_reason_in_the_text) {
  for (const char* sql :
       {"select reveal(ip, '') as a from people", "select reveal(ip, '  ') as a from people",
        "select reveal(ip, null) as a from people", "select reveal(ip, name) as a from people",
        "select reveal(ip, 'a' || 'b') as a from people", "select reveal(ip, e'a\\nb') as a from people",
        "select reveal(ip) as a from people", "select reveal(ip, 1) as a from people"}) {
    EXPECT_NE(told(sql).find("reveal"), std::string::npos) << sql << ": " << told(sql);
    EXPECT_EQ(told(sql).rfind("error: ", 0), 0U) << sql;
  }
}

}  // namespace
}  // namespace sluice::engine
