#include "queue_answer.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

namespace sluice::servers {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

void append_json(std::string& out, std::string_view text) {
  out += '"';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, start, i - start);
    start = i + 1;
    if (c == '"')
      out += "\\\"";
    else if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else {
      out += "\\u00";
      out += hex_digits[c >> 4U];
      out += hex_digits[c & 15U];
    }
  }
  out.append(text, start);
  out += '"';
}

void append_xml(std::string& out, std::string_view text) {
  for (const char c : text) switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\r': out += "&#xD;"; break;
      default: out += c;
    }
}

void append_hex_number(std::string& out, std::uint64_t number, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
    out += hex_digits[(number >> static_cast<unsigned>(shift)) & 15U];
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  out.pop_back();
  return out;
}

// Tells handles of this server from made-up ones; no secret.
std::uint32_t check_of(Handle handle) {
  std::uint64_t mixed = (std::uint64_t{handle.slot} << 32U | handle.birth) * 0x9e3779b97f4a7c15U + handle.receive;
  mixed ^= mixed >> 29U;
  return static_cast<std::uint32_t>((mixed * 0xbf58476d1ce4e5b9U) >> 32U);
}

}  // namespace

std::string uuid_text(const std::array<std::uint64_t, 2>& id) {
  std::string text;
  const std::uint64_t high = (id[0] & ~std::uint64_t{0xf000}) | 0x4000;  // version 4
  const std::uint64_t low = (id[1] & ~(std::uint64_t{3} << 62U)) | (std::uint64_t{2} << 62U);
  append_hex_number(text, high >> 32U, 8);
  text += '-';
  append_hex_number(text, high >> 16U, 4);
  text += '-';
  append_hex_number(text, high, 4);
  text += '-';
  append_hex_number(text, low >> 48U, 4);
  text += '-';
  append_hex_number(text, low, 12);
  return text;
}

// With + / and = in it, as SQS's own handles have: a client that forgets to escape them in a form finds out.
void append_handle(std::string& out, Handle handle) {
  out += "AQEB";
  append_hex_number(out, handle.slot, 8);
  out += '+';
  append_hex_number(out, handle.birth, 8);
  out += '/';
  append_hex_number(out, handle.receive, 8);
  out += '+';
  append_hex_number(out, check_of(handle), 8);
  out += "==";
}

std::optional<Handle> read_handle(std::string_view text) {
  constexpr std::size_t size = 4 + 8 + 1 + 8 + 1 + 8 + 1 + 8 + 2;
  if (text.size() != size || !text.starts_with("AQEB")) return std::nullopt;
  const auto part = [text](std::size_t at) {
    std::uint32_t number = 0;
    std::from_chars(text.data() + at, text.data() + at + 8, number, 16);
    return number;
  };
  const Handle handle{part(4), part(13), part(22)};
  std::string same;
  append_handle(same, handle);
  return same == text ? std::optional(handle) : std::nullopt;
}

Md5 md5_of_attributes(const std::vector<MessageAttribute>& attributes) {
  std::vector<const MessageAttribute*> sorted;
  for (const MessageAttribute& attribute : attributes) sorted.push_back(&attribute);
  std::ranges::sort(sorted, {}, [](const MessageAttribute* attribute) -> std::string_view { return attribute->name; });
  std::string bytes;
  const auto sized = [&bytes](std::string_view text) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(text.size() >> shift);
    bytes += text;
  };
  for (const MessageAttribute* attribute : sorted) {
    sized(attribute->name);
    sized(attribute->type);
    bytes += attribute->binary() ? '\2' : '\1';
    sized(attribute->value);
  }
  return md5(bytes);
}

bool ReceiveView::wants(std::string_view name) const {
  return std::ranges::any_of(names, [name](std::string_view wanted) {
    if (wanted == "All" || wanted == ".*" || wanted == name) return true;
    return wanted.ends_with(".*") && name.starts_with(wanted.substr(0, wanted.size() - 1));
  });
}

void AnswerWriter::open() {
  if (json_) {
    out_ += '{';
    return;
  }
  out_ += "<?xml version=\"1.0\"?><";
  out_ += action_;
  out_ += "Response xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><";
  out_ += action_;
  out_ += "Result>";
}

void AnswerWriter::close() {
  if (json_) {
    out_ += '}';
    return;
  }
  out_ += "</";
  out_ += action_;
  out_ += "Result><ResponseMetadata><RequestId>7a62c49f-347e-4fc4-9331-6e8e7a96aa73</RequestId></ResponseMetadata></";
  out_ += action_;
  out_ += "Response>";
}

void AnswerWriter::error(const ErrorKind& kind, std::string_view message, std::string& headers) {
  out_.clear();
  const std::string_view side = kind.status >= 500 ? "Receiver" : "Sender";
  if (json_) {
    headers.append("x-amzn-query-error: ").append(kind.code).append(";").append(side).append("\r\n");
    out_.append("{\"__type\":\"com.amazonaws.sqs#").append(kind.shape).append("\",\"message\":");
    append_json(out_, message);
    out_ += '}';
    return;
  }
  out_ += "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error><Type>";
  out_.append(side).append("</Type><Code>").append(kind.code).append("</Code><Message>");
  append_xml(out_, message);
  out_ += "</Message><Detail/></Error><RequestId>42d59b56-7407-4c4a-be0f-4c88daeea257</RequestId></ErrorResponse>";
}

void AnswerWriter::key(std::string_view name) {
  if (comma_) out_ += ',';
  comma_ = true;
  out_ += '"';
  out_ += name;
  out_ += "\":";
}

