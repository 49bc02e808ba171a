// Checks the SigV4 signature of a request, by header, against one key. Written apart from the engine's
// signer, so that one error cannot hide in both.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <string>

#include "http_loop.hpp"

namespace sluice::servers {

enum class Signature { good, absent, unknown_key, expired, wrong };

struct SigningKey {
  std::string id;
  std::string secret;
  std::string token{};  // session token; empty for none
};

Signature check_signature(const HttpRequest& request, const SigningKey& key, std::int64_t now_seconds);

}  // namespace sluice::servers
