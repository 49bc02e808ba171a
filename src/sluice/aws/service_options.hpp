// What a project file says about any connection to AWS: credentials, region and endpoint.
#pragma once

#include <string>
#include <string_view>

#include "sluice/aws/credentials.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::aws {

// An error (config) that names the key and its place.
Error wrong_setting(const Settings& settings, std::string_view name, std::string_view what, std::string_view hint);

// `profile`, `access_key_id_env`, `secret_access_key_env`, `session_token_env`, `anonymous`.
Result<CredentialsOptions> read_credentials(const Settings& settings);

struct EndpointWanted {
  std::string_view service;  // "SQS", as in AWS_ENDPOINT_URL_SQS
  std::string what;          // for messages: "queue login-queue"
  std::string region{};      // what is known of them before settings and environment are asked
  std::string endpoint{};
  std::string profile{};
  bool insecure = false;
};

struct ServiceEndpoint {
  std::string region;
  std::string url;   // scheme, host, port and perhaps a path, without '/' at the end; empty: AWS's own
  bool own = false;  // `url` is given

  // Of AWS's own hosts: ".amazonaws.com", in China with ".cn".
  std::string domain() const;
};

// `region`, `endpoint` and the environment's. Without any region: us-east-1 for a server of one's own, else an error.
Result<ServiceEndpoint> read_endpoint(const Settings& settings, EndpointWanted wanted);

}  // namespace sluice::aws
