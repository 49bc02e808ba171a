#include "sluice/engine/select_list.hpp"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

SelectList list_of(const std::string& sql) {
  auto list = select_list_of(sql, {"m.sql", 1, 1});
  EXPECT_TRUE(list.has_value()) << list.error().text();
  return list ? std::move(*list) : SelectList{};
}

// Each column of the list: its name, "=" where its value is fixed, and its text.
std::string items(const std::string& sql) {
  std::string out;
  for (const SelectItem& item : list_of(sql).items)
    out += (out.empty() ? "" : ", ") + item.name + (item.fixed ? " = " : " ? ") + item.value.text;
  return out;
}

TEST(select_list, tells_each_column_by_its_name_and_its_expression) {
  EXPECT_EQ(items("select id, i.ip as a, lower( mail ) /* x */ as \"The mail\", k: mask_key() from input i"),
            "id = id, a = i.ip, The mail = lower(mail), k ? mask_key()");
  EXPECT_EQ(items("with c as (select ip as a from input) select a as b from c"), "b = a");
  EXPECT_EQ(items("with c as materialized (select ip as a from input) select a as b from c"), "b = a");
}

TEST(select_list, tells_a_plain_call_and_no_other) {
  const SelectList list = list_of(
      "select Mask_IP(ip, 'logins') as plain, mask_ip(ip)::date as cast_away, coalesce(mask_ip(ip), '') as inside, "
      "main.mask_ip(ip) as another, mask_key() as k from input");
  const SelectItem* plain = list.find("PLAIN");
  ASSERT_NE(plain, nullptr);
  EXPECT_EQ(plain->function, "mask_ip");
  ASSERT_EQ(plain->arguments.size(), 2U);
  EXPECT_EQ(plain->arguments[0].text, "ip");
  EXPECT_EQ(plain->arguments[0].column, "ip");
  EXPECT_EQ(plain->arguments[1].text, "'logins'");
  EXPECT_EQ(plain->arguments[1].column, "");
  EXPECT_EQ(list.find("k")->function, "mask_key");
  EXPECT_TRUE(list.find("k")->arguments.empty());
  for (const char* name : {"cast_away", "inside", "another"}) EXPECT_NE(list.find(name)->function, "mask_ip") << name;
  EXPECT_EQ(list.find("ip"), nullptr);
  EXPECT_EQ(list_of("select 1 as a, 2 as A").find("a"), nullptr);
}

TEST(select_list, leaves_out_a_cast_to_text) {
  const SelectList list = list_of("select mask_date_shift(born, id::varchar) as d, id::int::text as e from input");
  EXPECT_EQ(list.find("d")->arguments[1].text, "id");
  EXPECT_EQ(list.find("d")->arguments[1].column, "id");
  EXPECT_EQ(list.find("e")->value.text, "CAST(id AS INTEGER)");
  EXPECT_EQ(list.find("e")->value.column, "");
}

TEST(select_list, equal_texts_are_equal_values_only_where_nothing_changes_from_call_to_call) {
  EXPECT_EQ(items("select uuid() as a, lower(uuid()::text) as b, mask_siv(id, 'u') as c, mask_seal(id) as d, "
                  "id || '-' || coalesce(x, 'y') as e, (select id) as f, row_number() over () as g from input"),
            "a ? uuid(), b ? lower(CAST(uuid() AS VARCHAR)), c = mask_siv(id, 'u'), d ? mask_seal(id), "
            "e = ((id || '-') || COALESCE(x, 'y')), f ? (SELECT id), g ? row_number() OVER ()");
}

TEST(select_list, a_star_passes_what_it_neither_leaves_out_nor_changes) {
  EXPECT_TRUE(list_of("select * from input").passes("id"));
  EXPECT_TRUE(list_of("select i.* from input i").passes("id"));
  EXPECT_TRUE(list_of("select input.* from input").passes("ID"));
  EXPECT_FALSE(list_of("select id from input").passes("id"));
  EXPECT_FALSE(list_of("select * exclude (id) from input").passes("ID"));
  EXPECT_FALSE(list_of("select * rename (other as id) from input").passes("id"));
  EXPECT_FALSE(list_of("select * rename (id as other) from input").passes("id"));
  EXPECT_FALSE(list_of("select columns('i.*') from input").passes("id"));
  EXPECT_FALSE(list_of("select * from input full join t using (id)").passes("id"));
  EXPECT_FALSE(list_of("select person.* from input").passes("id")) << "members of a struct";

  const SelectList list = list_of("select * replace (other as id) from input");
  EXPECT_FALSE(list.passes("id"));
  EXPECT_TRUE(list.passes("other"));
  EXPECT_EQ(list.find("id")->value.text, "other");
}

TEST(select_list, of_what_is_no_plain_select_there_is_no_list) {
  EXPECT_EQ(items("select a from t union all select b from t"), "");
  EXPECT_EQ(items("select * from (select mask_key() as k from input)"), "");
  EXPECT_FALSE(select_list_of("select 1; select 2", {"m.sql", 1, 1}).has_value());
}

TEST(select_list, counts_calls_wherever_they_stand) {
  const SelectList list = list_of(
      "select a, (select mask_ip(b) from t), list_transform(l, x -> MASK_IP(x)) as l "
      "from (select mask_ip(a) as a, l, d from input) where mask_ip(d) = ''");
  EXPECT_EQ(list.calls_of("mask_ip"), 4U);
  EXPECT_GT(
      list_of("with c as (select mask_ip(a) as a from input) select a, mask_ip(a) as b from c").calls_of("mask_ip"),
      1U);
  EXPECT_EQ(list.calls_of("mask_key"), 0U);
}

}  // namespace
}  // namespace sluice::engine
