// Checks the SigV4 signature of a request against one key, by header and by query. Written apart from the engine's
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

Signature check_signature(const HttpRequest& request, const SigningKey& key, std::int64_t now_seconds,
                          std::string_view service = "sqs");
// The same by query, as a presigned URL has it; `expired` once its time is over.
Signature check_presigned(const HttpRequest& request, const SigningKey& key, std::int64_t now_seconds);
// The region that a request was signed for; empty when it is not signed.
std::string_view signed_region(const HttpRequest& request);

}  // namespace sluice::servers
