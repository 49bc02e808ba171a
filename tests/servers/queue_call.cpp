#include "queue_call.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

namespace sluice::servers {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::string_view target_prefix = "AmazonSQS.";

bool to_number(std::string_view text, std::optional<std::int64_t>& out) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || at != end || text.empty()) return false;
  out = number;
  return true;
}

// Takes "12" off the front of "12.Id"; 0 when no positive number stands there.
std::size_t take_index(std::string_view& key) {
  std::size_t index = 0;
  const auto [at, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (error != std::errc{} || index > 1000) return 0;
  key.remove_prefix(static_cast<std::size_t>(at - key.data()));
  if (key.starts_with('.')) key.remove_prefix(1);
  return index;
}

template <class T>
T& at_index(std::vector<T>& list, std::size_t index) {
  if (list.size() < index) list.resize(index);
  return list[index - 1];
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Appends the decoded text; `out` has room reserved, so earlier views stay good.
std::string_view decode(std::string_view text, std::string& out) {
  const std::size_t start = out.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return std::string_view(out).substr(start);
}

struct JsonFields {
  std::string& problem;

  bool wrong(std::string_view key, std::string_view kind) const {
    problem = std::string(key) + " is not " + std::string(kind);
    return false;
  }
  bool text(std::string_view key, element value, std::string_view& out) const {
    return value.get_string().get(out) == simdjson::SUCCESS || wrong(key, "a string");
  }
  bool number(std::string_view key, element value, std::optional<std::int64_t>& out) const {
    std::int64_t number = 0;
    if (value.get_int64().get(number) != simdjson::SUCCESS) return wrong(key, "an integer");
    out = number;
    return true;
  }
  bool texts(std::string_view key, element value, std::vector<std::string_view>& out) const {
    simdjson::dom::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return wrong(key, "a list");
    for (const element item : array) {
      std::string_view name;
      if (!text(key, item, name)) return false;
      out.push_back(name);
    }
    return true;
  }
  bool attributes(element value, std::vector<MessageAttribute>& out) const {
    object map;
    if (value.get_object().get(map) != simdjson::SUCCESS) return wrong("MessageAttributes", "an object");
    for (const auto& [name, item] : map) {
      MessageAttribute& attribute = out.emplace_back();
      attribute.name = name;
      std::string_view type, plain, coded;
      if (item["DataType"].get(type) != simdjson::SUCCESS) return wrong("DataType", "a string");
      attribute.type = type;
      if (item["StringValue"].get(plain) == simdjson::SUCCESS)
        attribute.value = plain;
      else if (item["BinaryValue"].get(coded) == simdjson::SUCCESS && !decode_base64(coded, attribute.value))
        return wrong("BinaryValue", "base64");
    }
    return true;
  }
  // A field that a message has alone as well as in a batch; false in `mine` when it is another one.
  bool entry(std::string_view key, element value, Entry& out, bool& mine) const {
    mine = true;
    if (key == "MessageBody") return text(key, value, out.body);
    if (key == "ReceiptHandle") return text(key, value, out.handle);
    if (key == "VisibilityTimeout") return number(key, value, out.visibility);
    if (key == "DelaySeconds") return number(key, value, out.delay);
    if (key == "MessageAttributes") return attributes(value, out.attributes);
    mine = false;
    return true;
  }
};

}  // namespace

struct CallReader::Parser {
  simdjson::dom::parser json;
};

CallReader::CallReader() : parser_(std::make_unique<Parser>()) {}
CallReader::~CallReader() = default;

const Call* CallReader::read(const HttpRequest& request) {
  call_ = Call{};
  problem_.clear();
  const bool json = request.header("content-type").starts_with("application/x-amz-json-1.0");
  call_.protocol = json ? Protocol::json : Protocol::query;
  if (!(json ? read_json(request) : read_form(request))) return nullptr;
  return &call_;
}

bool CallReader::read_json(const HttpRequest& request) {
  const std::string_view target = request.header("x-amz-target");
  if (target.starts_with(target_prefix)) call_.action = target.substr(target_prefix.size());
  object fields;
  // The request's buffer has simdjson's padding behind it, so nothing is copied.
  const auto parsed = parser_->json.parse(request.body.data(), request.body.size(), false);
  if (parsed.get_object().get(fields) != simdjson::SUCCESS) {
    problem_ = "the body is not a JSON object";
    return false;
  }
  const JsonFields read{problem_};
  for (const auto& [key, value] : fields) {
    if (value.is_null()) continue;
    bool mine = false;
    if (!read.entry(key, value, call_.single, mine)) return false;
    if (mine) continue;
    bool good = true;
    if (key == "QueueUrl")
      good = read.text(key, value, call_.queue_url);
    else if (key == "QueueName")
      good = read.text(key, value, call_.queue_name);
    else if (key == "QueueNamePrefix")
      good = read.text(key, value, call_.name_prefix);
    else if (key == "MaxNumberOfMessages")
      good = read.number(key, value, call_.messages_max);
    else if (key == "WaitTimeSeconds")
      good = read.number(key, value, call_.wait);
    else if (key == "AttributeNames" || key == "MessageSystemAttributeNames")
      good = read.texts(key, value, call_.attribute_names);
    else if (key == "MessageAttributeNames")
      good = read.texts(key, value, call_.message_attribute_names);
    else if (key == "Attributes") {
      object map;
      if (value.get_object().get(map) != simdjson::SUCCESS) return read.wrong(key, "an object");
      for (const auto& [name, item] : map) {
        std::string_view text;
        if (!read.text(name, item, text)) return false;
        call_.queue_attributes.emplace_back(name, text);
      }
    } else if (key == "Entries") {
      simdjson::dom::array array;
      if (value.get_array().get(array) != simdjson::SUCCESS) return read.wrong(key, "a list");
      for (const element item : array) {
        object map;
        if (item.get_object().get(map) != simdjson::SUCCESS) return read.wrong(key, "a list of objects");
        Entry& entry = call_.entries.emplace_back();
        for (const auto& [name, part] : map) {
          const bool fine = name == "Id" ? read.text(name, part, entry.id) : read.entry(name, part, entry, mine);
          if (!fine) return false;
        }
      }
    }
    if (!good) return false;
  }
  return true;
}

bool CallReader::read_form(const HttpRequest& request) {
  std::string_view rest = request.body.empty() ? request.query : request.body;
  decoded_.clear();
  decoded_.reserve(rest.size() + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view key = decode(pair.substr(0, equals), decoded_);
    const std::string_view value = decode(pair.substr(std::min(pair.size(), equals + 1)), decoded_);
    if (!read_field(key, value)) {
      problem_ = std::string(key) + " has a value of the wrong type";
      return false;
    }
  }
  // Old clients leave the queue to the request's path.
  if (call_.queue_url.empty() && request.path.size() > 1) call_.queue_url = request.path;
  const auto decode_attributes = [this](Entry& entry) {
    for (MessageAttribute& attribute : entry.attributes) {
      const std::string coded = attribute.value;
      if (!attribute.binary() || decode_base64(coded, attribute.value)) continue;
      problem_ = "BinaryValue is not base64";
      return false;
    }
    return true;
  };
  return decode_attributes(call_.single) && std::ranges::all_of(call_.entries, decode_attributes);
}

bool CallReader::read_field(std::string_view key, std::string_view value) {
  const auto take = [&key](std::string_view prefix) {
    if (!key.starts_with(prefix)) return false;
    key.remove_prefix(prefix.size());
    return true;
  };
  if (key == "Action") return call_.action = value, true;
  if (key == "QueueUrl") return call_.queue_url = value, true;
  if (key == "QueueName") return call_.queue_name = value, true;
  if (key == "QueueNamePrefix") return call_.name_prefix = value, true;
  if (key == "MaxNumberOfMessages") return to_number(value, call_.messages_max);
  if (key == "WaitTimeSeconds") return to_number(value, call_.wait);
  if (take("AttributeName.") || take("MessageSystemAttributeName."))
    return call_.attribute_names.push_back(value), true;
  if (take("MessageAttributeName.")) return call_.message_attribute_names.push_back(value), true;
  if (take("Attribute.")) {
    const std::size_t index = take_index(key);
    if (index == 0) return false;
    auto& [name, text] = at_index(call_.queue_attributes, index);
    (key == "Name" ? name : text) = value;
    return true;
  }
  Entry* entry = &call_.single;
  if (take("SendMessageBatchRequestEntry.") || take("DeleteMessageBatchRequestEntry.") ||
      take("ChangeMessageVisibilityBatchRequestEntry.")) {
    const std::size_t index = take_index(key);
    if (index == 0) return false;
    entry = &at_index(call_.entries, index);
  }
  if (key == "Id") return entry->id = value, true;
  if (key == "MessageBody") return entry->body = value, true;
  if (key == "ReceiptHandle") return entry->handle = value, true;
  if (key == "VisibilityTimeout") return to_number(value, entry->visibility);
  if (key == "DelaySeconds") return to_number(value, entry->delay);
  if (take("MessageAttribute.")) {
    const std::size_t index = take_index(key);
    if (index == 0) return false;
    MessageAttribute& attribute = at_index(entry->attributes, index);
    if (key == "Name")
      attribute.name = value;
    else if (key == "Value.DataType")
      attribute.type = value;
    else if (key == "Value.StringValue" || key == "Value.BinaryValue")
      attribute.value = value;
    return true;
  }
  return true;  // Version, signing fields and the like
}

}  // namespace sluice::servers
