// One connection: what it says after a statement has failed.
#include "postgres_batches.hpp"
#include "sluice/core/clock.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::live {
namespace {

TEST_F(PostgresTest, a_transaction_that_was_broken_goes_on_telling_by_what) {
  Settings settings;
  settings.values["postgres"].text = server().url(database_);
  const auto options = postgres::connect_options(settings, [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(options) << options.error().text();
  auto connection = postgres::Connection::open(*options, "test", system_clock());
  ASSERT_TRUE(connection) << connection.error().text();
  ASSERT_TRUE(connection->run("begin"));
  EXPECT_EQ(connection->run("select 1 / 0").error().sqlstate, "22012");
  EXPECT_EQ(connection->run("select 1").error().sqlstate, "22012");
  EXPECT_EQ(connection->ask("select 1", {}).error().sqlstate, "22012");
  EXPECT_EQ(connection->describe("select 1").error().sqlstate, "22012");
  EXPECT_EQ(connection->start_copy_out("copy (select 1) to stdout").error().sqlstate, "22012");
  ASSERT_TRUE(connection->run("rollback; begin"));
  EXPECT_EQ(connection->run("select none").error().sqlstate, "42703");
  EXPECT_EQ(connection->run("select 1").error().sqlstate, "42703") << "of this transaction, not of the one before";
}

}  // namespace
}  // namespace sluice::live
