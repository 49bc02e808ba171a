#include "sluice/cli/csv_column.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace sluice::cli {
namespace {

// "x" becomes "<x>"; "bad" is refused.
std::string changed(const std::string& text, const std::string& column, char delimiter = ',') {
  std::stringbuf in(text);
  std::ostringstream out;
  const auto done = change_column(in, out, column, {}, delimiter, [](std::string& value, const auto&) -> Result<void> {
    if (value == "bad") return fail(Fault::data, "no token");
    value = "<" + value + ">";
    return {};
  });
  return done ? out.str() + std::to_string(*done) : out.str() + done.error().message;
}

TEST(csv_column, changes_one_column_and_leaves_every_other_byte) {
  EXPECT_EQ(changed("a,b,c\n1,2,3\n4,5,6\n", "b"), "a,b,c\n1,<2>,3\n4,<5>,6\n2");
  EXPECT_EQ(changed("a;b\r\n\"1;\"\"x\"\"\";2\r\n", "b", ';'), "a;b\r\n\"1;\"\"x\"\"\";<2>\r\n1");
  EXPECT_EQ(changed("a,b\n1,2", "b"), "a,b\n1,<2>1");
  EXPECT_EQ(changed("\xef\xbb\xbf"
                    "a,b\n1,2\n",
                    "a"),
            "\xef\xbb\xbf"
            "a,b\n<1>,2\n1");
}

TEST(csv_column, gives_other_values_of_the_row_to_whoever_changes_one) {
  std::stringbuf in("k,a,e\nk1,x,\"u,1\"\n,y\n");
  std::ostringstream out;
  const auto done = change_column(in, out, "a", {"e", "k"}, ',', [](std::string& value, const auto& others) {
    value += "(" + others[0] + ";" + others[1] + ")";
    return Result<void>();
  });
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(out.str(), "k,a,e\nk1,\"x(u,1;k1)\",\"u,1\"\n,y(;)\n");
  const auto refused =
      change_column(in, out, "a", {"f"}, ',', [](std::string&, const auto&) { return Result<void>(); });
  EXPECT_FALSE(refused.has_value());
}

TEST(csv_column, quotes_values_that_need_it) {
  EXPECT_EQ(changed("a\n\"x,y\"\n\"say \"\"hi\"\"\"\n\"two\nlines\"\n", "a"),
            "a\n\"<x,y>\"\n\"<say \"\"hi\"\">\"\n\"<two\nlines>\"\n3");
  EXPECT_EQ(changed("a\n\"x\"\n", "a"), "a\n<x>\n1");
}

TEST(csv_column, leaves_empty_cells_and_short_rows) {
  EXPECT_EQ(changed("a,b\n1,\n2\n\n3,\"\"\n", "b"), "a,b\n1,\n2\n\n3,\"\"\n0");
}

TEST(csv_column, tells_what_is_wrong_and_where) {
  EXPECT_EQ(changed("", "a"), "the file is empty");
  EXPECT_EQ(changed("a,b\n1,2\n", "c"), "the file's first row, of 2 cells, names no column 'c'");
  EXPECT_EQ(changed("a\nx\nbad\ny\n", "a"), "a\n<x>\nrow 3: no token");
  EXPECT_EQ(changed("a\n\"x\n", "a"), "a\nrow 2: a quote is not closed");
}

TEST(csv_column, takes_no_column_that_is_named_twice) {
  EXPECT_EQ(changed("a,b,a\n1,2,3\n", "a"), "the file's first row names the column 'a' twice");
  EXPECT_EQ(changed("a,b,a\n1,2,3\n", "b"), "a,b,a\n1,<2>,3\n1");
  std::stringbuf in("t,k,k\nx,k1,k2\n");
  std::ostringstream out;
  EXPECT_FALSE(change_column(in, out, "t", {"k"}, ',', [](std::string&, const auto&) { return Result<void>(); }));
  EXPECT_EQ(out.str(), "");
}

TEST(csv_column, tells_no_value_of_a_first_row_that_is_no_header) {
  std::stringbuf in("Ann Smith,k1.AAAA\n");
  std::ostringstream out;
  const auto done = change_column(in, out, "token", {}, ',',
                                  [](std::string&, const std::vector<std::string>&) { return Result<void>{}; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text().find("Ann"), std::string::npos) << done.error().text();
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace sluice::cli
