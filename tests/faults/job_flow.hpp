// The shop and the loans as users run them: examples/ unchanged, on PostgreSQL and an S3 server, by a role that may
// make neither schemas nor extensions; and what tests/jobs/expected.py, which shares nothing with them, says must come
// out.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "login_flow.hpp"
#include "support/object_server.hpp"

namespace sluice::faults {

// File or key -> bytes.
using Files = std::map<std::string, std::string>;

std::string text_of(const std::filesystem::path& file);
// What expected.py writes.
Files expected(std::vector<std::string> arguments, std::size_t out_at);

class Job {
 public:
  Job(const std::string& name, const std::string& role, const std::vector<std::string>& server_arguments);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  support::ObjectServer& store() const { return *store_; }
  const std::string& database() const { return database_; }
  std::string sql(const std::string& statements) const { return postgres().sql(statements, database_); }

  using Environment = std::map<std::string, std::optional<std::string>>;
  support::Command command(std::vector<std::string> arguments, const Environment& environment = {}) const;
  support::Ended sluice(std::vector<std::string> arguments, const Environment& environment = {}) const;
  void superuser(bool yes) { url_ = postgres().url(database_, yes ? "postgres" : role_); }

 private:
  std::string role_;
  std::string database_;
  std::unique_ptr<support::ObjectServer> store_;
  std::string url_;
};

// With the data of `sluice demo shop`, or of other files.
class ShopJob : public Job {
 public:
  ShopJob();
  void put(const std::string& name, const std::string& bytes);  // an object below orders_data/
  const std::string& file(const std::string& name) const { return files_.at(name); }
  std::vector<std::string> arguments(const std::string& run_date) const;
  support::Ended run(const std::string& run_date, const Environment& environment = {}) const;
  Files objects() const;
  // The objects that there must be after runs on these days.
  Files expected_objects(const std::vector<std::string>& days) const;
  // The three analytics tables, with what changes when a row is written.
  std::string tables() const;
  std::string row_counts() const;
  // All six tables that the job writes, row by row, and how much its ledger holds.
  std::string contents() const;

 private:
  support::TempFolder folder_;
  Files files_;
};

// With a loan book of 3,000 users; the role may read, and nothing else.
class LoansJob : public Job {
 public:
  explicit LoansJob(const std::vector<std::string>& server_arguments = {});
  std::vector<std::string> arguments(const std::string& as_of = "2020-08-23") const;
  support::Ended run(const std::string& as_of = "2020-08-23", const Environment& environment = {}) const;
  Files objects() const;
  Files expected_objects(const std::string& as_of = "2020-08-23") const;
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  support::TempFolder folder_;
};

}  // namespace sluice::faults
