// Where requests get their credentials from, in the order of the AWS SDKs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/aws/signing.hpp"
#include "sluice/core/clock.hpp"

namespace sluice::aws {

struct CredentialsOptions {
  std::string profile{};            // empty: AWS_PROFILE, else "default"
  std::string access_key_id_env{};  // name of an environment variable to use instead of AWS_ACCESS_KEY_ID
  std::string secret_access_key_env{};
  std::string session_token_env{};
  bool anonymous = false;  // no credentials: requests go unsigned
};

// The region that AWS_REGION, AWS_DEFAULT_REGION or the profile (empty: AWS_PROFILE, else "default")
// in the shared config file names; empty if none does.
std::string region_from_environment(const std::string& profile);

// The endpoint that AWS_ENDPOINT_URL_<SERVICE> ("SQS", "S3", "STS"), AWS_ENDPOINT_URL or the profile's
// endpoint_url names; empty if none does, or AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true.
std::string endpoint_from_environment(std::string_view service, const std::string& profile);

// Finds, keeps and refreshes credentials. One thread.
//
//   environment -> shared files (keys, roles, SSO, a process) -> web identity -> container -> instance
//
// A place that is not set up is passed over; one that is set up and fails ends the search, so that
// nobody works under another identity than the one they configured. `http` and `clock` outlive this.
class CredentialsChain {
 public:
  CredentialsChain(CredentialsOptions options, Http& http, const Clock& clock);
  ~CredentialsChain();
  // Those to sign with now; empty optional: anonymous. Refreshes 5 minutes before they expire; while
  // that fails, those at hand are used until they do. A refresh waits in http.call(), which carries
  // other calls on. Error `denied` names every place that was looked at and what to set.
  Result<std::optional<Credentials>> get();
  // The far end said that they are expired or unknown: get() looks again, at most every 5 seconds.
  void forget();
  // Where they came from, for doctor: "environment", "profile x in ~/.aws/credentials", ...
  std::string where() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::aws
