#include <cstring>

#include "sluice/aws/sqs_protocol.hpp"
#include "sluice/aws/uri.hpp"
#include "sluice/aws/xml.hpp"

namespace sluice::aws {
namespace {

tl::unexpected<Error> unreadable() {
  return fail(Fault::transient, "the answer is not whole XML of the expected shape",
              "is this an SQS endpoint, and nothing in between?");
}

class QueryProtocol final : public SqsProtocol {
 public:
  std::string_view name() const override { return "query"; }
  bool posts_to_queue() const override { return true; }

  void add_headers(Headers& headers, std::string_view) const override {
    headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  }

  std::string get_queue_url(std::string_view queue, std::string_view account) const override {
    std::string out = start("GetQueueUrl");
    add(out, "QueueName", queue);
    if (!account.empty()) add(out, "QueueOwnerAWSAccountId", account);
    return out;
  }

  std::string get_attributes(std::string_view url) const override {
    std::string out = start("GetQueueAttributes");
    add(out, "QueueUrl", url);
    return out += "&AttributeName.1=All";
  }

  std::string receive(std::string_view url, const ReceiveCall& call) const override {
    std::string out = start("ReceiveMessage");
    add(out, "QueueUrl", url);
    out += "&MaxNumberOfMessages=10&WaitTimeSeconds=" + std::to_string(call.wait.count());
    out += "&AttributeName.1=All&MessageAttributeName.1=All";
    if (call.visibility) out += "&VisibilityTimeout=" + std::to_string(call.visibility->count());
    if (!call.attempt_id.empty()) add(out, "ReceiveRequestAttemptId", call.attempt_id);
    return out;
  }

  std::string batch(BatchKind kind, std::string_view url, std::span<const std::string_view> handles,
                    std::chrono::seconds visibility) const override {
    const bool remove = kind == BatchKind::remove;
    std::string out = start(remove ? "DeleteMessageBatch" : "ChangeMessageVisibilityBatch");
    add(out, "QueueUrl", url);
    const std::string_view entry =
        remove ? "DeleteMessageBatchRequestEntry." : "ChangeMessageVisibilityBatchRequestEntry.";
    for (std::size_t at = 0; at < handles.size(); ++at) {
      const std::string prefix = std::string(entry) + std::to_string(at + 1);
      add(out, prefix + ".Id", std::to_string(at));
      add(out, prefix + ".ReceiptHandle", handles[at]);
      if (!remove) add(out, prefix + ".VisibilityTimeout", std::to_string(visibility.count()));
    }
    return out;
  }

  std::string send(std::string_view url, std::span<const OutgoingMessage> messages) const override {
    std::string out = start("SendMessageBatch");
    add(out, "QueueUrl", url);
    for (std::size_t at = 0; at < messages.size(); ++at) {
      const std::string prefix = "SendMessageBatchRequestEntry." + std::to_string(at + 1);
      add(out, prefix + ".Id", std::to_string(at));
      add(out, prefix + ".MessageBody", messages[at].body);
      if (messages[at].group_id.empty()) continue;
      add(out, prefix + ".MessageGroupId", messages[at].group_id);
      add(out, prefix + ".MessageDeduplicationId", messages[at].deduplication_id);
    }
    return out;
  }

  Result<std::string> read_queue_url(std::string& answer) override {
    const pugi::xml_node result = open(answer, "GetQueueUrl");
    const std::string_view url = text_of(result, "QueueUrl");
    if (url.empty()) return unreadable();
    return std::string(url);
  }

  Result<std::map<std::string, std::string>> read_attributes(std::string& answer) override {
    const pugi::xml_node result = open(answer, "GetQueueAttributes");
    if (!result) return unreadable();
    std::map<std::string, std::string> attributes;
    for (const pugi::xml_node& attribute : result.children("Attribute")) {
      attributes.emplace(text_of(attribute, "Name"), text_of(attribute, "Value"));
    }
    return attributes;
  }

  Result<void> read_received(std::string& answer, MessageReader& reader, Received& received) override {
    const pugi::xml_node result = open(answer, "ReceiveMessage");
    if (!result) return unreadable();
    reader.start();
    for (const pugi::xml_node& message : result.children("Message")) {
      RawMessage& raw = reader.add();
      raw.has_body = !message.child("Body").empty();
      raw.body = text_of(message, "Body");
      raw.message_id = text_of(message, "MessageId");
      raw.handle = text_of(message, "ReceiptHandle");
      raw.md5 = text_of(message, "MD5OfBody");
      for (const pugi::xml_node& attribute : message.children("Attribute")) {
        const std::string_view name = text_of(attribute, "Name");
        const std::string_view value = text_of(attribute, "Value");
        if (name == "SentTimestamp") {
          raw.sent_at = micros_of_millis(value);
        } else if (name == "ApproximateReceiveCount") {
          raw.receive_count = count_of(value);
        } else if (name == "MessageGroupId") {
          raw.group_id = value;
        } else if (name == "MessageDeduplicationId") {
          raw.deduplication_id = value;
        }
      }
      read_attributes(message, raw, reader);
    }
    return reader.finish(received);
  }

  Result<std::vector<BatchFailure>> read_batch(std::string& answer, std::size_t entries) override {
    const pugi::xml_node result = parse_xml(document_, answer).first_child();
    std::vector<BatchFailure> failures;
    std::size_t good = 0;
    for (const pugi::xml_node& entry : result.children()) {
      if (std::strcmp(entry.name(), "BatchResultErrorEntry") != 0) {
        ++good;
        continue;
      }
      const auto number = entry_number(text_of(entry, "Id"), entries);
      if (!number) return unreadable();
      failures.push_back({*number, text_of(entry, "SenderFault") == "true", std::string(text_of(entry, "Code"))});
    }
    // An answer that does not speak of every entry is none.
    if (good + failures.size() != entries) return unreadable();
    return failures;
  }

  std::optional<RemoteError> read_error(const Response& response) override { return read_xml_error(response); }

 private:
  static std::string start(std::string_view action) { return "Action=" + std::string(action) + "&Version=2012-11-05"; }
  static void add(std::string& out, std::string_view name, std::string_view value) {
    out += '&';
    out += name;
    out += '=';
    percent_encode_to(out, value, false);
  }

  pugi::xml_node open(std::string& answer, std::string_view action) {
    const std::string name = std::string(action) + "Result";
    return parse_xml(document_, answer).child(name.c_str());
  }

  static void read_attributes(const pugi::xml_node& message, RawMessage& raw, MessageReader& reader) {
    std::string& out = reader.attributes();
    raw.attributes_at = out.size();
    for (const pugi::xml_node& attribute : message.children("MessageAttribute")) {
      const std::string_view name = text_of(attribute, "Name");
      const pugi::xml_node value = attribute.child("Value");
      std::string_view text = text_of(value, "StringValue");
      if (text.empty()) text = text_of(value, "BinaryValue");
      if (name == reader.rule().attribute) {
        raw.key_attribute = text;
        raw.has_key_attribute = true;
      }
      out += out.size() == raw.attributes_at ? '{' : ',';
      append_json_text(out, name);
      out += ':';
      append_json_text(out, text);
    }
    if (out.size() != raw.attributes_at) out += '}';
    raw.attributes_size = out.size() - raw.attributes_at;
  }

  pugi::xml_document document_;
};

}  // namespace

std::unique_ptr<SqsProtocol> make_query_protocol() { return std::make_unique<QueryProtocol>(); }

}  // namespace sluice::aws
