#include "sluice/aws/s3_objects.hpp"

#include <array>
#include <charconv>
#include <ctime>

namespace sluice::aws {
namespace {

constexpr std::int64_t second = 1000000;  // microseconds

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "bytes 0-9/100" -> 0, and 100
std::pair<std::uint64_t, std::uint64_t> content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return {};
  const std::size_t slash = text.find('/');
  return {number_of(text.substr(6)), slash == std::string_view::npos ? 0 : number_of(text.substr(slash + 1))};
}

}  // namespace

std::string unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

std::string quoted(std::string_view version) {
  std::string out = "\"";
  return out.append(version).append("\"");
}

std::int64_t micros_of_iso(std::string_view text) {
  std::tm time{};
  const std::string copy(text);
  const char* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (end == nullptr) return 0;
  std::int64_t micros = 0;
  if (*end == '.') {
    std::int64_t digit = second / 10;
    for (++end; *end >= '0' && *end <= '9'; ++end, digit /= 10) micros += (*end - '0') * digit;
  }
  return static_cast<std::int64_t>(timegm(&time)) * second + micros;
}

std::optional<KeptChecksum> kept_checksum(const Response& response) {
  using Kind = Checksum::Kind;
  if (response.header("x-amz-checksum-type") == "COMPOSITE") return std::nullopt;
  constexpr std::array<std::pair<std::string_view, Kind>, 3> kinds{{{"x-amz-checksum-crc32c", Kind::crc32c},
                                                                    {"x-amz-checksum-crc64nvme", Kind::crc64nvme},
                                                                    {"x-amz-checksum-crc32", Kind::crc32}}};
  for (const auto& [name, kind] : kinds) {
    const std::string_view text = response.header(name);
    if (!text.empty() && text.find('-') == std::string_view::npos) return KeptChecksum{kind, std::string(text)};
  }
  return std::nullopt;
}

Headed read_headed(const std::string& key, const Response& response) {
  Headed headed;
  headed.facts.key = key;
  headed.facts.bytes = number_of(response.header("content-length"));
  if (const auto range = response.header("content-range"); !range.empty())
    headed.facts.bytes = content_range(range).second;
  headed.facts.version = unquoted(response.header("etag"));
  headed.facts.modified = parse_http_date(response.header("last-modified")).value_or(0) * second;
  headed.checksum = kept_checksum(response);
  return headed;
}

S3Call head_call(const std::string& key) {
  return {.action = "HeadObject", .method = "HEAD", .key = key, .headers = {{"x-amz-checksum-mode", "ENABLED"}}};
}

Result<std::optional<Headed>> head_object(S3Calls& calls, const std::string& key) {
  auto answer = calls.call(head_call(key));
  if (!answer) {
    const S3Trouble trouble = answer.error().trouble;
    if (trouble != S3Trouble::no_key && trouble != S3Trouble::denied && trouble != S3Trouble::refused) {
      return fail(std::move(answer.error().error));
    }
    answer = calls.call(get_call(key, "", 0, 1, false));
    if (!answer && answer.error().trouble == S3Trouble::range) {  // an empty object, after all
      answer = calls.call(get_call(key, "", 0, 1, true));
    }
    if (!answer && answer.error().trouble == S3Trouble::no_key) return std::nullopt;
    if (!answer) return fail(std::move(answer.error().error));
  }
  return read_headed(key, *answer);
}

