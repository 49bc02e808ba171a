// Multipart uploads and lists of ObjectService.
#include <algorithm>

#include "digest.hpp"
#include "object_service.hpp"

namespace sluice::servers {
namespace {

constexpr std::size_t part_bytes_min = 5U << 20U;  // of every part but the last
constexpr std::int64_t page_max = 1000;

constexpr std::string_view xml_head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

std::string element(std::string_view name, std::string_view text) {
  std::string out = "<";
  return out.append(name).append(">").append(text).append("</").append(name).append(">");
}

}  // namespace

void ObjectService::list_objects(Work& work) {
  if (text_of(work.query, "list-type") != "2" || work.query.contains("delimiter")) return fail(work, "NotImplemented");
  const bool encode = text_of(work.query, "encoding-type") == "url";
  const std::int64_t most = std::clamp<std::int64_t>(number_of(work.query, "max-keys", page_max), 0, page_max);
  const std::string prefix = text_of(work.query, "prefix");
  const auto shown = [encode](std::string_view key) { return encode ? url_encoded(key) : escaped(key); };

  auto at = work.bucket->objects.lower_bound(prefix);
  if (work.query.contains("continuation-token")) {
    std::string after;  // the key, two digits a byte
    const std::string token = text_of(work.query, "continuation-token");
    std::string encoded;
    for (std::size_t k = 0; k + 1 < token.size(); k += 2) encoded += "%" + token.substr(k, 2);
    if (token.empty() || !url_decode(encoded, false, after)) return fail(work, "InvalidArgument");
    at = work.bucket->objects.upper_bound(after);
  }
  std::string contents;
  std::string last;
  std::int64_t count = 0;
  for (; at != work.bucket->objects.end() && at->first.starts_with(prefix) && count < most; ++at, ++count) {
    const Object& object = at->second;
    contents += "<Contents>" + element("Key", shown(at->first)) + element("LastModified", iso_time(object.modified)) +
                element("ETag", escaped(object.etag)) + element("Size", std::to_string(object.bytes.size())) +
                element("StorageClass", "STANDARD") + "</Contents>";
    last = at->first;
  }
  const bool more = count > 0 && at != work.bucket->objects.end() && at->first.starts_with(prefix);
  std::string body(xml_head);
  body += "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + element("Name", work.bucket_name) +
          element("Prefix", shown(prefix)) + element("KeyCount", std::to_string(count)) +
          element("MaxKeys", std::to_string(most)) + element("IsTruncated", more ? "true" : "false");
  if (encode) body += element("EncodingType", "url");
  if (more) {
    std::string token;
    append_hex(token, reinterpret_cast<const std::uint8_t*>(last.data()), last.size());
    body += element("NextContinuationToken", token);
  }
  answer(work, 200, body + contents + "</ListBucketResult>");
}

void ObjectService::list_uploads(Work& work) {
  const bool encode = text_of(work.query, "encoding-type") == "url";
  const std::int64_t most = std::clamp<std::int64_t>(number_of(work.query, "max-uploads", page_max), 1, page_max);
  const auto shown = [encode](std::string_view key) { return encode ? url_encoded(key) : escaped(key); };
  std::vector<std::pair<std::string, std::string>> uploads;  // key, id
  for (const auto& [id, upload] : work.bucket->uploads) uploads.emplace_back(upload.key, id);
  std::ranges::sort(uploads);
  const std::pair after{text_of(work.query, "key-marker"), text_of(work.query, "upload-id-marker")};
  auto at = work.query.contains("key-marker") ? std::ranges::upper_bound(uploads, after) : uploads.begin();
  std::string list;
  std::string next;
  for (std::int64_t count = 0; at != uploads.end() && count < most; ++at, ++count) {
    const Upload& upload = work.bucket->uploads.at(at->second);
    list += "<Upload>" + element("Key", shown(at->first)) + element("UploadId", at->second) +
            element("Initiated", iso_time(upload.initiated)) + "</Upload>";
    next = element("NextKeyMarker", shown(at->first)) + element("NextUploadIdMarker", at->second);
  }
  const bool more = at != uploads.end();
  std::string body(xml_head);
  body += "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
          element("Bucket", work.bucket_name) + element("IsTruncated", more ? "true" : "false");
  if (encode) body += element("EncodingType", "url");
  if (more) body += next;
  answer(work, 200, body + list + "</ListMultipartUploadsResult>");
}

void ObjectService::create_upload(Work& work) {
  const std::string id = next_id();
  Upload& upload = work.bucket->uploads[id];
  upload.key = work.key;
  upload.content_type = work.request.header("content-type");
  upload.full_checksum = work.request.header("x-amz-checksum-type") == "FULL_OBJECT";
  upload.initiated = now();
  answer(work, 200,
         std::string(xml_head) + "<InitiateMultipartUploadResult>" + element("Bucket", work.bucket_name) +
             element("Key", escaped(work.key)) + element("UploadId", id) + "</InitiateMultipartUploadResult>");
}

void ObjectService::upload_part(Work& work) {
  const auto upload = work.bucket->uploads.find(text_of(work.query, "uploadId"));
  if (upload == work.bucket->uploads.end() || upload->second.key != work.key) return fail(work, "NoSuchUpload");
  const std::int64_t part_number = number_of(work.query, "partNumber", 0);
  if (part_number < 1 || part_number > 10000) return fail(work, "InvalidArgument");
  UploadPart& part = upload->second.parts[static_cast<int>(part_number)];
  part.bytes = work.request.body;
  part.etag = etag_of(part.bytes);
  part.checksum = work.request.header("x-amz-checksum-crc32c");
  std::string headers = "ETag: " + part.etag + "\r\n";
  if (!part.checksum.empty()) {
    headers += "x-amz-checksum-crc32c: " + (work.effects.wrong_checksum ? "AAAAAA==" : part.checksum) + "\r\n";
  }
  answer(work, 200, "", headers);
}

std::string_view ObjectService::join(const Work& work, const Upload& upload, Object& object) const {
  int before = 0;
  std::size_t last_size = part_bytes_min;
  std::string block;
  std::uint32_t sum = 0;
  std::size_t count = 0;
  for (std::size_t at = 0; next_element(work.request.body, "Part", at, block); ++count) {
    std::string part_number;
    std::string etag;
    std::string checksum;
    std::size_t in_block = 0;
    if (!next_element(block, "PartNumber", in_block, part_number)) return "InvalidRequest";
    in_block = 0;
    if (!next_element(block, "ETag", in_block, etag)) return "InvalidRequest";
    in_block = 0;
    next_element(block, "ChecksumCRC32C", in_block, checksum);
    const int place = std::atoi(part_number.c_str());
    if (place <= before) return "InvalidPartOrder";
    before = place;
    const auto part = upload.parts.find(place);
    if (part == upload.parts.end() || part->second.etag != etag) return "InvalidPart";
    if (!checksum.empty() && checksum != part->second.checksum) return "InvalidPart";
    if (last_size < part_bytes_min) return "EntityTooSmall";
    last_size = part->second.bytes.size();
    object.bytes += part->second.bytes;
    sum = crc32c(sum, part->second.bytes);
  }
  if (count == 0) return "InvalidRequest";
  const std::string_view size = work.request.header("x-amz-mp-object-size");
  if (!size.empty() && size != std::to_string(object.bytes.size())) return "InvalidRequest";
  const std::string_view told = work.request.header("x-amz-checksum-crc32c");
  if (upload.full_checksum != (work.request.header("x-amz-checksum-type") == "FULL_OBJECT")) return "InvalidRequest";
  if (!told.empty() && told != crc_text(sum)) return "BadDigest";
  if (upload.full_checksum) object.checksum = crc_text(sum);
  object.etag = "\"" + hex(md5(object.checksum + std::to_string(serial_))) + "-" + std::to_string(count) + "\"";
  return {};
}

void ObjectService::complete_upload(Work& work) {
  const auto upload = work.bucket->uploads.find(text_of(work.query, "uploadId"));
  if (upload == work.bucket->uploads.end() || upload->second.key != work.key) return fail(work, "NoSuchUpload");
  // An error inside a 200 has done nothing.
  if (work.effects.error_in_200) return answer(work, 200, "");
  if (!condition_holds(work)) return;
  Object object;
  if (const std::string_view problem = join(work, upload->second, object); !problem.empty()) return fail(work, problem);
  object.content_type = upload->second.content_type;
  const std::string etag = object.etag;
  const std::string checksum = object.checksum;
  store(work, std::move(object));
  work.bucket->uploads.erase(upload);
  std::string body(xml_head);
  body += "<CompleteMultipartUploadResult>" + element("Bucket", work.bucket_name) + element("Key", escaped(work.key)) +
          element("ETag", escaped(etag));
  if (!checksum.empty()) body += element("ChecksumCRC32C", checksum);
  answer(work, 200, body + "</CompleteMultipartUploadResult>");
}

void ObjectService::abort_upload(Work& work) {
  const auto upload = work.bucket->uploads.find(text_of(work.query, "uploadId"));
  if (upload == work.bucket->uploads.end()) return fail(work, "NoSuchUpload");
  work.bucket->uploads.erase(upload);
  answer(work, 204, "");
}

}  // namespace sluice::servers
