// Schedules in a DuckDB file: what is done is remembered, and one server has the file.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "sluice/local/duckdb_connection.hpp"
#include "sluice/local/duckdb_database.hpp"
#include "sluice/local/duckdb_hold.hpp"

namespace sluice::local {
namespace {

constexpr std::int64_t hour = 3'600'000'000;
constexpr std::int64_t noon = 1'711'843'200'000'000;

class DuckdbTurns : public testing::Test {
 protected:
  DuckdbTurns() {
    std::string pattern = testing::TempDir() + "sluice-turns-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~DuckdbTurns() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Database> open() const {
    Settings settings;
    settings.folder = folder_;
    settings.values["duckdb"].text = "w.duckdb";
    return *open_duckdb(settings, system_clock());
  }
  std::string file() const { return folder_ + "/w.duckdb"; }

  std::string folder_;
  Turn turn_{"shop", "orders", "a"};
};

TEST_F(DuckdbTurns, what_is_done_is_remembered_where_there_was_no_file) {
  EXPECT_EQ(open()->ledger().last_fire(turn_, noon).value(), noon);
  EXPECT_EQ(open()->ledger().last_fire(turn_, noon + hour).value(), noon);
  const auto database = open();
  EXPECT_FALSE(database->ledger().take_turn(turn_, noon).value());
  EXPECT_TRUE(database->ledger().take_turn(turn_, noon + hour).value());
  EXPECT_TRUE(database->ledger().keep_turn(turn_).value());
  ASSERT_TRUE(database->ledger().end_turn(turn_, std::nullopt));
  EXPECT_EQ(database->ledger().last_fire(turn_, 0).value(), noon);
  EXPECT_TRUE(database->ledger().take_turn(turn_, noon + hour).value());
  ASSERT_TRUE(database->ledger().end_turn(turn_, noon + hour));
  EXPECT_EQ(database->ledger().last_fire(turn_, 0).value(), noon + hour);
  EXPECT_EQ(database->ledger().last_fire({"shop", "", "a"}, noon).value(), noon) << "another schedule";
}

TEST_F(DuckdbTurns, an_older_ledger_gains_the_table) {
  ASSERT_TRUE(open()->ledger().last_fire(turn_, noon));
  {
    auto connection = DuckConnection::open(*DuckFile::open({.file = file()}));
    ASSERT_TRUE(
        connection->run("drop table sluice.schedule; drop table sluice.chunk; drop table sluice.target; "
                        "update sluice.version set number = 2",
                        "test"));
  }
  EXPECT_EQ(open()->ledger().last_fire(turn_, noon + hour).value(), noon + hour);
}

TEST_F(DuckdbTurns, one_server_holds_the_file_until_it_is_gone) {
  auto ours = hold_file(file());
  ASSERT_TRUE(ours && *ours);
  EXPECT_TRUE(*hold_file(file())) << "within a process it is shared";
  const auto other_process_gets_it = [this] {
    return std::system(("flock --nonblock '" + file() + ".serve.lock' true").c_str()) == 0;
  };
  EXPECT_FALSE(other_process_gets_it());
  ours->reset();
  EXPECT_TRUE(other_process_gets_it());
}

TEST_F(DuckdbTurns, a_lock_file_that_cannot_be_made_is_an_error) {
  const auto held = hold_file(folder_ + "/missing/w.duckdb");
  ASSERT_FALSE(held);
  EXPECT_NE(held.error().text().find("servers lock this file"), std::string::npos);
}

}  // namespace
}  // namespace sluice::local
