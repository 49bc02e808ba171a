// Ranges of blocks and of keys: together they are the whole table, and no two of them share a row.
#include "sluice/postgres/parts.hpp"

#include <gtest/gtest.h>

namespace sluice::postgres {
namespace {

std::string text(const std::vector<BlockRange>& ranges) {
  std::string out;
  for (const BlockRange& range : ranges)
    out += std::to_string(range.first) + "-" + (range.end ? std::to_string(*range.end) : "") + " ";
  return out;
}

TEST(BlockRanges, begin_where_the_one_before_ends_and_the_last_has_no_end) {
  EXPECT_EQ(text(block_ranges(0, 0, 4)), "0- ") << "an empty table may have rows when it is read";
  EXPECT_EQ(text(block_ranges(0, 1, 4)), "0- ");
  EXPECT_EQ(text(block_ranges(0, 4, 4)), "0- ");
  EXPECT_EQ(text(block_ranges(0, 5, 4)), "0-4 4- ");
  EXPECT_EQ(text(block_ranges(0, 12, 4)), "0-4 4-8 8- ");
  EXPECT_EQ(text(block_ranges(0, 3, 1)), "0-1 1-2 2- ");
}

TEST(KeyRanges, have_each_value_once_and_null_last) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(key_ranges("c", {"1", "5"}, true), (Texts{"c < 1", "c >= 1 and c < 5", "c >= 5", "c is null"}));
  EXPECT_EQ(key_ranges("c", {"1"}, false), (Texts{"c < 1", "c >= 1"}));
  EXPECT_EQ(key_ranges("c", {}, true), (Texts{"c is not null", "c is null"}));
}

TEST(ReadParts, are_selects_of_their_own) {
  ReadParts parts{.select = "select \"a\" from only ", .order = "", .tables = {{"s", "t"}, {"s", "u"}}};
  parts.blocks = block_ranges(0, 5, 4);
  parts.blocks.push_back({1, 0, std::nullopt});
  ASSERT_EQ(parts.count(), 3U);
  EXPECT_EQ(parts.sql(0), R"(select "a" from only "s"."t" where ctid < '(4,0)'::tid)");
  EXPECT_EQ(parts.sql(1), R"(select "a" from only "s"."t" where ctid >= '(4,0)'::tid)");
  EXPECT_EQ(parts.sql(2), R"(select "a" from only "s"."u")");
  const ReadParts middle{
      .select = "select \"a\" from only ", .order = "", .tables = {{"s", "t"}}, .blocks = {{0, 2, 3}}};
  EXPECT_EQ(middle.sql(0), R"(select "a" from only "s"."t" where ctid >= '(2,0)'::tid and ctid < '(3,0)'::tid)");

  const ReadParts keyed{.select = "select \"c\" from only ",
                        .order = " order by \"c\"",
                        .tables = {{"s", "t"}, {"s", "u"}},
                        .conditions = {"\"c\" < E'1'", "\"c\" >= E'1'"}};
  EXPECT_EQ(keyed.sql(1),
            R"(select "c" from only "s"."t" where "c" >= E'1' union all select "c" from only "s"."u" where "c" >= E'1')"
            R"( order by "c")");
  const ReadParts whole{.select = "select 1", .order = ""};
  EXPECT_EQ(whole.count(), 1U);
  EXPECT_EQ(whole.sql(0), "select 1");
}

}  // namespace
}  // namespace sluice::postgres
