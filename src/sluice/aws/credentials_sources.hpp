// The places that credentials may come from, one function each. CredentialsChain asks them in turn.
//
// None of them ever puts a secret or a token into an Error.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/aws/credentials.hpp"
#include "sluice/aws/credentials_files.hpp"

namespace sluice::aws {

// What a place has to say: credentials and where they are from, or why there are none. An Error
// means that the place is set up, but does not work.
struct Sought {
  std::optional<Credentials> credentials{};
  std::string where{};
};

struct Surroundings {
  Http& http;
  const Clock& clock;
  std::string container_host = "http://169.254.170.2";  // of ECS; a test has its own
};

Result<Sought> from_environment(const CredentialsOptions& options);
// AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, as EKS sets them.
Result<Sought> from_web_identity(Surroundings& around, const std::string& profile);
// ECS and EKS pod identity. Source: "Container credential provider", AWS SDKs and Tools Reference Guide.
Result<Sought> from_container(Surroundings& around);
// EC2's metadata service, version 2 only.
Result<Sought> from_instance(Surroundings& around);
// Keys, a role, SSO or a process, as the profile says.
Result<Sought> from_profile(Surroundings& around, const std::string& asked_profile);

// The token that `aws sso login` left behind.
Result<Sought> from_sso(Surroundings& around, const Profiles& profiles, const std::string& name,
                        const Properties& profile);

// STS. Source: the AWS STS API Reference, AssumeRole and AssumeRoleWithWebIdentity.
struct Role {
  std::string arn;
  std::string session_name{};
  std::string external_id{};
  std::string duration_seconds{};  // empty: an hour
};
Result<Credentials> assume_role(Surroundings& around, const Role& role, const Credentials& source,
                                const std::string& profile);
Result<Credentials> assume_role_with_web_identity(Surroundings& around, const Role& role, const std::string& token_file,
                                                  const std::string& profile);

// Runs the command by sh for at most `timeout`, and gives what it writes.
Result<std::string> run_process(const std::string& command, std::chrono::seconds timeout);

// {"AccessKeyId": ..., "SecretAccessKey": ..., token_name: ..., "Expiration": ...}
Result<Credentials> parse_json_credentials(std::string_view text, std::string_view token_name, const Clock& clock);
// "2026-11-21T07:40:25Z", perhaps with a fraction, or an offset such as +00:00.
std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text);
// Errors unless all three can stand in a header and the time is not over.
Result<Credentials> checked(Credentials credentials, const Clock& clock);

}  // namespace sluice::aws