S3Call get_call(const std::string& key, const std::string& version, std::uint64_t offset, std::size_t length,
                bool whole) {
  S3Call call{.action = "GetObject", .key = key, .answer_bytes = length};
  if (!version.empty()) call.headers.emplace_back("If-Match", quoted(version));
  if (whole) {
    call.headers.emplace_back("x-amz-checksum-mode", "ENABLED");
  } else {
    call.headers.emplace_back("Range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1));
  }
  return call;
}

Result<std::string> read_range(const S3Calls& calls, const S3Call& call, Response&& response,
                               const std::string& version, std::uint64_t offset, std::size_t length) {
  const std::string uri = calls.options().uri(call.key);
  const std::string found = unquoted(response.header("etag"));
  if (!version.empty() && !found.empty() && found != version) {  // a server that does not know If-Match
    return fail(Fault::conflict, "overwritten while it was read: " + uri,
                "run again: the new version is read from its beginning");
  }
  std::string body = std::move(response.body);
  if (response.status != 206) {  // everything, though a part was asked for
    body.erase(0, static_cast<std::size_t>(std::min<std::uint64_t>(offset, body.size())));
    body.resize(std::min(body.size(), length));
    return body;
  }
  const auto [begin, size] = content_range(response.header("content-range"));
  if (begin != offset || body.size() > length || (body.size() < length && offset + body.size() != size)) {
    return fail(Fault::failed, "GetObject " + uri + ": the answer holds other bytes than were asked for",
                "is this an S3 endpoint, and nothing in between?");
  }
  return body;
}

Result<std::optional<ObjectFacts>> find_sent(S3Calls& calls, const std::string& key, const SentObject& sent) {
  SLUICE_TRY(auto headed, head_object(calls, key));
  if (!headed || headed->facts.bytes != sent.bytes) return std::nullopt;
  const bool same = headed->checksum && headed->checksum->kind == Checksum::Kind::crc32c
                        ? headed->checksum->text == sent.crc32c
                        : headed->facts.version == sent.etag;
  if (!same) return std::nullopt;
  return std::move(headed->facts);
}

Headers write_headers(const S3Options& options, const PutOptions& put) {
  Headers headers{{"Content-Type", put.content_type}};
  const auto add = [&headers](const char* name, const std::string& value) {
    if (!value.empty()) headers.emplace_back(name, value);
  };
  add("x-amz-storage-class", options.storage_class);
  add("x-amz-server-side-encryption", options.encryption);
  add("x-amz-server-side-encryption-aws-kms-key-id", options.kms_key);
  add("x-amz-tagging", options.tags);
  return headers;
}

void add_condition(Headers& headers, const PutCondition& condition) {
  if (condition.if_absent) headers.emplace_back("If-None-Match", "*");
  if (!condition.if_version.empty()) headers.emplace_back("If-Match", quoted(condition.if_version));
}

Error no_etag(const std::string& what) {
  return {Fault::failed, what + ": the answer has no ETag, so nobody can tell whether anything was written",
          "is this an S3 endpoint, and nothing in between?"};
}

Result<ObjectFacts> put_object(S3Calls& calls, const std::string& key, std::string body, const PutOptions& options) {
  SentObject sent{body.size(), crc32c_text(body), {}};
  S3Call call{.action = "PutObject", .method = "PUT", .key = key, .headers = write_headers(calls.options(), options)};
  call.headers.emplace_back("x-amz-checksum-crc32c", sent.crc32c);
  add_condition(call.headers, options.condition);
  call.once = options.condition.if_absent || !options.condition.if_version.empty();
  call.body = std::move(body);
  const S3Ticket ticket = calls.start(std::move(call));
  auto answer = calls.wait(ticket);
  sent.etag = md5_hex(calls.body_of(ticket));
  if (!answer) {
    S3Error& error = answer.error();
    if (error.uncertain) {
      // An earlier try may have written it; then its own condition fails now.
      const auto found = find_sent(calls, key, sent);
      if (found && *found) return **found;
    }
    return fail(std::move(error.error));
  }
  const auto kept = kept_checksum(*answer);
  ObjectFacts facts{key, sent.bytes, unquoted(answer->header("etag")),
                    parse_http_date(answer->header("date")).value_or(0) * second};
  if (facts.version.empty()) {
    const auto found = find_sent(calls, key, sent);
    if (found && *found) return **found;
    return fail(no_etag("PutObject " + calls.options().uri(key)));
  }
  const bool told = kept && kept->kind == Checksum::Kind::crc32c;
  if (told && kept->text == sent.crc32c) return facts;
  if (!told && facts.version == sent.etag) return facts;
  if (!told) {  // encrypted, or by a server that keeps no checksums: its size, then
    SLUICE_TRY(const auto headed, head_object(calls, key));
    // Another version: somebody has overwritten ours since, which is theirs to do.
    if (headed && (headed->facts.version != facts.version || headed->facts.bytes == sent.bytes)) return facts;
  }
  return fail(Fault::failed, "PutObject " + calls.options().uri(key) + ": what is there is not what was sent",
              "run again");
}

}  // namespace sluice::aws
