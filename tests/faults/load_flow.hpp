// A flow from objects on S3 into PostgreSQL: orders as CSV, masked on the way, appended, replaced or merged.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "login_flow.hpp"
#include "support/object_server.hpp"

namespace sluice::faults {

struct LoadOptions {
  std::string mode = "append";
  std::string objects = "glob: \"in/*.csv\"";  // which ones
  std::string into_keys = ", key: order_id";   // more keys of `into`
  std::string table = "orders";
  std::string user = "postgres";                // of the database
  std::vector<std::string> server_arguments{};  // of the S3 server
};

class LoadFlow {
 public:
  explicit LoadFlow(const LoadOptions& options = {});
  LoadFlow(const LoadFlow&) = delete;
  LoadFlow& operator=(const LoadFlow&) = delete;

  support::ObjectServer& store() const { return *store_; }
  const std::string& database() const { return database_; }
  std::string sql(const std::string& statements) const { return postgres().sql(statements, database_); }
  void configure(const LoadOptions& options);  // writes the project again

  using Environment = std::map<std::string, std::optional<std::string>>;
  support::Ended run(const std::vector<std::string>& arguments = {}, const Environment& environment = {}) const;
  std::unique_ptr<support::Process> start(const Environment& environment = {}) const;

  // "1|ann|5;2|bob|7": the table's rows in the order of their ids, the address unmasked.
  std::string rows() const;
  // What the flow keeps of its objects and rejects: "objects rejects".
  std::string ledger() const;

 private:
  support::Command command(const std::vector<std::string>& arguments, const Environment& environment) const;

  support::TempFolder folder_;
  std::unique_ptr<support::ObjectServer> store_;
  std::string database_;
  std::string url_;
};

// A CSV of orders with ids from `first` on, `count` of them; `amount` is on each.
std::string orders_csv(int first, int count, int amount);

}  // namespace sluice::faults
