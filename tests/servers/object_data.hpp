// What the object server holds: buckets of objects, and uploads that are not finished.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::servers {

using Millis = std::int64_t;  // since 1970

// Written apart from the engine's, so that one error cannot hide in both. Adds to a CRC32C that starts at 0.
std::uint32_t crc32c(std::uint32_t sum, std::string_view bytes);
std::string crc_text(std::uint32_t sum);  // base64, the highest byte first

struct Object {
  std::string bytes;
  std::string etag;      // with its quotes
  std::string checksum;  // CRC32C of the whole; empty: the writer gave none
  std::string content_type;
  Millis modified = 0;
};

struct UploadPart {
  std::string bytes;
  std::string etag;
  std::string checksum;
};

struct Upload {
  std::string key;
  std::string content_type;
  bool full_checksum = false;  // x-amz-checksum-type: FULL_OBJECT
  Millis initiated = 0;
  std::map<int, UploadPart> parts;
};

struct Bucket {
  std::map<std::string, Object, std::less<>> objects;
  std::map<std::string, Upload, std::less<>> uploads;  // by id
};

// Text of XML, and of a URL as encoding-type=url writes it.
std::string escaped(std::string_view text);
std::string url_encoded(std::string_view text);
// False when a % is not followed by two digits.
bool url_decode(std::string_view text, bool plus_is_space, std::string& out);
std::string iso_time(Millis time);   // 2026-11-21T10:42:40.000Z
std::string http_time(Millis time);  // Sat, 21 Nov 2026 10:42:40 GMT
// What stands between <name> and </name> in text, its entities resolved; moves `at` behind it. False at the end.
bool next_element(std::string_view text, std::string_view name, std::size_t& at, std::string& inside);

}  // namespace sluice::servers
