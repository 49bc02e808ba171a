#include "object_service.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "digest.hpp"

namespace sluice::servers {
namespace {

constexpr std::size_t etag_by_md5 = 1U << 20U;  // larger objects get a made-up ETag, as with encryption by KMS
constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t log_lines_max = 100000;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

const std::map<std::string_view, ObjectService::ErrorKind> ObjectService::error_table = [] {
  std::map<std::string_view, ErrorKind> table;
  for (const ErrorKind& kind : std::initializer_list<ErrorKind>{
           {403, "AccessDenied", "Access Denied"},
           {404, "NoSuchKey", "The specified key does not exist."},
           {404, "NoSuchBucket", "The specified bucket does not exist"},
           {404, "NoSuchUpload", "The specified upload does not exist."},
           {409, "ConditionalRequestConflict", "A conflicting conditional operation is currently in progress."},
           {409, "BucketAlreadyOwnedByYou", "Your previous request to create the bucket succeeded."},
           {412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"},
           {416, "InvalidRange", "The requested range is not satisfiable"},
           {503, "SlowDown", "Please reduce your request rate."},
           {500, "InternalError", "We encountered an internal error. Please try again."},
           {400, "ExpiredToken", "The provided token has expired."},
           {403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."},
           {403, "SignatureDoesNotMatch", "The request signature we calculated does not match."},
           {403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."},
           {400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region is wrong"},
           {301, "PermanentRedirect", "The bucket you are attempting to access must be addressed elsewhere."},
           {400, "BadDigest", "The checksum you specified did not match what we received."},
           {400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match."},
           {400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"},
           {400, "InvalidPart", "One or more of the specified parts could not be found."},
           {400, "InvalidPartOrder", "The list of parts was not in ascending order."},
           {400, "InvalidArgument", "Invalid Argument"},
           {400, "InvalidRequest", "Invalid Request"},
           {400, "InvalidURI", "Couldn't parse the specified URI."},
           {400, "KeyTooLongError", "Your key is too long"},
           {405, "MethodNotAllowed", "The specified method is not allowed against this resource."},
           {501, "NotImplemented", "A header or query you provided implies functionality that is not implemented."},
       }) {
    table.emplace(kind.code, kind);
  }
  return table;
}();

const std::vector<ObjectService::FaultRow> ObjectService::fault_table{
    {"403", [](Effects& e, auto) { e.error = &error_table.at("AccessDenied"); }},
    {"404", [](Effects& e, auto) { e.error = &error_table.at("NoSuchKey"); }},
    {"no_bucket", [](Effects& e, auto) { e.error = &error_table.at("NoSuchBucket"); }},
    {"no_upload", [](Effects& e, auto) { e.error = &error_table.at("NoSuchUpload"); }},
    {"409", [](Effects& e, auto) { e.error = &error_table.at("ConditionalRequestConflict"); }},
    {"412", [](Effects& e, auto) { e.error = &error_table.at("PreconditionFailed"); }},
    {"slow_down", [](Effects& e, auto) { e.error = &error_table.at("SlowDown"); }},
    {"500", [](Effects& e, auto) { e.error = &error_table.at("InternalError"); }},
    {"expired_token", [](Effects& e, auto) { e.error = &error_table.at("ExpiredToken"); }},
    {"unknown_key", [](Effects& e, auto) { e.error = &error_table.at("InvalidAccessKeyId"); }},
    {"bad_signature", [](Effects& e, auto) { e.error = &error_table.at("SignatureDoesNotMatch"); }},
    {"redirect", [](Effects& e, auto) { e.error = &error_table.at("PermanentRedirect"), e.elsewhere = true; }},
    {"cut", [](Effects& e, auto) { e.cut_before = true; }},
    {"lost_reply", [](Effects& e, auto) { e.ending = Ending::cut; }},
    {"truncated", [](Effects& e, auto) { e.ending = Ending::truncate; }},
    {"slow_body", [](Effects& e, auto time) { e.ending = Ending::drip, e.drip = time; }},
    {"delay", [](Effects& e, auto time) { e.delay += time; }},
    {"error_in_200", [](Effects& e, auto) { e.error_in_200 = true; }},
    {"web_page", [](Effects& e, auto) { e.web_page = true; }},
    {"wrong_checksum", [](Effects& e, auto) { e.wrong_checksum = true; }},
    {"flipped", [](Effects& e, auto) { e.flipped = true; }},
    {"overwrite", [](Effects& e, auto) { e.overwrite = true; }},
    {"no_range", [](Effects& e, auto) { e.no_range = true; }},
};

ObjectService::ObjectService(ObjectServiceOptions options, HttpLoop& loop)
    : options_(std::move(options)), loop_(loop), faults_(options_.seed) {}

bool ObjectService::add_fault(const Parameters& parameters, std::string& problem) {
  const std::string name = text_of(parameters, "fault");
  if (std::ranges::find(fault_table, std::string_view(name), &FaultRow::name) == fault_table.end()) {
    problem = "no such fault: " + name + "; there are:";
    for (const FaultRow& row : fault_table) problem.append(" ").append(row.name);
    return false;
  }
  faults_.add(name, parameters);
  return true;
}

Millis ObjectService::now() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count() + clock_offset_;
}

std::string ObjectService::next_id() {
  const Sha256 digest = sha256(std::to_string(options_.seed) + "-" + std::to_string(++serial_));
  return hex(digest).substr(0, 32);
}

std::string ObjectService::etag_of(std::string_view bytes) {
  return "\"" + (bytes.size() <= etag_by_md5 ? hex(md5(bytes)) : next_id()) + "\"";
}

void ObjectService::handle(HttpLoop::Ticket ticket, const HttpRequest& request) {
  if (request.path.starts_with("/_control")) return control(ticket, request);
  Work work{.ticket = ticket, .request = request, .query = read_parameters(request.query)};
  for (auto& [name, value] : work.query) {
    std::string decoded;
    if (!url_decode(value, true, decoded)) return fail(work, "InvalidURI");
    value = std::move(decoded);
  }
  if (!route(work)) return;
  ++calls_[std::string(work.action)];
  bytes_in_ += request.body.size();
  for (const FaultList::Strike& strike : faults_.on(work.action)) {
    std::ranges::find(fault_table, strike.name, &FaultRow::name)->apply(work.effects, strike.time);
  }
  if (work.effects.cut_before) return loop_.answer(ticket, {.ending = Ending::cut});
  if (work.effects.error != nullptr) return fail(work, *work.effects.error);
  if (work.effects.web_page) return answer(work, 200, "<!doctype html><html><body>Welcome</body></html>");
  if (options_.key && !good_signature(work)) return;
  if (!good_body(work)) return;
  run(work);
}

// Which bucket, which key, which action. False: an error was answered.
bool ObjectService::route(Work& work) {
  const HttpRequest& request = work.request;
  const std::string_view host = request.header("host");
  const std::string_view first = host.substr(0, host.find('.'));
  std::string_view path = request.path.substr(1);
  // BUCKET.localhost: the bucket stands in the host's name.
  if (first.size() < host.size() && buckets_.find(first) != buckets_.end()) {
    work.bucket_name = first;
  } else {
    const std::size_t slash = std::min(path.find('/'), path.size());
    work.bucket_name = path.substr(0, slash);
    path.remove_prefix(std::min(path.size(), slash + 1));
  }
  if (!url_decode(path, false, work.key)) return fail(work, "InvalidURI"), false;
  if (work.key.size() > key_bytes_max) return fail(work, "KeyTooLongError"), false;

  const bool upload = work.query.contains("uploadId");
  const std::string_view method = request.method;
  if (work.key.empty()) {
    work.action = method == "PUT"                  ? "CreateBucket"
                  : work.query.contains("uploads") ? "ListMultipartUploads"
                                                   : "ListObjectsV2";
    if (method != "PUT" && method != "GET") return fail(work, "MethodNotAllowed"), false;
  } else if (method == "GET" || method == "HEAD") {
    work.action = method == "GET" ? "GetObject" : "HeadObject";
  } else if (method == "PUT") {
    work.action = upload ? "UploadPart" : "PutObject";
  } else if (method == "DELETE") {
    work.action = upload ? "AbortMultipartUpload" : "DeleteObject";
  } else if (method == "POST" && (upload || work.query.contains("uploads"))) {
    work.action = upload ? "CompleteMultipartUpload" : "CreateMultipartUpload";
  } else {
    return fail(work, "MethodNotAllowed"), false;
  }
  const auto found = buckets_.find(work.bucket_name);
  if (found != buckets_.end()) work.bucket = &found->second;
  return true;
}

bool ObjectService::good_signature(const Work& work) {
  const bool presigned = work.query.contains("X-Amz-Signature");
  if (!presigned) {
    const std::string_view region = signed_region(work.request);
    if (!region.empty() && region != options_.region) return fail(work, "AuthorizationHeaderMalformed"), false;
  }
  const Signature signature = presigned ? check_presigned(work.request, *options_.key, now() / 1000)
                                        : check_signature(work.request, *options_.key, now() / 1000, "s3");
  switch (signature) {
    case Signature::good: return true;
    case Signature::absent: fail(work, "AccessDenied"); break;
    case Signature::unknown_key: fail(work, "InvalidAccessKeyId"); break;
    case Signature::expired: fail(work, presigned ? "AccessDenied" : "RequestTimeTooSkewed"); break;
    case Signature::wrong: fail(work, "SignatureDoesNotMatch"); break;
  }
  return false;
}

// What the headers say of the body must be so.
bool ObjectService::good_body(const Work& work) {
  const std::string_view hash = work.request.header("x-amz-content-sha256");
  if (options_.key && !hash.empty() && hash != "UNSIGNED-PAYLOAD" && hash != hex(sha256(work.request.body))) {
    return fail(work, "XAmzContentSHA256Mismatch"), false;
  }
  const std::string_view sum = work.request.header("x-amz-checksum-crc32c");
  const bool of_body = work.action == "PutObject" || work.action == "UploadPart";
  if (of_body && !sum.empty() && sum != crc_text(crc32c(0, work.request.body))) return fail(work, "BadDigest"), false;
  return true;
}

void ObjectService::run(Work& work) {
  if (work.action == "CreateBucket") return create_bucket(work);
  if (work.bucket == nullptr) return fail(work, "NoSuchBucket");
  if (work.action == "ListObjectsV2") return list_objects(work);
  if (work.action == "ListMultipartUploads") return list_uploads(work);
  if (work.action == "GetObject" || work.action == "HeadObject") return get_object(work);
  if (work.action == "PutObject") return put_object(work);
  if (work.action == "DeleteObject") return delete_object(work);
  if (work.action == "CreateMultipartUpload") return create_upload(work);
  if (work.action == "UploadPart") return upload_part(work);
  if (work.action == "CompleteMultipartUpload") return complete_upload(work);
  abort_upload(work);
}

void ObjectService::fail(const Work& work, std::string_view code) { fail(work, error_table.at(code)); }

void ObjectService::fail(const Work& work, const ErrorKind& kind) {
  std::string body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + std::string(kind.code) +
                     "</Code><Message>" + std::string(kind.message) + "</Message>";
  if (kind.code == "AuthorizationHeaderMalformed") body += "<Region>" + options_.region + "</Region>";
  body += "<Resource>" + escaped(work.request.path) + "</Resource><RequestId>R" + std::to_string(serial_) +
          "</RequestId></Error>";
  answer(work, kind.status, body,
         work.effects.elsewhere || kind.code == "AuthorizationHeaderMalformed"
             ? "x-amz-bucket-region: " + options_.region + "\r\n"
             : "");
}

void ObjectService::answer(const Work& work, int status, std::string_view body, std::string headers) {
  if (work.effects.error_in_200 && status == 200) {
    Work other{.ticket = work.ticket, .request = work.request, .query = {}, .action = work.action};
    return fail(other, ErrorKind{200, "InternalError", "We encountered an internal error. Please try again."});
  }
  headers += "Date: " + http_time(now()) + "\r\nx-amz-request-id: R" + std::to_string(++serial_) + "\r\n";
  if (log_.size() == log_lines_max) log_.pop_front();
  log_.push_back(std::string(work.action) + " " + work.key + " " + std::string(work.request.header("range")) + " " +
                 std::to_string(status));
  loop_.answer(work.ticket,
               {.status = status,
                .content_type = status < 300 && work.action == "GetObject" ? "binary/octet-stream" : "application/xml",
                .headers = headers,
                .body = body,
                .without_body = work.request.method == "HEAD",
                .delay = options_.delay + work.effects.delay,
                .drip = work.effects.drip,
                .ending = work.effects.ending});
}

void ObjectService::get_object(Work& work) {
  const auto found = work.bucket->objects.find(work.key);
  if (found == work.bucket->objects.end()) return fail(work, "NoSuchKey");
  Object& object = found->second;
  if (work.effects.overwrite) {
    for (char& c : object.bytes) c = static_cast<char>(c ^ 1);
    object.etag = etag_of(object.bytes);
    object.checksum = crc_text(crc32c(0, object.bytes));
    object.modified = now();
  }
  const std::string_view wanted = work.request.header("if-match");
  if (!wanted.empty() && wanted != object.etag) return fail(work, "PreconditionFailed");

  std::string headers = "ETag: " + object.etag + "\r\nLast-Modified: " + http_time(object.modified) + "\r\n";
  headers += "Accept-Ranges: bytes\r\n";
  std::string_view bytes = object.bytes;
  int status = 200;
  if (std::string_view range = work.request.header("range"); range.starts_with("bytes=") && !work.effects.no_range) {
    range.remove_prefix(6);
    const std::size_t dash = range.find('-');
    const auto first = number(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? std::nullopt : number(range.substr(dash + 1));
    if (!first || *first >= bytes.size() || (last && *last < *first)) return fail(work, "InvalidRange");
    const std::size_t size = bytes.size();
    bytes = bytes.substr(*first, last ? *last - *first + 1 : std::string_view::npos);
    headers += "Content-Range: bytes " + std::to_string(*first) + "-" + std::to_string(*first + bytes.size() - 1) +
               "/" + std::to_string(size) + "\r\n";
    status = 206;
  } else if (work.request.header("x-amz-checksum-mode") == "ENABLED" && !object.checksum.empty()) {
    const std::string sum = work.effects.wrong_checksum ? "AAAAAA==" : object.checksum;
    headers += "x-amz-checksum-crc32c: " + sum + "\r\nx-amz-checksum-type: FULL_OBJECT\r\n";
  }
  if (work.request.method == "GET") bytes_out_ += bytes.size();
  if (!work.effects.flipped || bytes.empty()) return answer(work, status, bytes, headers);
  std::string flipped(bytes);
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  answer(work, status, flipped, headers);
}

// If-Match and If-None-Match of a write. False: an error was answered.
bool ObjectService::condition_holds(const Work& work) {
  const std::string_view absent = work.request.header("if-none-match");
  const std::string_view version = work.request.header("if-match");
  const auto found = work.bucket->objects.find(work.key);
  const bool there = found != work.bucket->objects.end();
  if (!absent.empty() && absent != "*") return fail(work, "NotImplemented"), false;
  if (!absent.empty() && there) return fail(work, "PreconditionFailed"), false;
  if (!version.empty() && !there) return fail(work, "NoSuchKey"), false;
  if (!version.empty() && found->second.etag != version) return fail(work, "PreconditionFailed"), false;
  return true;
}

void ObjectService::store(Work& work, Object object) {
  object.modified = now();
  work.bucket->objects.insert_or_assign(work.key, std::move(object));
}

void ObjectService::put_object(Work& work) {
  if (!condition_holds(work)) return;
  Object object;
  object.bytes = work.request.body;
  object.etag = etag_of(object.bytes);
  object.checksum = work.request.header("x-amz-checksum-crc32c");
  object.content_type = work.request.header("content-type");
  std::string headers = "ETag: " + object.etag + "\r\n";
  if (!object.checksum.empty()) {
    headers += "x-amz-checksum-crc32c: " + (work.effects.wrong_checksum ? "AAAAAA==" : object.checksum) +
               "\r\nx-amz-checksum-type: FULL_OBJECT\r\n";
  }
  store(work, std::move(object));
  answer(work, 200, "", headers);
}

void ObjectService::delete_object(Work& work) {
  work.bucket->objects.erase(work.key);
  answer(work, 204, "");
}

void ObjectService::create_bucket(Work& work) {
  if (work.bucket != nullptr) return fail(work, "BucketAlreadyOwnedByYou");
  make_bucket(work.bucket_name);
  answer(work, 200, "");
}

}  // namespace sluice::servers
