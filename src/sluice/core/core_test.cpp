// What everything stands on: types by name, durations, near names, text in 16 bytes.
#include <gtest/gtest.h>

#include "sluice/core/batch.hpp"
#include "sluice/core/delivery.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/core/type.hpp"
#include "sluice/core/words.hpp"

namespace sluice {
namespace {

TEST(Type, names_go_back_and_forth) {
  for (const char* name :
       {"text", "int", "bigint", "float", "decimal(12,2)", "bool", "date", "timestamp", "uuid", "json"}) {
    const auto type = parse_type(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ(to_string(*type), name);
  }
}

TEST(Type, a_decimal_needs_a_precision_of_1_to_38_and_a_scale_within_it) {
  for (const char* name :
       {"decimal", "decimal(0,0)", "decimal(39,0)", "decimal(4,5)", "decimal(4)", "decimal(a,b)", "integer"}) {
    EXPECT_FALSE(parse_type(name)) << name;
  }
}

TEST(Text, keeps_short_text_inside_and_points_at_long_text) {
  const std::string longer(40, 'x');
  EXPECT_EQ(Text("").view(), "");
  EXPECT_EQ(Text("twelve bytes").view(), "twelve bytes");
  EXPECT_EQ(Text(longer).view(), longer);
  EXPECT_EQ(Text(longer).view().data(), longer.data());
}

TEST(Duration, has_units) {
  EXPECT_EQ(parse_duration("30s")->count(), 30);
  EXPECT_EQ(parse_duration("5m")->count(), 300);
  EXPECT_EQ(parse_duration("2h")->count(), 7200);
  EXPECT_EQ(parse_duration("7d")->count(), 604800);
  EXPECT_EQ(parse_duration("15")->count(), 15);
  for (const char* wrong : {"", "s", "1w", "-3s", "1.5h", "99999999999999999999s"})
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

TEST(Words, the_nearest_name_is_offered_and_a_far_one_is_not) {
  const std::vector<std::string> known{"queue", "database", "objects"};
  EXPECT_EQ(nearest("qeue", known), "queue");
  EXPECT_EQ(nearest("zzzzzz", known), "");
  EXPECT_EQ(did_you_mean("zzzzzz", known), "known are queue, database, objects");
}

TEST(Words, a_uuid_goes_back_and_forth) {
  Key key;
  ASSERT_TRUE(parse_uuid("00112233-4455-6677-8899-aabbccddeeff", key));
  EXPECT_EQ(to_uuid(key), "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_FALSE(parse_uuid("00112233-4455-6677-8899-aabbccddeefg", key));
  EXPECT_FALSE(parse_uuid("0011", key));
}

TEST(Glob, a_star_stays_within_its_level) {
  EXPECT_TRUE(glob_matches("orders_data/*.csv", "orders_data/orders.csv"));
  EXPECT_FALSE(glob_matches("orders_data/*.csv", "orders_data/analytics_export/x/orders.csv"));
  EXPECT_FALSE(glob_matches("orders_data/*", "orders_data/"));
  EXPECT_FALSE(glob_matches("*", "a/b"));
  EXPECT_TRUE(glob_matches("a*b*c", "axxbyybzc"));
  EXPECT_TRUE(glob_matches("*", ""));
}

TEST(Glob, two_stars_cross_levels_and_match_no_folder_marker) {
  EXPECT_TRUE(glob_matches("in/**.csv", "in/2022/09/05.csv"));
  EXPECT_TRUE(glob_matches("in/**/x*.csv", "in/2022/09/x1.csv"));
  EXPECT_FALSE(glob_matches("in/**/x*.csv", "in/2022/09/y1.csv"));
  EXPECT_FALSE(glob_matches("in/**", "in/2022/"));
}

TEST(Glob, two_stars_as_a_level_are_any_levels_or_none) {
  for (const char* key : {"d/x.csv", "d/a/x.csv", "d/a/b/x.csv", "d//x.csv"})
    EXPECT_TRUE(glob_matches("d/**/*.csv", key)) << key;
  for (const char* key : {"dx.csv", "d/x.csv/", "d/x.tsv", "e/d/x.csv"})
    EXPECT_FALSE(glob_matches("d/**/*.csv", key)) << key;
  EXPECT_TRUE(glob_matches("**/x.csv", "x.csv"));
  EXPECT_TRUE(glob_matches("**/x.csv", "a/b/x.csv"));
  EXPECT_FALSE(glob_matches("**/x.csv", "ax.csv"));
  EXPECT_FALSE(glob_matches("d/**/x.csv", "d/ax.csv"));
  EXPECT_FALSE(glob_matches("d/**/", "d/x"));
  EXPECT_FALSE(glob_matches("d**/x", "dx")) << "no level of its own";
}

// As the words say it, with every way tried.
bool matches_slowly(std::string_view pattern, std::string_view key, bool level_begins = true) {
  if (pattern.empty()) return key.empty();
  if (level_begins && pattern.starts_with("**/")) {
    if (matches_slowly(pattern.substr(3), key, true)) return true;
    for (std::size_t i = 0; i < key.size(); ++i) {
      if (key[i] == '/' && matches_slowly(pattern.substr(3), key.substr(i + 1), true)) return true;
    }
    return false;
  }
  const bool two = pattern.starts_with("**");
  if (two || pattern[0] == '*') {
    for (std::size_t i = 0; i <= key.size(); ++i) {
      if (matches_slowly(pattern.substr(two ? 2 : 1), key.substr(i), false)) return true;
      if (!two && i < key.size() && key[i] == '/') return false;
    }
    return false;
  }
  return !key.empty() && pattern[0] == key[0] && matches_slowly(pattern.substr(1), key.substr(1), key[0] == '/');
}

TEST(Glob, finds_a_match_wherever_there_is_one) {
  const std::vector<std::string> pieces{"a", "b", "/", "*", "**", "**/"};
  std::vector<std::string> keys{""};
  for (std::size_t i = 0; i < keys.size() && keys[i].size() < 6; ++i) {
    for (const char c : {'a', 'b', '/'}) keys.push_back(keys[i] + c);
  }
  std::vector<std::string> patterns{""};
  for (std::size_t length = 0, begin = 0; length < 4; ++length) {
    const std::size_t end = patterns.size();
    for (; begin < end; ++begin) {
      for (const std::string& piece : pieces) patterns.push_back(patterns[begin] + piece);
    }
  }
  for (const std::string& pattern : patterns) {
    for (const std::string& key : keys) {
      if (key.ends_with('/')) continue;
      ASSERT_EQ(glob_matches(pattern, key), matches_slowly(pattern, key)) << pattern << " " << key;
    }
  }
}

TEST(Glob, classes_and_question_marks_match_one_character_of_a_name) {
  EXPECT_TRUE(glob_matches("day-[0-9][!a-z].csv", "day-1X.csv"));
  EXPECT_FALSE(glob_matches("day-[0-9][!a-z].csv", "day-1x.csv"));
  EXPECT_FALSE(glob_matches("a?b", "a/b"));
  EXPECT_FALSE(glob_matches("a[!x]b", "a/b"));
  EXPECT_TRUE(glob_matches("a[b", "a[b"));
  EXPECT_TRUE(glob_matches("[]]", "]"));
  EXPECT_EQ(glob_prefix("in/2022-*/x"), "in/2022-");
}

TEST(Error, an_exit_code_stands_for_each_fault) {
  EXPECT_EQ(exit_code(Fault::config), 2);
  EXPECT_EQ(exit_code(Fault::denied), 3);
  EXPECT_EQ(exit_code(Fault::transient), 3);
  EXPECT_EQ(exit_code(Fault::data), 4);
  EXPECT_EQ(exit_code(Fault::failed), 1);
}

}  // namespace
}  // namespace sluice
