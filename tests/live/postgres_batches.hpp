// Rows in memory for tests of the table sink, and a database of its own for each test.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sluice/core/database.hpp"
#include "sluice/core/settings.hpp"
#include "support/postgres_server.hpp"

namespace sluice::live {

// A value as it lies in a Vector; empty: NULL.
using Value = std::variant<std::monostate, bool, std::int32_t, std::int64_t, double, Int128, std::string, Key>;

// Builds one batch, a row at a time; message numbers may repeat (unnest) or be left out (filtered).
class Rows {
 public:
  explicit Rows(Schema schema) : schema_(std::make_shared<const Schema>(std::move(schema))) {}
  Rows& row(std::uint32_t message, std::vector<Value> values);
  // Valid as long as this and no row is added.
  Batch batch();

 private:
  std::shared_ptr<const Schema> schema_;
  std::vector<std::uint32_t> origin_;
  std::vector<std::vector<Value>> rows_;
  std::vector<std::string> columns_;  // the bytes of each vector
  std::vector<std::vector<std::uint64_t>> valid_;
};

Key key_of(std::uint64_t number);
// `count` messages with keys from `first` on.
Delivery delivery_of(std::uint64_t count, std::uint64_t first = 0, Proof proof = Proof::message_keys);

// One server for all tests of the binary, one database a test.
class PostgresTest : public testing::Test {
 protected:
  void SetUp() override;
  static void TearDownTestSuite() {}

  static support::PostgresServer& server();
  std::string sql(const std::string& statements) { return server().sql(statements, database_); }
  Settings settings(const std::string& user = "postgres", const std::string& ledger = "") const;
  std::unique_ptr<Database> open(const std::string& user = "postgres", const std::string& ledger = "");

  Target target(const std::string& table, Schema columns) const;
  // prepare() and open_sink(), which must work.
  std::unique_ptr<Sink> sink(Database& database, const Target& target, std::int64_t run = 7);
  // Does to(1, 2, 3) for a delivery whose message i has the one row i; gives the rejects.
  static std::vector<Reject> move(Sink& sink, const Delivery& delivery, Rows& rows, Known* known_out = nullptr);
  static std::vector<SealedReject> sealed(const Delivery& delivery, const std::vector<Reject>& rejects);

  std::string database_;
};

}  // namespace sluice::live
