// A throw-away PostgreSQL server on a free loopback port, with its data in a temporary folder. It runs as
// the user `postgres` when the test runs as root. Throws std::runtime_error when it is installed and does
// not start.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "support/process.hpp"

namespace sluice::support {

// The folder of initdb and postgres; empty: not installed, then skip loudly. SLUICE_PG_BIN names another.
std::optional<std::string> postgres_binaries();

class PostgresServer {
 public:
  struct Options {
    bool durable = false;                 // fsync and all that; where a crash of the server is the test's point
    std::vector<std::string> settings{};  // "log_statement=all"
  };
  static std::unique_ptr<PostgresServer> start(const Options& options);
  static std::unique_ptr<PostgresServer> start() { return start(Options{}); }
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  int port() const { return port_; }
  std::string socket_folder() const { return folder_.path(); }
  // The superuser is `postgres`; other users have the password "secret of NAME". Loopback asks for
  // passwords of all but `postgres`.
  std::string url(const std::string& database = "postgres", const std::string& user = "postgres") const;

  void make_database(const std::string& name);
  void make_user(const std::string& name);
  // As superuser; throws on an error. Gives the first column of the last result, a line a row; NULL is "NULL".
  std::string sql(const std::string& statements, const std::string& database = "postgres") const;

  void stop();  // waits for the checkpoint, breaks connections
  void kill();  // SIGKILL to all of it, as when the machine's power goes
  void start_again();
  std::string log() const;

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  using Handle = std::unique_ptr<PGconn, Finish>;
  struct Idle {
    std::string database;
    Handle connection;
  };

  PostgresServer(std::string binaries, const Options& options);
  Handle connect(const std::string& database) const;
  void keep(const std::string& database, Handle connection) const;
  void forget() const;
  void launch();
  std::vector<std::string> as_owner(std::vector<std::string> command) const;

  std::string binaries_;
  TempFolder folder_;
  int port_ = 0;
  std::vector<std::string> settings_;
  std::unique_ptr<Process> process_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::vector<Idle> idle_;
};

// Prints a line that is seen and skips the test.
#define SLUICE_NEEDS_POSTGRES()                                                                     \
  if (!::sluice::support::postgres_binaries()) {                                                    \
    std::fprintf(stderr, "SKIPPED LOUDLY: PostgreSQL (initdb) not found; install postgresql-15\n"); \
    GTEST_SKIP() << "PostgreSQL (initdb) not found";                                                \
  }                                                                                                 \
  static_cast<void>(0)

}  // namespace sluice::support
