#include "sluice/aws/sqs_message.hpp"

#include <openssl/evp.h>

#include <array>
#include <cassert>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace sluice::aws {
namespace {

struct FreeMd {
  void operator()(EVP_MD* md) const { EVP_MD_free(md); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// An algorithm looked up once and a context used again: EVP_Digest by name costs five times as much.
class Digest {
 public:
  explicit Digest(const char* name) : md_(EVP_MD_fetch(nullptr, name, nullptr)), context_(EVP_MD_CTX_new()) {}
  bool works() const { return md_ != nullptr && context_ != nullptr; }
  void start() { ok_ = EVP_DigestInit_ex2(context_.get(), md_.get(), nullptr) == 1; }
  void add(std::string_view text) { ok_ = EVP_DigestUpdate(context_.get(), text.data(), text.size()) == 1 && ok_; }
  const unsigned char* finish() {
    unsigned size = 0;
    ok_ = EVP_DigestFinal_ex(context_.get(), bytes_.data(), &size) == 1 && ok_;
    if (!ok_) std::abort();  // out of memory: a key must not be made of garbage
    return bytes_.data();
  }

 private:
  std::unique_ptr<EVP_MD, FreeMd> md_;
  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes_{};
  bool ok_ = false;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool equals_hex(const unsigned char* bytes, std::size_t size, std::string_view hex) {
  if (hex.size() != 2 * size) return false;
  for (std::size_t i = 0; i < size; ++i) {
    const int high = hex_digit(hex[2 * i]);
    const int low = hex_digit(hex[2 * i + 1]);
    if (high < 0 || low < 0 || high * 16 + low != bytes[i]) return false;
  }
  return true;
}

}  // namespace

class MessageReader::Digests {
 public:
  Digest md5{"MD5"};  // a FIPS provider has none: bodies then go unchecked, as they do in the AWS SDKs
  Digest sha256{"SHA256"};
};

MessageReader::MessageReader(KeyRule rule) : rule_(std::move(rule)), digests_(std::make_unique<Digests>()) {
  assert(rule_.from != KeyRule::From::automatic);
  if (!digests_->sha256.works()) std::abort();
}

MessageReader::~MessageReader() = default;

void MessageReader::start() {
  raw_.clear();
  attributes_.clear();
}

Key MessageReader::key_of(const RawMessage& raw) {
  Digest& sha = digests_->sha256;
  Key key;
  sha.start();
  if (rule_.from == KeyRule::From::attribute && raw.has_key_attribute) {
    sha.add(raw.key_attribute);
    std::memcpy(key.bytes.data(), sha.finish(), 16);
    return key;
  }
  if (rule_.from == KeyRule::From::deduplication_id && !raw.deduplication_id.empty()) {
    sha.add(raw.group_id);
    sha.add(std::string_view("\0", 1));
    sha.add(raw.deduplication_id);
    std::memcpy(key.bytes.data(), sha.finish(), 16);
    return key;
  }
  sha.add(raw.message_id);
  const auto millis = static_cast<std::uint64_t>(raw.sent_at / 1000);
  for (unsigned at = 0; at < 6; ++at) key.bytes[at] = static_cast<std::uint8_t>(millis >> (40 - 8 * at));
  std::memcpy(key.bytes.data() + 6, sha.finish(), 10);
  return key;
}

Result<void> MessageReader::finish(Received& received) {
  received.messages.clear();
  received.handles.clear();
  received.memory.reset();
  received.bytes = 0;
  received.answered = raw_.size();
  received.damaged = received.keyless = 0;
  received.damaged_receives_max = 0;

  whole_.assign(raw_.size(), 0);
  std::size_t bytes = 0;
  for (std::size_t at = 0; at < raw_.size(); ++at) {
    RawMessage& raw = raw_[at];
    if (raw.message_id.empty() || raw.handle.empty() || !raw.has_body || raw.md5.empty()) {
      return fail(Fault::transient, "a message in the answer lacks its MessageId, ReceiptHandle, Body or MD5OfBody",
                  "is this an SQS endpoint?");
    }
    if (digests_->md5.works()) {
      digests_->md5.start();
      digests_->md5.add(raw.body);
      if (!equals_hex(digests_->md5.finish(), 16, raw.md5)) {
        ++received.damaged;
        received.damaged_receives_max = std::max(received.damaged_receives_max, raw.receive_count);
        continue;
      }
    }
    whole_[at] = 1;
    if (raw.attributes_size != 0) {
      raw.attributes = std::string_view(attributes_).substr(raw.attributes_at, raw.attributes_size);
    }
    bytes += raw.body.size() + raw.message_id.size() + raw.handle.size() + raw.attributes.size();
  }
  if (received.damaged == raw_.size()) return {};

  const std::shared_ptr<char[]> memory(new char[bytes == 0 ? 1 : bytes]);
  char* end = memory.get();
  const auto keep = [&end](std::string_view text) {
    if (!text.empty()) std::memcpy(end, text.data(), text.size());
    const std::string_view kept(end, text.size());
    end += text.size();
    return kept;
  };
  for (std::size_t at = 0; at < raw_.size(); ++at) {
    if (whole_[at] == 0) continue;
    const RawMessage& raw = raw_[at];
    if (rule_.from == KeyRule::From::attribute && !raw.has_key_attribute) ++received.keyless;
    Message& message = received.messages.emplace_back();
    message.key = key_of(raw);
    message.body = keep(raw.body);
    message.message_id = keep(raw.message_id);
    message.sent_at = raw.sent_at;
    message.receive_count = raw.receive_count;
    message.attributes = raw.attributes.empty() ? std::string_view("{}") : keep(raw.attributes);
    received.handles.push_back(keep(raw.handle));
  }
  received.memory = memory;
  received.bytes = bytes;
  return {};
}

std::int64_t micros_of_millis(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr std::int64_t most = std::int64_t{1} << 47;  // 48 bits are in the key; the year 6429
  return error == std::errc{} && number > 0 && number < most ? number * 1000 : 0;
}

std::uint32_t count_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && number > 0 ? number : 1;
}

}  // namespace sluice::aws
