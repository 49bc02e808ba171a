// AWS Signature Version 4, by header and by query (presigned URLs).
// Source: "Signature Version 4 signing process", AWS General Reference; S3's exceptions as noted.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "sluice/aws/http.hpp"

namespace sluice::aws {

struct Credentials {
  std::string key_id;
  std::string secret;
  std::string token{};  // of a session; empty for a user's own key
  std::chrono::system_clock::time_point expires = std::chrono::system_clock::time_point::max();
};

struct SigningOptions {
  // "/a/../b" is signed as "/b" and what is encoded is encoded once more. S3 wants neither: an
  // object key may hold "//", "." and "..".
  bool normalise_path = true;
  bool unsigned_payload = false;    // the body is not part of the signature; S3, over https only
  bool payload_header = false;      // adds X-Amz-Content-Sha256, which S3 requires by header
  bool omit_session_token = false;  // the token is added after signing, not signed

  static SigningOptions for_s3() { return {.normalise_path = false, .payload_header = true}; }
};

// Signs requests for one service in one region; keeps the day's signing key. One thread.
class Signer {
 public:
  Signer(std::string service, std::string region);
  Signer(std::string service, std::string region, SigningOptions options);
  ~Signer();
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;

  // Adds X-Amz-Date, X-Amz-Security-Token (if any) and Authorization. `now`: seconds since 1970 UTC.
  // What an earlier sign() added is replaced, so a request can be signed anew for each attempt.
  void sign(Request& request, const Credentials& credentials, std::int64_t now);

  // Signs by query: the URL alone does, for whoever has it, until it expires (7 days at most).
  // Headers that stand in the request must then be sent as they are. For S3: with unsigned_payload.
  Result<void> presign(Request& request, const Credentials& credentials, std::int64_t now,
                       std::chrono::seconds expires);

  // Of the last request that was signed, to compare with what the server says it expected
  // (SignatureDoesNotMatch). No secret is in them, but a session token is.
  const std::string& canonical_request() const;
  const std::string& string_to_sign() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::aws
