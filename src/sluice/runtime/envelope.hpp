// A message as bytes, whole: what is sealed into a reject, so that it can be shown and replayed.
#pragma once

#include <string>
#include <string_view>

#include "sluice/core/delivery.hpp"
#include "sluice/core/result.hpp"

namespace sluice::runtime {

struct Envelope {
  std::int64_t sent_at = 0;
  std::uint32_t receive_count = 1;
  std::string message_id;
  std::string attributes;
  std::string body;
  std::uint64_t line = 0;
};

// Layout: 2 (version), sent_at as 8 bytes, receive_count as 4, then message_id, attributes and body, each with its
// length as 4 bytes in front, then line as 8; numbers are big-endian. Version 1 ended with the body.
void pack(const Message& message, std::string& out);
Result<Envelope> unpack(std::string_view bytes);

}  // namespace sluice::runtime
