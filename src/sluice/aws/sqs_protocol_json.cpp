#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <deque>

#include "sluice/aws/sqs_protocol.hpp"

namespace sluice::aws {
namespace {

using namespace simdjson;

tl::unexpected<Error> unreadable(error_code code) {
  const char* why = code == UTF8_ERROR ? "holds invalid UTF-8" : "is not whole JSON of the expected shape";
  return fail(Fault::transient, std::string("the answer ") + why, "is this an SQS endpoint, and nothing in between?");
}

// One message with bytes that are no UTF-8 would make the whole answer unreadable, again and again, for the nine
// beside it too. Each such byte b becomes the code point 0x10FF00 + b, at the end of a private plane, and a body's
// are turned back. A body that held such a code point by itself then fails its MD5.
std::string with_strays_marked(std::string_view text) {
  std::string out;
  out.reserve(text.size() + SIMDJSON_PADDING + 64);
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    std::size_t size = byte < 0x80 ? 1 : 0;
    for (std::size_t longer = 2; size == 0 && longer <= std::min<std::size_t>(4, text.size() - at); ++longer) {
      if (validate_utf8(text.data() + at, longer)) size = longer;
    }
    if (size != 0) {
      out.append(text, at, size);
      at += size;
    } else {
      out += "\xf4\x8f";
      out += static_cast<char>(0xbcU | byte >> 6U);
      out += static_cast<char>(0x80U | (byte & 0x3fU));
      ++at;
    }
  }
  return out;
}

std::string with_strays_back(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at, 2) == "\xf4\x8f" && at + 3 < text.size() &&
        (static_cast<unsigned char>(text[at + 2]) & 0xfeU) == 0xbeU) {
      const unsigned high = static_cast<unsigned char>(text[at + 2]) & 0x03U;
      out += static_cast<char>(high << 6U | (static_cast<unsigned char>(text[at + 3]) & 0x3fU));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

// Leaves the function with an error code unless the expression gave a value.
#define SQS_JSON(declaration, expression) \
  declaration;                            \
  if (const error_code code = (expression); code != SUCCESS) return code

class JsonProtocol final : public SqsProtocol {
 public:
  std::string_view name() const override { return "json"; }
  bool posts_to_queue() const override { return false; }

  void add_headers(Headers& headers, std::string_view action) const override {
    headers.emplace_back("Content-Type", "application/x-amz-json-1.0");
    headers.emplace_back("X-Amz-Target", "AmazonSQS." + std::string(action));
  }

  std::string get_queue_url(std::string_view queue, std::string_view account) const override {
    std::string out = "{\"QueueName\":";
    append_json_text(out, queue);
    if (!account.empty()) {
      out += ",\"QueueOwnerAWSAccountId\":";
      append_json_text(out, account);
    }
    return out += '}';
  }

  std::string get_attributes(std::string_view url) const override {
    return start(url) + ",\"AttributeNames\":[\"All\"]}";
  }

  std::string receive(std::string_view url, const ReceiveCall& call) const override {
    std::string out = start(url);
    out += ",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":" + std::to_string(call.wait.count());
    out += ",\"AttributeNames\":[\"All\"],\"MessageAttributeNames\":[\"All\"]";
    if (call.visibility) out += ",\"VisibilityTimeout\":" + std::to_string(call.visibility->count());
    if (!call.attempt_id.empty()) {
      out += ",\"ReceiveRequestAttemptId\":";
      append_json_text(out, call.attempt_id);
    }
    return out += '}';
  }

  std::string batch(BatchKind kind, std::string_view url, std::span<const std::string_view> handles,
                    std::chrono::seconds visibility) const override {
    std::string out = start(url);
    out += ",\"Entries\":[";
    for (std::size_t at = 0; at < handles.size(); ++at) {
      if (at != 0) out += ',';
      out += "{\"Id\":\"" + std::to_string(at) + "\",\"ReceiptHandle\":";
      append_json_text(out, handles[at]);
      if (kind == BatchKind::visibility) out += ",\"VisibilityTimeout\":" + std::to_string(visibility.count());
      out += '}';
    }
    return out += "]}";
  }

  std::string send(std::string_view url, std::span<const OutgoingMessage> messages) const override {
    std::string out = start(url);
    out += ",\"Entries\":[";
    for (std::size_t at = 0; at < messages.size(); ++at) {
      if (at != 0) out += ',';
      out += "{\"Id\":\"" + std::to_string(at) + "\",\"MessageBody\":";
      append_json_text(out, messages[at].body);
      if (!messages[at].group_id.empty()) {
        out += ",\"MessageGroupId\":";
        append_json_text(out, messages[at].group_id);
        out += ",\"MessageDeduplicationId\":";
        append_json_text(out, messages[at].deduplication_id);
      }
      out += '}';
    }
    return out += "]}";
  }

  Result<std::string> read_queue_url(std::string& answer) override {
    std::string url;
    if (const error_code code = queue_url(answer, url)) return unreadable(code);
    if (url.empty()) return unreadable(NO_SUCH_FIELD);
    return url;
  }

  Result<std::map<std::string, std::string>> read_attributes(std::string& answer) override {
    std::map<std::string, std::string> attributes;
    if (const error_code code = read_map(answer, attributes)) return unreadable(code);
    return attributes;
  }

  Result<void> read_received(std::string& answer, MessageReader& reader, Received& received) override {
    reader.start();
    error_code code = read_messages(answer, reader);
    restored_.clear();
    if (code == UTF8_ERROR) {
      answer = with_strays_marked(answer);
      strays_ = true;
      reader.start();
      code = read_messages(answer, reader);
      strays_ = false;
    }
    if (code != SUCCESS) return unreadable(code);
    return reader.finish(received);
  }

  Result<std::vector<BatchFailure>> read_batch(std::string& answer, std::size_t entries) override {
    std::vector<BatchFailure> failures;
    if (const error_code code = read_failures(answer, entries, failures)) return unreadable(code);
    return failures;
  }

  std::optional<RemoteError> read_error(const Response& response) override {
    RemoteError error;
    std::string answer = response.body;
    if (error_type(answer, error.code) != SUCCESS || error.code.empty()) return std::nullopt;
    if (const std::size_t hash = error.code.find('#'); hash != std::string::npos) error.code.erase(0, hash + 1);
    error.request_id = response.header("x-amzn-requestid");
    return error;
  }

 private:
  static std::string start(std::string_view url) {
    std::string out = "{\"QueueUrl\":";
    append_json_text(out, url);
    return out;
  }

  // simdjson reads in blocks and needs room behind the text.
  error_code open(std::string& answer, ondemand::document& document) {
    answer.reserve(answer.size() + SIMDJSON_PADDING);
    return parser_.iterate(padded_string_view(answer.data(), answer.size(), answer.capacity())).get(document);
  }

  error_code queue_url(std::string& answer, std::string& url) {
    SQS_JSON(ondemand::document document, open(answer, document));
    SQS_JSON(ondemand::object object, document.get_object().get(object));
    SQS_JSON(std::string_view text, object["QueueUrl"].get_string().get(text));
    url = text;
    return SUCCESS;
  }

  error_code error_type(std::string& answer, std::string& type) {
    SQS_JSON(ondemand::document document, open(answer, document));
    SQS_JSON(ondemand::object object, document.get_object().get(object));
    SQS_JSON(std::string_view text, object["__type"].get_string().get(text));
    type = text;
    return SUCCESS;
  }

  error_code read_map(std::string& answer, std::map<std::string, std::string>& out) {
    SQS_JSON(ondemand::document document, open(answer, document));
    SQS_JSON(ondemand::object object, document.get_object().get(object));
    SQS_JSON(ondemand::object attributes, object["Attributes"].get_object().get(attributes));
    for (auto pair : attributes) {
      SQS_JSON(ondemand::field field, std::move(pair).get(field));
      SQS_JSON(std::string_view name, field.unescaped_key().get(name));
      SQS_JSON(std::string_view value, field.value().get_string().get(value));
      out.emplace(name, value);
    }
    return SUCCESS;
  }

  error_code read_messages(std::string& answer, MessageReader& reader) {
    SQS_JSON(ondemand::document document, open(answer, document));
    SQS_JSON(ondemand::object object, document.get_object().get(object));
    for (auto pair : object) {
      SQS_JSON(ondemand::field field, std::move(pair).get(field));
      if (field.key() != "Messages") continue;
      ondemand::value list = field.value();
      if (list.is_null()) continue;
      SQS_JSON(ondemand::array messages, list.get_array().get(messages));
      for (auto item : messages) {
        SQS_JSON(ondemand::object message, item.get_object().get(message));
        if (const error_code code = read_message(message, reader)) return code;
      }
    }
    return SUCCESS;
  }

  error_code read_message(ondemand::object& message, MessageReader& reader) {
    RawMessage& raw = reader.add();
    for (auto pair : message) {
      SQS_JSON(ondemand::field field, std::move(pair).get(field));
      const ondemand::raw_json_string key = field.key();
      ondemand::value value = field.value();
      error_code code = SUCCESS;
      if (key == "Body") {
        code = value.get_string().get(raw.body);
        raw.has_body = true;
        if (strays_ && code == SUCCESS) raw.body = restored_.emplace_back(with_strays_back(raw.body));
      } else if (key == "MessageId") {
        code = value.get_string().get(raw.message_id);
      } else if (key == "ReceiptHandle") {
        code = value.get_string().get(raw.handle);
      } else if (key == "MD5OfBody") {
        code = value.get_string().get(raw.md5);
      } else if (key == "Attributes") {
        code = read_system_attributes(value, raw);
      } else if (key == "MessageAttributes") {
        code = read_attributes(value, raw, reader);
      }
      if (code != SUCCESS) return code;
    }
    return SUCCESS;
  }

  static error_code read_system_attributes(ondemand::value& value, RawMessage& raw) {
    if (value.is_null()) return SUCCESS;
    SQS_JSON(ondemand::object attributes, value.get_object().get(attributes));
    for (auto pair : attributes) {
      SQS_JSON(ondemand::field field, std::move(pair).get(field));
      const ondemand::raw_json_string key = field.key();
      if (key == "SentTimestamp") {
        SQS_JSON(std::string_view text, field.value().get_string().get(text));
        raw.sent_at = micros_of_millis(text);
      } else if (key == "ApproximateReceiveCount") {
        SQS_JSON(std::string_view text, field.value().get_string().get(text));
        raw.receive_count = count_of(text);
      } else if (key == "MessageGroupId") {
        SQS_JSON(std::string_view text, field.value().get_string().get(text));
        raw.group_id = text;
      } else if (key == "MessageDeduplicationId") {
        SQS_JSON(std::string_view text, field.value().get_string().get(text));
        raw.deduplication_id = text;
      }
    }
    return SUCCESS;
  }

  // {"n": {"DataType": "String", "StringValue": "x"}} becomes {"n":"x"}; a binary value stays base64.
  static error_code read_attributes(ondemand::value& value, RawMessage& raw, MessageReader& reader) {
    if (value.is_null()) return SUCCESS;
    std::string& out = reader.attributes();
    raw.attributes_at = out.size();
    SQS_JSON(ondemand::object attributes, value.get_object().get(attributes));
    for (auto pair : attributes) {
      SQS_JSON(ondemand::field field, std::move(pair).get(field));
      SQS_JSON(std::string_view name, field.unescaped_key().get(name));
      SQS_JSON(ondemand::object parts, field.value().get_object().get(parts));
      std::string_view text;
      for (auto part_pair : parts) {
        SQS_JSON(ondemand::field part, std::move(part_pair).get(part));
        const ondemand::raw_json_string key = part.key();
        if (key != "StringValue" && key != "BinaryValue") continue;
        ondemand::value content = part.value();
        if (content.is_null()) continue;
        if (const error_code code = content.get_string().get(text)) return code;
      }
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
    return SUCCESS;
  }

  error_code read_failures(std::string& answer, std::size_t entries, std::vector<BatchFailure>& failures) {
    SQS_JSON(ondemand::document document, open(answer, document));
    SQS_JSON(ondemand::object object, document.get_object().get(object));
    std::size_t good = 0;
    for (auto pair : object) {
      SQS_JSON(ondemand::field field, std::move(pair).get(field));
      const ondemand::raw_json_string key = field.key();
      const bool failed = key == "Failed";
      if (!failed && key != "Successful") continue;
      ondemand::value list = field.value();
      if (list.is_null()) continue;
      SQS_JSON(ondemand::array items, list.get_array().get(items));
      for (auto item : items) {
        SQS_JSON(ondemand::object entry, item.get_object().get(entry));
        if (!failed) {
          ++good;
          continue;
        }
        if (const error_code code = read_failure(entry, entries, failures)) return code;
      }
    }
    // An answer that does not speak of every entry is none.
    return good + failures.size() == entries ? SUCCESS : NO_SUCH_FIELD;
  }

  static error_code read_failure(ondemand::object& entry, std::size_t entries, std::vector<BatchFailure>& failures) {
    BatchFailure& failure = failures.emplace_back();
    bool named = false;
    for (auto pair : entry) {
      SQS_JSON(ondemand::field field, std::move(pair).get(field));
      const ondemand::raw_json_string key = field.key();
      if (key == "Id") {
        SQS_JSON(std::string_view id, field.value().get_string().get(id));
        const auto number = entry_number(id, entries);
        if (!number) return INDEX_OUT_OF_BOUNDS;
        failure.entry = *number;
        named = true;
      } else if (key == "SenderFault") {
        SQS_JSON(bool sender, field.value().get_bool().get(sender));
        failure.sender_fault = sender;
      } else if (key == "Code") {
        SQS_JSON(std::string_view text, field.value().get_string().get(text));
        failure.code = text;
      }
    }
    return named ? SUCCESS : NO_SUCH_FIELD;
  }

  ondemand::parser parser_;
  bool strays_ = false;               // the answer being read has stray bytes marked
  std::deque<std::string> restored_;  // its bodies, as they were sent
};

#undef SQS_JSON

}  // namespace

std::unique_ptr<SqsProtocol> make_json_protocol() { return std::make_unique<JsonProtocol>(); }

void append_json_text(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, start, at - start);
    start = at + 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else {
      out += "\\u00";
      out += hex[c >> 4U];
      out += hex[c & 15U];
    }
  }
  out.append(text, start);
  out += '"';
}

std::optional<std::size_t> entry_number(std::string_view id, std::size_t entries) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size() || number >= entries) return std::nullopt;
  return number;
}

}  // namespace sluice::aws
