// A request to SQS, read from either of its protocols: AWS JSON 1.0, or the older query protocol
// (a form in, XML out).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http_loop.hpp"
#include "queue_store.hpp"

namespace sluice::servers {

enum class Protocol { json, query };

// One message, or one entry of a batch. Absent texts have a null data().
struct Entry {
  std::string_view id{};
  std::string_view body{};
  std::string_view handle{};
  std::optional<std::int64_t> visibility{};
  std::optional<std::int64_t> delay{};
  std::vector<MessageAttribute> attributes{};
};

// Its views live until the next read by the same CallReader, and as long as the request.
struct Call {
  Protocol protocol = Protocol::json;
  std::string_view action{};
  std::string_view queue_url{};
  std::string_view queue_name{};
  std::string_view name_prefix{};
  std::optional<std::int64_t> messages_max{};
  std::optional<std::int64_t> wait{};
  std::vector<std::string_view> attribute_names{};  // of the queue, or of the message's system attributes
  std::vector<std::string_view> message_attribute_names{};
  std::vector<std::pair<std::string_view, std::string_view>> queue_attributes{};
  Entry single{};  // for the actions on one message
  std::vector<Entry> entries{};
};

class CallReader {
 public:
  CallReader();
  ~CallReader();

  // Nothing, with the reason in problem(), when the request is malformed.
  const Call* read(const HttpRequest& request);
  const std::string& problem() const { return problem_; }
  Protocol protocol() const { return call_.protocol; }

 private:
  bool read_json(const HttpRequest& request);
  bool read_form(const HttpRequest& request);
  bool read_field(std::string_view key, std::string_view value);

  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::string decoded_;
  std::string problem_;
  Call call_;
};

}  // namespace sluice::servers
