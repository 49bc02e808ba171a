#include "support/postgres_server.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace sluice::support {
namespace fs = std::filesystem;
namespace {

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

void must(const Ended& ended, const std::string& what) {
  if (ended.code != 0) throw std::runtime_error(what + " failed:\n" + ended.out + ended.err);
}

pid_t postmaster_of(const fs::path& data) {
  std::ifstream file(data / "postmaster.pid");
  pid_t pid = 0;
  file >> pid;
  return pid;
}

}  // namespace

std::optional<std::string> postgres_binaries() {
  if (const char* given = std::getenv("SLUICE_PG_BIN")) return given;
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none)) {
    if (fs::exists(version.path() / "bin" / "initdb")) found.push_back(version.path() / "bin");
  }
  if (found.empty()) return std::nullopt;
  return std::ranges::max(found).string();
}

std::unique_ptr<PostgresServer> PostgresServer::start(const Options& options) {
  const std::optional<std::string> binaries = postgres_binaries();
  if (!binaries) throw std::runtime_error("PostgreSQL is not installed");
  return std::unique_ptr<PostgresServer>(new PostgresServer(*binaries, options));
}

std::vector<std::string> PostgresServer::as_owner(std::vector<std::string> command) const {
  if (geteuid() != 0) return command;
  // setpriv becomes the server, so that its process id is the one that we know.
  std::vector<std::string> out{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"};
  out.insert(out.end(), command.begin(), command.end());
  return out;
}

PostgresServer::PostgresServer(std::string binaries, const Options& options)
    : binaries_(std::move(binaries)), folder_("postgres"), port_(free_port()), settings_(options.settings) {
  const std::string folder = folder_.path();
  if (geteuid() == 0) must(run({{"chown", "postgres:", folder}}), "chown");
  if (!options.durable) {
    for (const char* setting : {"fsync=off", "full_page_writes=off", "synchronous_commit=off"})
      settings_.emplace_back(setting);
  }
  must(run({as_owner({binaries_ + "/initdb", "-D", folder + "/data", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                      "-A", "trust", "--no-sync", "--no-instructions"})}),
       "initdb");
  {
    std::ofstream access(folder_.path() / "data" / "pg_hba.conf");
    access << "local all all trust\n"
              "host all postgres 127.0.0.1/32 trust\n"
              "host all all 127.0.0.1/32 scram-sha-256\n";
  }
  launch();
}

PostgresServer::~PostgresServer() {
  idle_.clear();
  if (process_ && process_->running()) {
    process_->send_signal(SIGQUIT);
    process_->wait(std::chrono::seconds(20));
  }
}

void PostgresServer::launch() {
  const std::string folder = folder_.path();
  std::vector<std::string> command{
      binaries_ + "/postgres",      "-D", folder + "/data",    "-p", std::to_string(port_), "-k", folder, "-c",
      "listen_addresses=127.0.0.1", "-c", "max_connections=60"};
  for (const std::string& setting : settings_) {
    command.emplace_back("-c");
    command.push_back(setting);
  }
  process_ = std::make_unique<Process>(Command{as_owner(command)});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (PQping(("host=127.0.0.1 port=" + std::to_string(port_) + " dbname=postgres user=postgres").c_str()) !=
         PQPING_OK) {
    if (!process_->running() || std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("postgres does not start:\n" + log());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::string PostgresServer::url(const std::string& database, const std::string& user) const {
  const std::string login = user == "postgres" ? user : user + ":secret%20of%20" + user;
  return "postgresql://" + login + "@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

void PostgresServer::make_database(const std::string& name) { sql("create database " + quoted(name)); }

void PostgresServer::make_user(const std::string& name) {
  sql("create role " + quoted(name) + " login password 'secret of " + name + "'");
}

// A server that forks for each of a test's questions has little time left for what is tested.
PostgresServer::Handle PostgresServer::connect(const std::string& database) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(idle_, database, &Idle::database);
    if (found != idle_.end()) {
      Handle connection = std::move(found->connection);
      idle_.erase(found);
      // Somebody may have ended it meanwhile.
      if (PQconsumeInput(connection.get()) == 1 && PQstatus(connection.get()) == CONNECTION_OK) return connection;
    }
  }
  Handle connection(PQconnectdb(url(database).c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  return connection;
}

// What it was set to, holds or has open does not outlive the question.
void PostgresServer::keep(const std::string& database, Handle connection) const {
  if (PQtransactionStatus(connection.get()) != PQTRANS_IDLE) return;
  const std::unique_ptr<PGresult, decltype(&PQclear)> cleared(PQexec(connection.get(), "discard all"), &PQclear);
  if (PQresultStatus(cleared.get()) != PGRES_COMMAND_OK) return;
  constexpr std::size_t most = 2;
  const std::lock_guard lock(mutex_);
  if (idle_.size() == most) idle_.erase(idle_.begin());
  idle_.push_back({database, std::move(connection)});
}

void PostgresServer::forget() const {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

std::string PostgresServer::sql(const std::string& statements, const std::string& database) const {
  Handle connection = connect(database);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statements.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(PQerrorMessage(connection.get()));
  std::string out;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    if (row > 0) out += '\n';
    out += PQgetisnull(result.get(), row, 0) != 0 ? "NULL" : PQgetvalue(result.get(), row, 0);
  }
  if (statements.find("alter database") != std::string::npos) {
    forget();  // what it sets is for those who connect later
  } else {
    keep(database, std::move(connection));
  }
  return out;
}

void PostgresServer::stop() {
  forget();
  process_->send_signal(SIGINT);  // "fast": breaks connections
  if (!process_->wait(std::chrono::seconds(60))) throw std::runtime_error("postgres does not stop");
}

void PostgresServer::kill() {
  forget();
  // Its children first, as the postmaster would else still tidy up behind one that was killed.
  const pid_t postmaster = postmaster_of(folder_.path() / "data");
  ::kill(postmaster, SIGSTOP);
  std::vector<pid_t> all;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream status(entry.path() / "stat");
    std::string line;
    if (!std::getline(status, line)) continue;
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream rest(line.substr(name_end + 1));
    char state = 0;
    pid_t parent = 0;
    rest >> state >> parent;
    if (parent == postmaster) all.push_back(static_cast<pid_t>(std::stol(line)));
  }
  for (const pid_t pid : all) ::kill(pid, SIGKILL);
  ::kill(postmaster, SIGKILL);
  process_->wait(std::chrono::seconds(20));
}

void PostgresServer::start_again() {
  std::error_code ignored;
  fs::remove(folder_.path() / "data" / "postmaster.pid", ignored);
  launch();
}

std::string PostgresServer::log() const { return process_ ? process_->err() : std::string(); }

}  // namespace sluice::support