// JSON only: XML has no maps, it repeats elements.
void AnswerWriter::open_map(std::string_view name) {
  if (!json_) return;
  key(name);
  out_ += '{';
  comma_ = false;
}

void AnswerWriter::close_map() {
  if (json_) out_ += '}';
  comma_ = true;
}

void AnswerWriter::part(std::string_view name, std::string_view value) {
  if (json_) {
    key(name);
    append_json(out_, value);
    return;
  }
  out_.append("<").append(name).append(">");
  append_xml(out_, value);
  out_.append("</").append(name).append(">");
}

void AnswerWriter::field(std::string_view name, std::string_view value) { part(name, value); }

void AnswerWriter::digest(std::string_view name, const Md5& md5) {
  Md5 shown = md5;
  if (wrong_md5_) shown[0] ^= 0xffU;
  part(name, hex(shown));
}

void AnswerWriter::begin_list(std::string_view name) {
  if (!json_) return;
  key(name);
  out_ += '[';
  comma_ = false;
}

void AnswerWriter::end_list() {
  if (json_) out_ += ']';
  comma_ = true;
}

void AnswerWriter::begin_item(std::string_view element) {
  if (json_) {
    if (comma_) out_ += ',';
    out_ += '{';
    comma_ = false;
  } else {
    out_.append("<").append(element).append(">");
  }
}

void AnswerWriter::end_item(std::string_view element) {
  if (json_)
    out_ += '}';
  else
    out_.append("</").append(element).append(">");
  comma_ = true;
}

void AnswerWriter::attribute(const MessageAttribute& attribute) {
  const std::string_view name = attribute.binary() ? "BinaryValue" : "StringValue";
  const std::string value = attribute.binary() ? base64(attribute.value) : attribute.value;
  if (json_) {
    open_map(attribute.name);
    part(name, value);
    part("DataType", attribute.type);
    close_map();
  } else {
    out_ += "<MessageAttribute>";
    part("Name", attribute.name);
    out_ += "<Value>";
    part(name, value);
    part("DataType", attribute.type);
    out_ += "</Value></MessageAttribute>";
  }
}

void AnswerWriter::message(const QueueStore& store, std::uint32_t slot, std::string_view handle,
                           const ReceiveView& view) {
  const Message& message = store.at(slot);
  begin_item("Message");
  part("MessageId", uuid_text(message.id));
  part("ReceiptHandle", handle);
  digest("MD5OfBody", message.body_md5);
  part("Body", message.text());
  if (view.system != 0) {
    open_map("Attributes");
    const auto system = [&](unsigned bit, std::string_view name, std::string_view value) {
      if ((view.system & bit) == 0) return;
      if (json_) return part(name, value);
      out_.append("<Attribute><Name>")
          .append(name)
          .append("</Name><Value>")
          .append(value)
          .append("</Value></Attribute>");
    };
    system(sender_id, "SenderId", "AIDAIENQZJOLO23YVJ4VO");
    system(sent_at, "SentTimestamp", std::to_string(message.sent));
    system(receive_count, "ApproximateReceiveCount", std::to_string(message.receives));
    system(first_receive_at, "ApproximateFirstReceiveTimestamp", std::to_string(message.first_received));
    close_map();
  }
  if (message.attributes && !view.names.empty()) {
    std::vector<MessageAttribute> shown;
    for (const MessageAttribute& each : *message.attributes)
      if (view.wants(each.name)) shown.push_back(each);
    if (!shown.empty()) {
      digest("MD5OfMessageAttributes", md5_of_attributes(shown));
      open_map("MessageAttributes");
      for (const MessageAttribute& each : shown) attribute(each);
      close_map();
    }
  }
  end_item("Message");
}

void AnswerWriter::sent(std::string_view entry_id, const Message& message) {
  const bool batch = entry_id.data() != nullptr;
  if (batch) {
    begin_item("SendMessageBatchResultEntry");
    part("Id", entry_id);
  }
  part("MessageId", uuid_text(message.id));
  digest("MD5OfMessageBody", message.body_md5);
  if (message.attributes) digest("MD5OfMessageAttributes", md5_of_attributes(*message.attributes));
  if (batch) end_item("SendMessageBatchResultEntry");
}

void AnswerWriter::done(std::string_view entry_id) {
  const std::string element = std::string(action_) + "ResultEntry";
  begin_item(element);
  part("Id", entry_id);
  end_item(element);
}

void AnswerWriter::failed(std::span<const FailedEntry> entries) {
  begin_list("Failed");
  for (const FailedEntry& entry : entries) {
    begin_item("BatchResultErrorEntry");
    part("Id", entry.id);
    part("Code", entry.kind->code);
    part("Message", entry.message);
    if (json_) {
      key("SenderFault");
      out_ += entry.sender_fault ? "true" : "false";
    } else {
      part("SenderFault", entry.sender_fault ? "true" : "false");
    }
    end_item("BatchResultErrorEntry");
  }
  end_list();
}

void AnswerWriter::queue_attributes(std::span<const std::pair<std::string, std::string>> attributes) {
  if (attributes.empty()) return;
  open_map("Attributes");
  for (const auto& [name, value] : attributes) {
    if (json_) {
      part(name, value);
    } else {
      out_ += "<Attribute>";
      part("Name", name);
      part("Value", value);
      out_ += "</Attribute>";
    }
  }
  close_map();
}

void AnswerWriter::queue_urls(std::span<const std::string> urls) {
  begin_list("QueueUrls");
  for (const std::string& url : urls) {
    if (!json_) {
      part("QueueUrl", url);
      continue;
    }
    if (comma_) out_ += ',';
    comma_ = true;
    append_json(out_, url);
  }
  end_list();
}

}  // namespace sluice::servers
