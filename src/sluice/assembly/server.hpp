// `sluice serve`: what goes on side by side until a stop is asked for.
//
// Queues without a schedule are followed; flows and projects with one run when they are due. Each job works by itself:
// one that fails waits and is tried again, and the others go on.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "sluice/assembly/assemble.hpp"
#include "sluice/web/http_server.hpp"

namespace sluice::assembly {

struct ServeOptions {
  std::vector<std::string> files;
  std::vector<std::string> vars;  // NAME=VALUE, for all files
  web::Listen listen{};
  std::chrono::seconds lease{60};  // how long a server that died keeps a schedule's turn
  std::stop_token stop{};
};

// Comes back when a stop was asked for and everything is drained, or when no job is left that could go on. Errors
// before the first job began come back as such, later ones stand in the answer.
Result<Answer> serve(const ServeOptions& options, const Session& session);

}  // namespace sluice::assembly
