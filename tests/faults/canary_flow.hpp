// The canary's projects in a folder of their own, beside servers of their own: filled, driven, and searched. PostgreSQL
// logs every statement, with its parameters. Only the sources and the two databases that may hold persons in clear are
// left out of the search, and of PostgreSQL's log what it says itself of an error of such a database.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "canary_project.hpp"
#include "canary_search.hpp"
#include "login_flow.hpp"
#include "support/object_server.hpp"

namespace sluice::faults {

class CanaryFlow : public testing::Test {
 protected:
  using Environment = std::map<std::string, std::optional<std::string>>;
  struct How {
    bool gives_values = false;  // it is what the command is for: only what it logs is searched
    std::string input{};        // on stdin
    Environment environment{};
    std::string shell{};  // what a shell does first, such as "ulimit -f 8"
  };

  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;

  std::filesystem::path at(const std::string& name) const { return folder_.path() / name; }
  void write(const std::string& name, const std::string& text) const;
  static support::PostgresServer& postgres() { return *postgres_; }
  std::string sql(const std::string& statements) const { return postgres().sql(statements, database_); }
  std::string vault(const std::string& statements) const { return postgres().sql(statements, vault_); }

  // Rows for every source; of messages every so manieth.
  void fill(std::size_t every = 1);
  void fill_parquet() const;
  // A database that may hold persons in clear, with its tables filled: what models and exports read.
  void fill_clear();

  // Runs to its end; what it says is searched.
  support::Ended drive(std::vector<std::string> words, const How& how);
  support::Ended drive(std::vector<std::string> words) { return drive(std::move(words), How{}); }
  // `sluice run` of these flows, without waits.
  support::Ended run(const std::vector<std::string>& flows, const How& how, const std::string& file = "canary.yaml");
  support::Ended run(const std::vector<std::string>& flows) { return run(flows, How{}); }
  support::Command command(const std::vector<std::string>& words, const How& how) const;
  // Command line, environment and what is said of a process that the test runs itself.
  void look_at(const support::Process& process);
  void look_at(const std::string& what, const support::Ended& ended);

  // Everything that is left behind: files, tables, objects, logs. Parquet, DuckDB's files and packed ones as the rows
  // they hold.
  void search_all();

  support::TempFolder folder_{"canary"};
  std::string database_;  // of tokens
  std::string vault_;     // of persons in clear
  std::unique_ptr<support::QueueServer> queue_;
  std::unique_ptr<support::ObjectServer> store_;
  std::set<std::string> driven_;  // "run", "rejects show"

 private:
  void search_files() const;
  void search_tables(const std::string& database, const std::set<std::string>& clear) const;
  void search_objects() const;
  void search_log() const;
  Environment environment() const;

  static inline std::unique_ptr<support::PostgresServer> postgres_;
  static inline int databases_ = 0;
};

// Commands as the binary's own completion lists them: "run", "rejects show", "demo", "demo shop".
std::set<std::string> all_commands();

// A statement in a DuckDB file, or in none (nullptr); fails the test on an error. Gives all cells.
std::string in_duckdb(const char* file, const std::string& sql);

std::string read_file(const std::filesystem::path& file);

}  // namespace sluice::faults
