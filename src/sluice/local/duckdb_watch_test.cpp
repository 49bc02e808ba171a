// Looks at tables of a DuckDB file: whatever changes is seen, and nothing else is.
#include "sluice/local/duckdb_watch.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace sluice::local {
namespace {

class DuckdbWatch : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-watch-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    const auto file = DuckFile::open({.file = folder_ + "/w.duckdb"});
    ASSERT_TRUE(file) << file.error().text();
    auto connection = DuckConnection::open(*file);
    ASSERT_TRUE(connection);
    connection_.emplace(std::move(*connection));
  }
  void TearDown() override {
    connection_.reset();
    std::filesystem::remove_all(folder_);
  }

  void sql(const std::string& text) {
    const auto ran = connection_->run(text, "test", Wording::with_message);
    ASSERT_TRUE(ran) << ran.error().text();
  }
  // Looks, and keeps what it saw.
  bool moved(const std::string& cursor = "id") {
    const auto seen = look_at(&*connection_, {{"", "t"}, cursor, {"p.yaml", 1, 1}}, mark_ ? &*mark_ : nullptr);
    EXPECT_TRUE(seen) << (seen ? "" : seen.error().text());
    if (!seen) return false;
    mark_ = seen->mark;
    return seen->moved;
  }

  std::string folder_;
  std::optional<DuckConnection> connection_;
  std::optional<TableMark> mark_;
};

TEST_F(DuckdbWatch, sees_rows_of_any_cursor_and_changes_in_place) {
  sql("create table t (id integer, day date, status varchar)");
  EXPECT_TRUE(moved()) << "the first look";
  EXPECT_FALSE(moved());
  for (const char* change :
       {"insert into t values (5, date '2024-01-01', 'a')", "insert into t values (5, date '2024-01-01', 'a')",
        "insert into t values (2, null, 'a')", "insert into t values (null, null, null)",
        "update t set status = 'b' where id = 2", "delete from t where id = 2"}) {
    sql(change);
    EXPECT_TRUE(moved()) << change;
    EXPECT_FALSE(moved()) << change;
  }
}

TEST_F(DuckdbWatch, a_table_that_comes_and_goes_has_moved) {
  EXPECT_TRUE(moved());
  EXPECT_FALSE(moved());
  sql("create table t (id integer)");
  EXPECT_TRUE(moved());
  EXPECT_FALSE(moved());
  sql("drop table t");
  EXPECT_TRUE(moved());
  const auto no_file = look_at(nullptr, {{"", "t"}, "id", {}}, &*mark_);
  ASSERT_TRUE(no_file);
  EXPECT_FALSE(no_file->moved);
}

TEST_F(DuckdbWatch, a_cursor_that_is_no_column_is_an_error_that_names_the_place) {
  sql("create table t (updated_on date)");
  const auto seen = look_at(&*connection_, {{"", "t"}, "updated_at", {"p.yaml", 7, 3}}, nullptr);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().fault, Fault::config);
  EXPECT_EQ(seen.error().text(), "p.yaml:7:3: table t has no column 'updated_at'; did you mean 'updated_on'?");
  EXPECT_FALSE(!moved("UPDATED_ON"));
}

}  // namespace
}  // namespace sluice::local
