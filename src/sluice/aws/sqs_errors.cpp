#include "sluice/aws/sqs_errors.hpp"

#include <algorithm>
#include <array>

namespace sluice::aws {
namespace {

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

  if (is_throttled(*remote) || call.status == 429 || call.status == 503) {
    return {SqsTrouble::throttled, {Fault::transient, std::move(text), "the account's request rate is used up"}};
  }
  if (code == "OverLimit") {
    return {SqsTrouble::over_limit,
            {Fault::transient, std::move(text), "120,000 messages (20,000 of FIFO) are in flight; delete or wait"}};
  }
  if (std::ranges::find(no_queue, code) != no_queue.end()) {
    return {SqsTrouble::no_queue,
            {Fault::denied,
             "there is no queue " + std::string(call.queue) + " in region " + std::string(call.region) + ": " + text,
             "check name, region and account; a queue of another account is given by its ARN"}};
  }
  if (is_out_of_date(*remote)) {
    return {SqsTrouble::denied,
            {Fault::denied, "the credentials have expired: " + text, "get new ones, and run again"}};
  }
  if (is_wrong_signature(*remote)) {
    return {
        SqsTrouble::denied,
        {Fault::denied, "the signature was refused: " + text, "check the secret access key, and this machine's clock"}};
  }
  if (is_unknown_key(*remote)) {
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
