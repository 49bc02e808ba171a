#include "sluice/runtime/envelope.hpp"

namespace sluice::runtime {
namespace {

constexpr char version = 2;
constexpr char without_line = 1;  // the version before

void put(std::uint64_t number, unsigned bytes, std::string& out) {
  for (unsigned i = bytes; i-- > 0;) out += static_cast<char>(number >> (8 * i) & 0xFFU);
}

void put(std::string_view text, std::string& out) {
  put(text.size(), 4, out);
  out += text;
}

bool take(std::string_view& from, unsigned bytes, std::uint64_t& number) {
  if (from.size() < bytes) return false;
  number = 0;
  for (unsigned i = 0; i < bytes; ++i) number = number << 8U | static_cast<unsigned char>(from[i]);
  from.remove_prefix(bytes);
  return true;
}

bool take(std::string_view& from, std::string& text) {
  std::uint64_t size = 0;
  if (!take(from, 4, size) || from.size() < size) return false;
  text = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

}  // namespace

void pack(const Message& message, std::string& out) {
  out.clear();
  out += version;
  put(static_cast<std::uint64_t>(message.sent_at), 8, out);
  put(message.receive_count, 4, out);
  put(message.message_id, out);
  put(message.attributes, out);
  put(message.body, out);
  put(message.line, 8, out);
}

Result<Envelope> unpack(std::string_view bytes) {
  Envelope envelope;
  std::uint64_t sent_at = 0;
  std::uint64_t count = 0;
  if (!bytes.empty() && (bytes.front() == version || bytes.front() == without_line)) {
    const bool has_line = bytes.front() == version;
    bytes.remove_prefix(1);
    if (take(bytes, 8, sent_at) && take(bytes, 4, count) && take(bytes, envelope.message_id) &&
        take(bytes, envelope.attributes) && take(bytes, envelope.body) &&
        (!has_line || take(bytes, 8, envelope.line)) && bytes.empty()) {
      envelope.sent_at = static_cast<std::int64_t>(sent_at);
      envelope.receive_count = static_cast<std::uint32_t>(count);
      return envelope;
    }
  }
  return fail(Fault::failed, "a reject's payload is not of a layout this version knows");
}

}  // namespace sluice::runtime
