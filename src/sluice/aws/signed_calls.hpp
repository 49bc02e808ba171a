// Calls to one AWS service: each signed anew for each attempt, counted by kind.
//
// When the far end refuses the credentials as expired or unknown, they are looked for again, once a call; when it
// refuses the signature's time, the clock is corrected by its Date header. Everything else that a call may answer is
// its caller's to judge; nothing else is tried again here.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/aws/credentials.hpp"
#include "sluice/aws/http.hpp"
#include "sluice/aws/remote_error.hpp"
#include "sluice/aws/signing.hpp"
#include "sluice/core/clock.hpp"

namespace sluice::aws {

struct SignedCallsOptions {
  std::string connection;  // its name in the project, for log lines
  std::string service;
  std::string region;
  SigningOptions signing{};
  CredentialsOptions credentials{};
  HttpOptions http{};
};

// One thread uses it, except wake() and calls(). `clock` outlives it.
class SignedCalls {
 public:
  // An answer of any status; an Error means that no whole answer came, or that there is nothing to sign with.
  using Done = std::function<void(Result<Response>)>;
  // Of an answer that is not 2xx; empty if it is no error of the service.
  using ReadError = std::function<std::optional<RemoteError>(const Response&)>;

  SignedCalls(SignedCallsOptions options, const Clock& clock, ReadError read_error);
  ~SignedCalls();  // calls under way are cut off; their Done is not called

  // `kind` names the call where calls are counted. `done` runs inside work(), and may start further calls.
  void start(std::string_view kind, Request request, Done done);
  // Until at least one call has ended, `wait` has passed, or wake().
  void work(std::chrono::milliseconds wait);
  void wake();

  // By query; empty: anonymous, so the URL alone does.
  Result<void> presign(Request& request, std::chrono::seconds expires);

  // The region that later calls are signed for.
  void set_region(const std::string& region);
  std::string credentials_from() const;                // where they were found, for doctor
  std::map<std::string, std::uint64_t> calls() const;  // from any thread

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// "Wed, 21 Oct 2015 07:28:00 GMT" -> seconds since 1970; empty if it is no such date.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace sluice::aws
