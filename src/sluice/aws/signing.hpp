// AWS Signature Version 4, by header and by query (presigned URLs).
// Source: "Signature Version 4 signing process", AWS General Reference; S3's exceptions as noted.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "sluice/aws/http.hpp"

namespace sluice::aws {

struct Credentials {
  std::string key_id;
  std::string secret;
  std::string token;  // of a session; empty for a user's own key
  std::chrono::system_clock::time_point expires = std::chrono::system_clock::time_point::max();
};

// Signs requests for one service in one region; keeps the day's signing key. One thread.
class Signer {
 public:
  Signer(std::string service, std::string region);
  // Adds X-Amz-Date, X-Amz-Security-Token (if any) and Authorization. `now`: seconds since 1970 UTC.
  void sign(Request& request, const Credentials& credentials, std::int64_t now);
  // ... the signing helper adds presign() and options (unsigned payload, normalise path) here
};

}  // namespace sluice::aws
