#include "sluice/aws/remote_error.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice::aws {
namespace {

constexpr std::array<std::string_view, 3> expired{"ExpiredToken", "ExpiredTokenException", "RequestExpired"};
constexpr std::array<std::string_view, 8> unknown_key{"InvalidClientTokenId",
                                                      "InvalidAccessKeyId",
                                                      "UnrecognizedClientException",
                                                      "InvalidSecurity",
                                                      "InvalidToken",
                                                      "MissingAuthenticationToken",
                                                      "IncompleteSignature",
                                                      "IncompleteSignatureException"};
constexpr std::array<std::string_view, 4> wrong_signature{"SignatureDoesNotMatch", "InvalidSignatureException",
                                                          "InvalidSignature", "RequestTimeTooSkewed"};
constexpr std::array<std::string_view, 9> throttled{
    "RequestThrottled",         "Throttling",           "ThrottlingException",    "ThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "SlowDown",
    "RequestThrottledException"};

bool is_one_of(const RemoteError& remote, const auto& codes) {
  return std::ranges::find(codes, remote.code) != codes.end();
}

}  // namespace

bool is_expired(const RemoteError& remote) { return is_out_of_date(remote) || is_unknown_key(remote); }
bool is_skewed(const RemoteError& remote) { return is_wrong_signature(remote) || remote.code == "RequestExpired"; }
bool is_out_of_date(const RemoteError& remote) { return is_one_of(remote, expired); }
bool is_unknown_key(const RemoteError& remote) { return is_one_of(remote, unknown_key); }
bool is_wrong_signature(const RemoteError& remote) { return is_one_of(remote, wrong_signature); }
bool is_throttled(const RemoteError& remote) { return is_one_of(remote, throttled); }

}  // namespace sluice::aws
