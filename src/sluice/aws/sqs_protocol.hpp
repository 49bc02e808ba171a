// How a call to SQS is written and its answer read: AWS JSON 1.0, or the older query protocol
// (a form in, XML out). Both say the same; nothing here sends anything.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/aws/http.hpp"
#include "sluice/aws/remote_error.hpp"
#include "sluice/aws/sqs_message.hpp"
#include "sluice/core/result.hpp"

namespace sluice::aws {

constexpr std::size_t sqs_batch_max = 10;  // entries in any batch of SQS, and messages in a receive

enum class BatchKind { remove, visibility };

struct ReceiveCall {
  std::chrono::seconds wait{0};
  std::optional<std::chrono::seconds> visibility{};
  std::string attempt_id{};  // FIFO only: the same id again gives the same messages again
};

// One entry of a batch that the queue refused; `entry` counts from 0.
struct BatchFailure {
  std::size_t entry = 0;
  bool sender_fault = false;  // a retry does not help
  std::string code{};
};

// A message to send. FIFO queues want both names.
struct OutgoingMessage {
  std::string_view body;
  std::string_view group_id{};
  std::string_view deduplication_id{};
};

// Answers are read in place or with room behind them, so reading may change their text. What does not
// read as an answer of this call is an Error (transient: a proxy's page, a truncated answer).
class SqsProtocol {
 public:
  virtual ~SqsProtocol() = default;
  virtual std::string_view name() const = 0;
  virtual void add_headers(Headers& headers, std::string_view action) const = 0;
  virtual bool posts_to_queue() const = 0;  // the queue's path is that of the request

  virtual std::string get_queue_url(std::string_view queue, std::string_view account) const = 0;
  virtual std::string get_attributes(std::string_view url) const = 0;
  virtual std::string receive(std::string_view url, const ReceiveCall& call) const = 0;
  // `visibility` counts with BatchKind::visibility.
  virtual std::string batch(BatchKind kind, std::string_view url, std::span<const std::string_view> handles,
                            std::chrono::seconds visibility) const = 0;
  virtual std::string send(std::string_view url, std::span<const OutgoingMessage> messages) const = 0;

  virtual Result<std::string> read_queue_url(std::string& answer) = 0;
  virtual Result<std::map<std::string, std::string>> read_attributes(std::string& answer) = 0;
  virtual Result<void> read_received(std::string& answer, MessageReader& reader, Received& received) = 0;
  virtual Result<std::vector<BatchFailure>> read_batch(std::string& answer, std::size_t entries) = 0;
  // Of an answer with another status than 200; empty if it does not look like an error of this protocol.
  virtual std::optional<RemoteError> read_error(const Response& response) = 0;
};

std::unique_ptr<SqsProtocol> make_json_protocol();
std::unique_ptr<SqsProtocol> make_query_protocol();

// Appends "text" with its quotes, escaped.
void append_json_text(std::string& out, std::string_view text);
// "12" -> 12; empty unless it is below `entries`.
std::optional<std::size_t> entry_number(std::string_view id, std::size_t entries);

}  // namespace sluice::aws
