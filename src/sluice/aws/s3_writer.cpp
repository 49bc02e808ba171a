#include "sluice/aws/s3_writer.hpp"

#include <algorithm>
#include <cassert>
#include <deque>

#include "sluice/aws/s3_objects.hpp"
#include "sluice/aws/uri.hpp"
#include "sluice/aws/xml.hpp"
#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"

namespace sluice::aws {
namespace {

constexpr std::size_t parts_of_one_size = 1000;
constexpr std::size_t object_parts_max = 10000;
constexpr std::size_t memory_max = std::size_t{32} << 20U;  // of parts on their way, unless one alone is larger

class S3Writer final : public ObjectWriter {
 public:
  S3Writer(std::shared_ptr<S3Calls> calls, std::string key, PutOptions options)
      : calls_(std::move(calls)), key_(std::move(key)), put_(std::move(options)) {}

  ~S3Writer() override {
    if (upload_.empty() || settled_) return;
    for (const Part& part : ahead_) calls_->drop(part.ticket);
    for (const Part& part : ahead_) static_cast<void>(calls_->wait(part.ticket));
    const auto aborted = calls_->call(
        {.action = "AbortMultipartUpload", .method = "DELETE", .key = key_, .query = upload_query(), .patient = false});
    if (!aborted && aborted.error().trouble != S3Trouble::no_upload) {
      log::warning("upload_not_aborted", {{"object", calls_->options().uri(key_)},
                                          {"error", aborted.error().error.message},
                                          {"hint", "its parts cost storage until it is aborted"}});
    }
  }
  S3Writer(const S3Writer&) = delete;
  S3Writer& operator=(const S3Writer&) = delete;

  Result<void> write(std::string_view bytes) override {
    assert(!finished_);
    while (!bytes.empty()) {
      const std::size_t size = part_size(calls_->options().part_bytes, part_count_ + 1);
      if (part_.size() == size) {
        SLUICE_CHECK(send_part());
        continue;
      }
      const std::size_t taken = std::min(size - part_.size(), bytes.size());
      const std::size_t wanted = part_.size() + taken;
      if (wanted > part_.capacity()) part_.reserve(std::min(size, std::max(wanted, part_.capacity() * 2)));
      part_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
    }
    return {};
  }

  Result<ObjectFacts> finish() override {
    assert(!finished_);
    finished_ = true;
    if (part_count_ == 0) return put_object(*calls_, key_, std::move(part_), put_);
    if (!part_.empty()) SLUICE_CHECK(send_part());
    while (!ahead_.empty()) SLUICE_CHECK(settle_part());
    return complete();
  }

 private:
  struct Part {
    S3Ticket ticket;
    std::string crc32c;
  };

  std::string upload_query() const { return "uploadId=" + percent_encode(upload_); }

  Result<void> begin() {
    S3Call call{.action = "CreateMultipartUpload", .method = "POST", .key = key_, .query = "uploads="};
    call.headers = write_headers(calls_->options(), put_);
    call.headers.emplace_back("x-amz-checksum-algorithm", "CRC32C");
    call.headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
    auto answer = calls_->call(std::move(call));
    if (!answer) return fail(std::move(answer.error().error));
    pugi::xml_document document;
    upload_ = text_of(parse_xml(document, answer->body), "UploadId");
    if (upload_.empty()) {
      return fail(Fault::failed,
                  "CreateMultipartUpload " + calls_->options().uri(key_) + ": the answer has no upload id",
                  "is this an S3 endpoint, and nothing in between?");
    }
    return {};
  }

  Result<void> send_part() {
    if (upload_.empty()) SLUICE_CHECK(begin());
    if (part_count_ == object_parts_max) {
      return fail(Fault::failed, calls_->options().uri(key_) + " is larger than an S3 object can be");
    }
    ++part_count_;
    bytes_ += part_.size();
    sum_.add(part_);
    Part part{nullptr, crc32c_text(part_)};
    const std::size_t at_once =
        std::clamp<std::size_t>(memory_max / std::max<std::size_t>(part_.size(), 1), 1, calls_->options().parts_ahead);
    S3Call call{.action = "UploadPart",
                .method = "PUT",
                .key = key_,
                .query = "partNumber=" + std::to_string(part_count_) + "&" + upload_query(),
                .headers = {{"x-amz-checksum-crc32c", part.crc32c}}};
    call.body = std::move(part_);
    part.ticket = calls_->start(std::move(call));
    ahead_.push_back(std::move(part));
    part_ = std::move(spare_);
    part_.clear();
    while (ahead_.size() >= at_once) SLUICE_CHECK(settle_part());
    return {};
  }

