// The calls about one object that reader, writer and store share, and how their answers are read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sluice/aws/checksum.hpp"
#include "sluice/aws/s3_calls.hpp"
#include "sluice/core/object_store.hpp"

namespace sluice::aws {

// A checksum of the whole object, as S3 keeps it.
struct KeptChecksum {
  Checksum::Kind kind = Checksum::Kind::crc32c;
  std::string text;
};
// Empty: none is told, or only one of the parts' checksums.
std::optional<KeptChecksum> kept_checksum(const Response& response);

// What HEAD tells.
struct Headed {
  ObjectFacts facts;
  std::optional<KeptChecksum> checksum{};
};
Headed read_headed(const std::string& key, const Response& response);
S3Call head_call(const std::string& key);
// Empty: there is no such object. A refusal of HEAD has no body, so that a GET of one byte is sent to learn the reason.
Result<std::optional<Headed>> head_object(S3Calls& calls, const std::string& key);

// Bytes `offset` to `offset + length`; `whole`: all there is, with its checksum.
S3Call get_call(const std::string& key, const std::string& version, std::uint64_t offset, std::size_t length,
                bool whole);
// The bytes of the answer to get_call(): fewer than `length` only at the object's end.
Result<std::string> read_range(const S3Calls& calls, const S3Call& call, Response&& response,
                               const std::string& version, std::uint64_t offset, std::size_t length);

// What was sent, to compare it with what is there.
struct SentObject {
  std::uint64_t bytes = 0;
  std::string crc32c;
  std::string etag;  // as S3 makes it when nothing is encrypted by KMS
};
// Its facts if what stands under the key is what was sent; empty if it is something else, or nothing.
Result<std::optional<ObjectFacts>> find_sent(S3Calls& calls, const std::string& key, const SentObject& sent);

Headers write_headers(const S3Options& options, const PutOptions& put);
// An answer that S3 does not give: a proxy's page, most likely.
Error no_etag(const std::string& what);
void add_condition(Headers& headers, const PutCondition& condition);
Result<ObjectFacts> put_object(S3Calls& calls, const std::string& key, std::string body, const PutOptions& options);

std::string unquoted(std::string_view etag);  // "\"abc\"" -> "abc"
std::string quoted(std::string_view version);
// "2026-11-21T10:42:40.000Z" -> microseconds since 1970; 0 if it is no such time.
std::int64_t micros_of_iso(std::string_view text);

}  // namespace sluice::aws
