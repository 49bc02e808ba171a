#include "sluice/aws/sqs_errors.hpp"

#include <array>

namespace sluice::aws {
namespace {

bool is_one_of(std::string_view code, std::span<const std::string_view> codes) {
  for (const std::string_view one : codes) {
    if (code == one) return true;
  }
  return false;
}

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
constexpr std::array<std::string_view, 4> no_queue{"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
                                                   "NonExistentQueue", "QueueDeletedRecently"};

std::string_view right_of(std::string_view action) {  // batches need the right to the single call
  if (action == "DeleteMessageBatch") return "sqs:DeleteMessage";
  if (action == "ChangeMessageVisibilityBatch") return "sqs:ChangeMessageVisibility";
  if (action == "SendMessageBatch") return "sqs:SendMessage";
  if (action == "ReceiveMessage") return "sqs:ReceiveMessage";
  if (action == "GetQueueAttributes") return "sqs:GetQueueAttributes";
  return "sqs:GetQueueUrl";
}

}  // namespace

bool is_expired(const RemoteError& remote) {
  return is_one_of(remote.code, expired) || is_one_of(remote.code, unknown_key);
}

bool is_skewed(const RemoteError& remote) {
  return is_one_of(remote.code, wrong_signature) || remote.code == "RequestExpired";
}

SqsError describe_sqs_error(const FailedCall& call, const std::optional<RemoteError>& remote) {
  std::string text(call.action);
  if (!remote) {
    text += ": " + std::string(call.endpoint) + " answered with HTTP status " + std::to_string(call.status);
    if (call.status == 429 || call.status == 503) {
      return {SqsTrouble::throttled, {Fault::transient, std::move(text), "the server is busy; Sluice goes slower"}};
    }
    if (call.status >= 500) return {SqsTrouble::transient, {Fault::transient, std::move(text)}};
    if (call.status == 401 || call.status == 403) {
      return {SqsTrouble::denied,
              {Fault::denied, std::move(text), "is this the right endpoint, and does it let you in?"}};
    }
    return {SqsTrouble::refused, {Fault::failed, text + " and nothing that SQS says", "is this an SQS endpoint?"}};
  }
  const std::string_view code = remote->code;
  text += ": " + remote->code + " (region " + std::string(call.region);
  if (!remote->request_id.empty()) text += ", request " + remote->request_id;
  text += ")";

  if (is_one_of(code, throttled) || call.status == 429 || call.status == 503) {
    return {SqsTrouble::throttled, {Fault::transient, std::move(text), "the account's request rate is used up"}};
  }
  if (code == "OverLimit") {
    return {SqsTrouble::over_limit,
            {Fault::transient, std::move(text), "120,000 messages (20,000 of FIFO) are in flight; delete or wait"}};
  }
  if (is_one_of(code, no_queue)) {
    return {SqsTrouble::no_queue,
            {Fault::denied,
             "there is no queue " + std::string(call.queue) + " in region " + std::string(call.region) + ": " + text,
             "check name, region and account; a queue of another account is given by its ARN"}};
  }
  if (is_one_of(code, expired)) {
    return {SqsTrouble::denied,
            {Fault::denied, "the credentials have expired: " + text, "get new ones, and run again"}};
  }
  if (is_one_of(code, wrong_signature)) {
    return {
        SqsTrouble::denied,
        {Fault::denied, "the signature was refused: " + text, "check the secret access key, and this machine's clock"}};
  }
  if (is_one_of(code, unknown_key)) {
    return {SqsTrouble::denied,
            {Fault::denied, "the credentials are not known: " + text,
             "check AWS_ACCESS_KEY_ID, or profile: on the connection"}};
  }
  if (call.status == 403 || code.starts_with("AccessDenied") || code == "OptInRequired") {
    const std::string hint = "allow " + std::string(right_of(call.action)) + " on queue " + std::string(call.queue) +
                             " in the policy of the user or role; a queue encrypted by KMS also wants kms:Decrypt";
    return {SqsTrouble::denied, {Fault::denied, "not allowed: " + text, hint}};
  }
  if (call.status >= 500) return {SqsTrouble::transient, {Fault::transient, std::move(text)}};
  return {SqsTrouble::refused, {Fault::failed, std::move(text)}};
}

}  // namespace sluice::aws
