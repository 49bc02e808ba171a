// Where requests get their credentials from, in the order of the AWS SDKs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sluice/aws/signing.hpp"
#include "sluice/core/clock.hpp"

namespace sluice::aws {

struct CredentialsOptions {
  std::string profile;            // empty: AWS_PROFILE, else "default"
  std::string access_key_id_env;  // name of an environment variable to use instead of AWS_ACCESS_KEY_ID
  std::string secret_access_key_env;
  std::string session_token_env;
  bool anonymous = false;  // no credentials: requests go unsigned
};

// Finds, keeps and refreshes credentials. One thread.
class CredentialsChain {
 public:
  CredentialsChain(CredentialsOptions options, Http& http, const Clock& clock);
  ~CredentialsChain();
  // Those to sign with now; empty optional: anonymous. Refreshes before they expire.
  // Error `denied` names every place that was looked at and what to set.
  Result<std::optional<Credentials>> get();
  // The far end said that they are expired or unknown: get() looks again, once.
  void forget();
  // Where they came from, for doctor: "environment", "profile x in ~/.aws/credentials", ...
  std::string where() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::aws
