// S3's error codes, as S3Error with one clear sentence.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sluice/aws/remote_error.hpp"
#include "sluice/core/result.hpp"

namespace sluice::aws {

enum class S3Trouble {
  transient,  // network, 5xx: try again
  throttled,  // try again, slower
  busy,       // 409: somebody writes the same key at this moment: try again
  no_key,
  no_bucket,
  no_upload,   // it was finished or aborted
  changed,     // 412: a condition does not hold
  range,       // 416: there are no such bytes
  redirected,  // the bucket is in another region
  denied,      // credentials or rights
  refused,     // the call itself: a retry does not help
};

struct S3Error {
  S3Trouble trouble = S3Trouble::transient;
  Error error;
  // An earlier try of the same call got no clear answer, so it may have done its work.
  bool uncertain = false;
  std::string region{};  // with `redirected`

  bool retryable() const { return trouble <= S3Trouble::busy; }
};

template <class T>
using S3Result = tl::expected<T, S3Error>;

struct FailedS3Call {
  std::string_view action;  // "GetObject"
  std::string place;        // "s3://bucket/key"
  std::string_view bucket;
  std::string_view region;
  std::string_view endpoint;
  int status = 0;
};

S3Error describe_s3_error(const FailedS3Call& call, const std::optional<RemoteError>& remote);

}  // namespace sluice::aws
