// The connection that a database's own work goes by (prepare, ledger, probe): made at first use, and again
// after it was lost.
#pragma once

#include <optional>
#include <string>

#include "sluice/core/clock.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

class Session {
 public:
  Session(ConnectOptions options, std::string application, const Clock& clock)
      : options_(std::move(options)), application_(std::move(application)), clock_(clock) {}

  Result<Connection*> connection();
  const ConnectOptions& options() const { return options_; }
  const std::string& application() const { return application_; }
  const Clock& clock() const { return clock_; }

 private:
  ConnectOptions options_;
  std::string application_;
  const Clock& clock_;
  std::optional<Connection> connection_;
};

}  // namespace sluice::postgres
