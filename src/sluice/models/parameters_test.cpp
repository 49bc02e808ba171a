#include "sluice/models/parameters.hpp"

#include <gtest/gtest.h>

namespace sluice::models {
namespace {

const ParameterValues values(ParameterValues::Map{{"as_of", "2022-09-05"},
                                                  {"schema", "my \"own\""},
                                                  {"n", "12"},
                                                  {"minus", "-5"},
                                                  {"word", "orders"},
                                                  {"evil", "'; drop table x; --"},
                                                  {"slash", "a\\'; select"},
                                                  {"empty", ""}});

std::string put(const std::string& sql) {
  const auto out = put_in_parameters(sql, values, {"m.sql", 1, 1});
  return out ? *out : out.error().text();
}

TEST(parameters, are_put_in_as_text_identifier_or_word) {
  EXPECT_EQ(put("select :'as_of'::date from :\"schema\".:word limit :n"),
            "select '2022-09-05'::date from \"my \"\"own\"\"\".orders limit 12");
  EXPECT_EQ(put("select 1-:minus, :n"), "select 1-(-5), 12");
}

TEST(parameters, a_text_stays_one_text) {
  EXPECT_EQ(put("select :'evil'"), "select '''; drop table x; --'");
  EXPECT_EQ(put("select :'slash'"), "select  E'a\\\\''; select'");
  EXPECT_EQ(put("select :'empty'"), "select ''");
  EXPECT_EQ(put("select :\"evil\""), "select \"'; drop table x; --\"");
}

TEST(parameters, nothing_is_put_in_where_sql_has_its_own_text) {
  for (const char* sql :
       {"select ':n' || 'it''s :n'", "select \":n\"", "select 1 -- :nothing", "select /* :a /* :b */ :c */ 1",
        "select $$ :n $$", "select $tag$ :n $$ :n $tag$", "select e'\\' :n'", "select a::int",
        "select a[1:2], {'a': 1}", "select x := 1", "select '12:30'", "select ':n", "select /* :n"}) {
    EXPECT_EQ(put(sql), sql);
  }
  EXPECT_EQ(put("select a[b\\:n] -- x\n, :n"), "select a[b:n] -- x\n, 12");
  EXPECT_EQ(put("select 'a'\n':n', :n"), "select 'a'\n':n', 12");
  EXPECT_EQ(put("select name$ :n"), "select name$ 12");
}

TEST(parameters, a_missing_one_is_an_error_with_its_place) {
  EXPECT_EQ(put("select 1,\n  :'asof'"), "m.sql:2:3: there is no value for :asof; did you mean ':as_of'?");
  EXPECT_EQ(
      put("select :different"),
      "m.sql:1:8: there is no value for :different; set it by `vars: { different: ... }` or --var different=..., or "
      "write \\: for a colon of SQL's own");
}

TEST(parameters, a_bare_one_cannot_be_more_than_one_word) {
  EXPECT_EQ(put("select :evil"),
            "m.sql:1:8: the value of :evil is neither one word nor one number; write :'evil' for a text or a date, "
            ":\"evil\" for an identifier");
  EXPECT_NE(put("select :as_of").find("neither one word"), std::string::npos);  // else 2022 - 9 - 5
  EXPECT_NE(put("select :empty").find("neither one word"), std::string::npos);
  EXPECT_NE(put("select :\"empty\"").find("is empty"), std::string::npos);
}

}  // namespace
}  // namespace sluice::models
