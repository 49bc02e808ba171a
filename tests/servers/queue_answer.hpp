// Answers of SQS, written straight into a buffer, as JSON or as the XML of the query protocol.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "queue_call.hpp"
#include "queue_store.hpp"

namespace sluice::servers {

// An error as both protocols name it.
struct ErrorKind {
  std::string_view shape;  // JSON: after the '#' of __type
  std::string_view code;   // query: <Code>, and JSON's x-amzn-query-error header
  int status = 400;
};

namespace errors {
inline constexpr ErrorKind no_queue{"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"};
inline constexpr ErrorKind queue_exists{"QueueNameExists", "QueueAlreadyExists"};
inline constexpr ErrorKind bad_value{"InvalidParameterValueException", "InvalidParameterValue"};
inline constexpr ErrorKind bad_attribute{"InvalidAttributeName", "InvalidAttributeName"};
inline constexpr ErrorKind missing{"MissingRequiredParameterException", "MissingParameter"};
inline constexpr ErrorKind malformed{"SerializationException", "MalformedInput"};
inline constexpr ErrorKind unknown_action{"UnknownOperationException", "InvalidAction"};
inline constexpr ErrorKind bad_contents{"InvalidMessageContents", "InvalidMessageContents"};
inline constexpr ErrorKind bad_handle{"ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"};
inline constexpr ErrorKind not_in_flight{"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"};
inline constexpr ErrorKind over_limit{"OverLimit", "OverLimit", 403};
inline constexpr ErrorKind empty_batch{"EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"};
inline constexpr ErrorKind many_entries{"TooManyEntriesInBatchRequest",
                                        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"};
inline constexpr ErrorKind same_ids{"BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"};
inline constexpr ErrorKind bad_id{"InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"};
inline constexpr ErrorKind batch_too_long{"BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"};
inline constexpr ErrorKind purging{"PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", 403};
inline constexpr ErrorKind throttled{"RequestThrottled", "RequestThrottled", 400};
inline constexpr ErrorKind internal{"InternalFailure", "InternalFailure", 500};
inline constexpr ErrorKind unavailable{"ServiceUnavailable", "ServiceUnavailable", 503};
inline constexpr ErrorKind denied{"AccessDeniedException", "AccessDenied", 403};
inline constexpr ErrorKind expired{"ExpiredTokenException", "ExpiredToken", 403};
inline constexpr ErrorKind unsigned_request{"MissingAuthenticationTokenException", "MissingAuthenticationToken", 403};
inline constexpr ErrorKind unknown_key{"UnrecognizedClientException", "InvalidClientTokenId", 403};
inline constexpr ErrorKind bad_signature{"InvalidSignatureException", "SignatureDoesNotMatch", 403};
}  // namespace errors

struct FailedEntry {
  std::string id;
  const ErrorKind* kind;
  std::string message;
  bool sender_fault = true;
};

enum SystemAttribute : unsigned {
  sent_at = 1,
  receive_count = 2,
  first_receive_at = 4,
  sender_id = 8,
  every_attribute = 15
};

// What a receive wants to see of each message.
struct ReceiveView {
  unsigned system = 0;
  std::vector<std::string> names;  // message attributes: names, `prefix.*`, `All` or `.*`
  bool wants(std::string_view name) const;
};

class AnswerWriter {
 public:
  AnswerWriter(Protocol protocol, std::string_view action, std::string& out, bool wrong_md5 = false)
      : json_(protocol == Protocol::json), action_(action), out_(out), wrong_md5_(wrong_md5) {}

  // The frame around everything else; `headers` gets what an error adds.
  void open();
  void close();
  void error(const ErrorKind& kind, std::string_view message, std::string& headers);

  // One field of the answer: "QueueUrl", "MessageId".
  void field(std::string_view name, std::string_view value);
  void message(const QueueStore& store, std::uint32_t slot, std::string_view handle, const ReceiveView& view);
  void sent(std::string_view entry_id, const Message& message);
  void done(std::string_view entry_id);
  void failed(std::span<const FailedEntry> entries);
  // JSON has lists of entries, XML repeats elements: call around the entries of one kind.
  void begin_list(std::string_view name);
  void end_list();
  void queue_attributes(std::span<const std::pair<std::string, std::string>> attributes);
  void queue_urls(std::span<const std::string> urls);

 private:
  void key(std::string_view name);
  void open_map(std::string_view name);
  void close_map();
  void part(std::string_view name, std::string_view value);  // a field of the innermost object
  void digest(std::string_view name, const Md5& md5);
  void begin_item(std::string_view element);
  void end_item(std::string_view element);
  void attribute(const MessageAttribute& attribute);

  bool json_;
  std::string_view action_;
  std::string& out_;
  bool wrong_md5_;
  bool comma_ = false;
};

std::string uuid_text(const std::array<std::uint64_t, 2>& id);
void append_handle(std::string& out, Handle handle);
// Nothing when the text was never a handle of ours.
std::optional<Handle> read_handle(std::string_view text);

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
Md5 md5_of_attributes(const std::vector<MessageAttribute>& attributes);

}  // namespace sluice::servers