  // Waits for the oldest part.
  Result<void> settle_part() {
    const Part part = std::move(ahead_.front());
    ahead_.pop_front();
    auto answer = calls_->wait(part.ticket);
    if (!answer) return fail(std::move(answer.error().error));
    if (const auto kept = answer->header("x-amz-checksum-crc32c"); !kept.empty() && kept != part.crc32c) {
      return fail(Fault::failed, "UploadPart " + calls_->options().uri(key_) + ": what arrived is not what was sent",
                  "run again");
    }
    spare_ = std::move(S3Calls::body_of(part.ticket));
    const std::string etag(answer->header("etag"));
    list_ += "<Part><PartNumber>" + std::to_string(++parts_settled_) + "</PartNumber><ETag>" + etag +
             "</ETag><ChecksumCRC32C>" + part.crc32c + "</ChecksumCRC32C></Part>";
    add_digest(unquoted(etag));
    SLUICE_CRASH_POINT("B1_part_up");
    return {};
  }

  // S3 makes the ETag of a multipart object of its parts' MD5s.
  void add_digest(std::string_view hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
      digests_ += static_cast<char>(digit(hex[at]) * 16 + digit(hex[at + 1]));
    }
  }

  Result<ObjectFacts> complete() {
    const SentObject sent{bytes_, sum_.text(), md5_hex(digests_) + "-" + std::to_string(part_count_)};
    S3Call call{.action = "CompleteMultipartUpload", .method = "POST", .key = key_, .query = upload_query()};
    call.headers = {{"Content-Type", "application/xml"},
                    {"x-amz-checksum-crc32c", sent.crc32c},
                    {"x-amz-checksum-type", "FULL_OBJECT"},
                    {"x-amz-mp-object-size", std::to_string(bytes_)}};
    add_condition(call.headers, put_.condition);
    call.body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + list_ +
                "</CompleteMultipartUpload>";
    call.fails_inside = call.once = true;
    auto answer = calls_->call(std::move(call));
    if (!answer) {
      S3Error& error = answer.error();
      if (!error.uncertain) return fail(std::move(error.error));
      settled_ = true;  // perhaps it was finished: nothing is aborted on a guess
      auto found = find_sent(*calls_, key_, sent);
      if (found && *found) return std::move(**found);
      return fail(std::move(error.error));
    }
    settled_ = true;
    pugi::xml_document document;
    const std::string version = unquoted(text_of(parse_xml(document, answer->body), "ETag"));
    if (version.empty()) {
      auto found = find_sent(*calls_, key_, sent);
      if (found && *found) return std::move(**found);
      return fail(no_etag("CompleteMultipartUpload " + calls_->options().uri(key_)));
    }
    SLUICE_TRY(const auto headed, head_object(*calls_, key_));
    // Another version: somebody has overwritten ours since, which is theirs to do.
    if (headed && headed->facts.version != version) return ObjectFacts{key_, bytes_, version, headed->facts.modified};
    const bool other_sum = headed && headed->checksum && headed->checksum->kind == Checksum::Kind::crc32c &&
                           headed->checksum->text != sent.crc32c;
    if (!headed || headed->facts.bytes != bytes_ || other_sum) {
      return fail(Fault::failed, calls_->options().uri(key_) + ": what is there is not what was sent", "run again");
    }
    return headed->facts;
  }

  std::shared_ptr<S3Calls> calls_;
  std::string key_;
  PutOptions put_;
  std::string part_;   // being filled
  std::string spare_;  // memory of a part that has arrived
  std::string upload_;
  std::deque<Part> ahead_;
  std::size_t part_count_ = 0;
  std::size_t parts_settled_ = 0;
  std::uint64_t bytes_ = 0;
  Checksum sum_{Checksum::Kind::crc32c};
  std::string list_;     // of the parts, as XML
  std::string digests_;  // of the parts
  bool finished_ = false;
  bool settled_ = false;  // there is nothing to abort
};

}  // namespace

std::size_t part_size(std::size_t first, std::size_t number) { return first << ((number - 1) / parts_of_one_size); }

std::unique_ptr<ObjectWriter> open_s3_writer(std::shared_ptr<S3Calls> calls, std::string key, PutOptions options) {
  return std::make_unique<S3Writer>(std::move(calls), std::move(key), std::move(options));
}

}  // namespace sluice::aws
