// How to reach a server, read from a project file and the PG* variables as libpq does, with TLS that is
// verified unless the server is on this machine or something else is asked for.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/core/settings.hpp"

namespace sluice::postgres {

struct Host {
  std::string name;     // a name, an address, or the folder of a socket; may be empty
  std::string address;  // hostaddr; may be empty
  std::string port;     // may be empty: 5432
  // "db.example:5432", "socket /run/postgresql, port 5432".
  std::string text() const;
  bool is_local() const;
};

struct ConnectOptions {
  std::vector<std::pair<std::string, std::string>> keywords;  // without host, hostaddr and port
  std::vector<Host> hosts;                                    // tried in this order; at least one
  bool hosts_given = false;                                   // else they are libpq's defaults, or a service file's
  std::chrono::seconds connect_timeout{10};                   // for one host
  std::chrono::seconds statement_timeout{0};

  const std::string* find(std::string_view keyword) const;
  // For messages: "postgres db.example:5432".
  std::string where() const;
};

// Looks up an environment variable; a test passes its own.
using Environment = std::function<std::optional<std::string>(const char*)>;
std::optional<std::string> process_environment(const char* name);

Result<ConnectOptions> connect_options(const Settings& settings, const Environment& environment);

}  // namespace sluice::postgres
