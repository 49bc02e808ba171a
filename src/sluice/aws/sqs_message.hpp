// Messages as a receive brought them: keyed, checked, and copied once into one block a receive.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "sluice/aws/sqs_options.hpp"
#include "sluice/core/delivery.hpp"
#include "sluice/core/result.hpp"

namespace sluice::aws {

// What one receive brought. Views point into `memory`.
struct Received {
  std::vector<Message> messages;          // those that are whole
  std::vector<std::string_view> handles;  // theirs, in the same order
  std::shared_ptr<const char[]> memory;
  std::size_t bytes = 0;                   // of memory
  std::size_t answered = 0;                // messages in the answer, whole or not
  std::size_t damaged = 0;                 // of them: the body does not match its MD5
  std::uint32_t damaged_receives_max = 0;  // how often the worst of those was received
  std::size_t keyless = 0;                 // lack the attribute that the key is made of
};

// A message as it stands in an answer; views are good until the reader's finish().
struct RawMessage {
  std::string_view body;
  std::string_view message_id;
  std::string_view handle;
  std::string_view md5;  // of the body, in hex
  std::string_view deduplication_id;
  std::string_view group_id;
  std::string_view key_attribute;  // value of the one that KeyRule names
  bool has_body = false;
  bool has_key_attribute = false;
  std::int64_t sent_at = 0;  // microseconds since 1970 UTC
  std::uint32_t receive_count = 1;
  std::string_view attributes{};  // the JSON object, or part of attributes_ below
  std::size_t attributes_at = 0;  // ... there, of this length, where `attributes` is null
  std::size_t attributes_size = 0;
};

// Turns raw messages into keyed ones. Used again for each answer: it allocates one block an answer.
//
// Keys (16 bytes):
//   message_id         6 bytes of SentTimestamp (milliseconds, big-endian), then the first 10 of
//                      SHA-256(MessageId): grows with time, the same at each delivery of a message
//   deduplication_id   the first 16 bytes of SHA-256(group id, a zero byte, deduplication id)
//   attribute          the first 16 bytes of SHA-256(the attribute's value)
class MessageReader {
 public:
  explicit MessageReader(KeyRule rule);  // not `automatic`: that is decided by who knows the queue
  ~MessageReader();
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;

  const KeyRule& rule() const { return rule_; }

  void start();
  // The next message to fill in; good until the next add().
  RawMessage& add() { return raw_.emplace_back(); }
  // Where protocols write a message's attributes as JSON; RawMessage tells which part is its own.
  std::string& attributes() { return attributes_; }
  // Checks and keys them. An error if a message lacks its id, handle, body or MD5.
  Result<void> finish(Received& received);

 private:
  class Digests;
  Key key_of(const RawMessage& raw);

  KeyRule rule_;
  std::unique_ptr<Digests> digests_;
  std::vector<RawMessage> raw_;
  std::vector<char> whole_;  // by raw message: the MD5 matches
  std::string attributes_;
};

// "1662460800123" -> microseconds; 0 if it is no number.
std::int64_t micros_of_millis(std::string_view text);
std::uint32_t count_of(std::string_view text);

}  // namespace sluice::aws
