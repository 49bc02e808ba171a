// The logins project against a real PostgreSQL and the queue server, and the verdict that every fault test
// ends with: each message of the source is in the table or among the rejects, once, and no personal value
// stands in clear anywhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/postgres_server.hpp"
#include "support/process.hpp"
#include "support/queue_server.hpp"

namespace sluice::faults {

// One server for all tests of the binary, each with a database of its own. Only after SLUICE_NEEDS_POSTGRES().
support::PostgresServer& postgres();
void stop_postgres();  // at the end of main

// A message as the test made it.
struct Sent {
  std::string body;
  std::string row;  // what its row must be, masks undone: user|device_type|ip|device|locale|version; empty: a reject
  std::vector<std::string> personal;  // what nobody may find in clear
};

// `count` of them, all different; every tenth breaks the contract in one of several ways.
std::vector<Sent> login_messages(std::size_t count, std::uint64_t first = 0);

struct FlowOptions {
  int visibility = 2;                     // seconds; of the queue
  std::string queue_keys = ", wait: 0s";  // more keys of the connection `queue`
  std::string warehouse_keys{};           // more keys of the connection `warehouse`
  std::string flow_keys{};                // more lines of the flow
  std::string table_sql{};                // instead of the usual one
  std::string columns{};                  // more of the select, each followed by a comma
  std::string user = "postgres";          // of the database
  bool make_queue = true;
  std::vector<std::string> server_arguments{};  // of the queue server
};

class LoginFlow {
 public:
  explicit LoginFlow(const FlowOptions& options = {});
  ~LoginFlow();
  LoginFlow(const LoginFlow&) = delete;
  LoginFlow& operator=(const LoginFlow&) = delete;

  support::QueueServer& queue() const { return *queue_; }
  const std::string& database() const { return database_; }
  const std::filesystem::path& folder() const { return folder_.path(); }
  std::string sql(const std::string& statements) const { return postgres().sql(statements, database_); }
  void configure(const FlowOptions& options);  // writes the project again
  void database_url(std::string url) { url_ = std::move(url); }
  void endpoint(std::string url) { endpoint_ = std::move(url); }

  void send(const std::vector<Sent>& messages);  // through the queue's front door
  void put(const Sent& message);                 // bytes that SQS itself would refuse
  void fill(std::uint64_t count, std::uint64_t seed, std::uint64_t malformed);

  using Environment = std::map<std::string, std::optional<std::string>>;
  // `sluice run`, to its end. What it says is kept for the verdict.
  support::Ended run(const std::vector<std::string>& arguments = {}, const Environment& environment = {});
  // Any other command, in the project's folder; its files are logins.yaml and keys.json.
  support::Ended sluice(const std::vector<std::string>& arguments, const Environment& environment = {});
  std::unique_ptr<support::Process> start(const std::vector<std::string>& arguments = {},
                                          const Environment& environment = {}) const;
  void keep(const std::string& said) { said_ += said; }  // of a process from start()

  std::uint64_t rows() const;     // in the table and in the rejects; 0 before they are made
  std::uint64_t waiting() const;  // in the queue, visible or not

  // The run ended with `code` and said one line of error that holds each of `parts`; all messages that were sent
  // wait in the queue and nothing is in clear.
  void refused(const support::Ended& ended, int code, const std::vector<std::string>& parts) const;

  // All is there once, the queue is empty, nothing is in clear.
  void verdict();
  // The part of it that holds while messages are left in the queue.
  void nothing_in_clear() const;

 private:
  support::Command any_command(const std::vector<std::string>& arguments, const Environment& environment) const;
  support::Command command(const std::vector<std::string>& arguments, const Environment& environment) const;
  void expect(const Sent& message);
  std::vector<std::string> written() const;
  std::vector<std::string> rejected() const;

  support::TempFolder folder_;
  std::unique_ptr<support::QueueServer> queue_;
  std::string database_;
  std::string url_;
  std::string endpoint_;
  std::vector<std::string> rows_;     // that must be in the table
  std::vector<std::string> refused_;  // bodies that must be among the rejects
  std::vector<std::string> personal_;
  std::string said_;
};

// Until `ready` says so; false after `longest`.
template <class Ready>
bool wait_until(Ready ready, std::chrono::milliseconds longest = std::chrono::seconds(20));

}  // namespace sluice::faults

#include <thread>

template <class Ready>
bool sluice::faults::wait_until(Ready ready, std::chrono::milliseconds longest) {
  const auto until = std::chrono::steady_clock::now() + longest;
  while (!ready()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}
