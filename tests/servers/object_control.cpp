// The control endpoint of ObjectService: what a test or a benchmark asks of the double itself.
#include "object_service.hpp"

namespace sluice::servers {
namespace {

void append(std::string& json, std::string_view name, std::uint64_t number) {
  if (json.back() != '{') json += ',';
  json.append("\"").append(name).append("\":").append(std::to_string(number));
}

}  // namespace

void ObjectService::control(HttpLoop::Ticket ticket, const HttpRequest& request) {
  Parameters parameters = read_parameters(request.query);
  for (auto& [name, value] : parameters) {
    std::string decoded;
    if (url_decode(value, false, decoded)) value = std::move(decoded);
  }
  const std::string bucket = text_of(parameters, "bucket");
  const std::string key = text_of(parameters, "key");
  int status = 200;
  std::string body = "{}\n";
  if (request.path == "/_control/put" && request.method == "POST") {
    Object object;
    object.bytes = request.body;
    object.etag = etag_of(object.bytes);
    object.checksum = crc_text(crc32c(0, object.bytes));
    object.modified = now();
    buckets_[bucket].objects.insert_or_assign(key, std::move(object));
  } else if (request.path == "/_control/repeat" && request.method == "POST") {
    // One large object of many times the same bytes.
    Object object;
    const std::int64_t times = number_of(parameters, "times", 1);
    object.bytes.reserve(request.body.size() * static_cast<std::size_t>(times));
    for (std::int64_t k = 0; k < times; ++k) object.bytes += request.body;
    object.etag = etag_of(object.bytes);
    object.checksum = crc_text(crc32c(0, object.bytes));
    object.modified = now();
    buckets_[bucket].objects.insert_or_assign(key, std::move(object));
  } else if (request.path == "/_control/many" && request.method == "POST") {
    // PREFIX000000, PREFIX000001, ..., each with these bytes.
    Object object;
    object.bytes = request.body;
    object.etag = etag_of(object.bytes);
    object.checksum = crc_text(crc32c(0, object.bytes));
    object.modified = now();
    for (std::int64_t k = 0; k < number_of(parameters, "count", 1); ++k) {
      buckets_[bucket].objects.insert_or_assign(key + std::to_string(k + 1000000).substr(1), object);
    }
  } else if (request.path == "/_control/get" && request.method == "GET") {
    const auto found = buckets_[bucket].objects.find(key);
    status = found == buckets_[bucket].objects.end() ? 404 : 200;
    body = status == 200 ? found->second.bytes : "";
  } else if (request.path == "/_control/advance" && request.method == "POST") {
    clock_offset_ += number_of(parameters, "seconds", 0) * 1000;
  } else if (request.path == "/_control/reset" && request.method == "POST") {
    faults_.clear();
    calls_.clear();
    log_.clear();
    bytes_in_ = bytes_out_ = 0;
    if (!bucket.empty()) buckets_[bucket] = {};
  } else if (request.path == "/_control/stats" && request.method == "GET") {
    body = stats();
  } else if (request.path == "/_control/log" && request.method == "GET") {
    body.clear();
    for (const std::string& line : log_) body.append(line).append("\n");
  } else if (request.path == "/_control" && request.method == "DELETE") {
    faults_.clear();
  } else if (request.path == "/_control" && request.method == "POST") {
    if (!add_fault(parameters, body)) status = 400;
  } else {
    status = 404;
    body = "No such control: see tests/servers/README.md\n";
  }
  loop_.answer(ticket, {.status = status, .body = body});
}

std::string ObjectService::stats() const {
  std::string json = "{";
  std::uint64_t objects = 0;
  std::uint64_t uploads = 0;
  for (const auto& [name, bucket] : buckets_) {
    objects += bucket.objects.size();
    uploads += bucket.uploads.size();
  }
  append(json, "objects", objects);
  append(json, "uploads", uploads);
  append(json, "bytes_in", bytes_in_);
  append(json, "bytes_out", bytes_out_);
  json += ",\"calls\":{";
  for (const auto& [name, count] : calls_) append(json, name, count);
  json += "},\"faults\":{";
  for (const auto& [name, count] : faults_.struck()) append(json, name, count);
  return json + "}}\n";
}

}  // namespace sluice::servers
