#include "sluice/aws/s3_store.hpp"

#include <charconv>
#include <cstring>

#include "sluice/aws/s3_objects.hpp"
#include "sluice/aws/s3_reader.hpp"
#include "sluice/aws/s3_writer.hpp"
#include "sluice/aws/uri.hpp"
#include "sluice/aws/xml.hpp"

namespace sluice::aws {
namespace {

constexpr std::chrono::hours presign_max{24 * 7};
constexpr std::chrono::hours old_upload{24};
constexpr std::size_t named_max = 5;  // uploads that doctor names

// Keys come encoded where the answer says so: XML cannot hold every byte. AWS writes a space as '+'.
std::string decoded(std::string_view text, bool encoded) {
  if (!encoded) return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned value = 0;
    const char* digits = text.data() + at + 1;
    if (text[at] == '%' && at + 2 < text.size() && std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      out += static_cast<char>(value);
      at += 2;
    } else {
      out += text[at] == '+' ? ' ' : text[at];
    }
  }
  return out;
}

bool is_true(const pugi::xml_node& node, const char* child) { return text_of(node, child) == "true"; }

class S3Store final : public ObjectStore {
 public:
  S3Store(S3Options options, const Clock& clock)
      : clock_(clock), calls_(std::make_shared<S3Calls>(std::move(options), clock)) {}

  Result<void> list(const std::string& prefix, const std::function<bool(ObjectFacts)>& each) override {
    std::string token;
    do {
      SLUICE_TRY(const auto next, list_page(prefix, token, 1000, true, each));
      if (!next) return {};
      token = *next;
    } while (!token.empty());
    return {};
  }

  Result<std::optional<ObjectFacts>> head(const std::string& key) override {
    SLUICE_CHECK(check_key(key));
    SLUICE_TRY(auto headed, head_object(*calls_, key));
    if (!headed) return std::nullopt;
    return std::move(headed->facts);
  }

  Result<std::string> read(const std::string& key, const std::string& version, std::uint64_t offset,
                           std::size_t length) override {
    SLUICE_CHECK(check_key(key));
    if (length == 0) return std::string();
    S3Call call = get_call(key, version, offset, length, false);
    const S3Call asked{.action = call.action, .key = key};
    auto answer = calls_->call(std::move(call));
    if (answer) return read_range(*calls_, asked, std::move(*answer), version, offset, length);
    if (answer.error().trouble == S3Trouble::range) return std::string();  // from beyond its end
    return fail(std::move(answer.error().error));
  }

  Result<std::unique_ptr<ObjectReader>> open_reader(const ObjectFacts& object, std::uint64_t offset) override {
    SLUICE_CHECK(check_key(object.key));
    return open_s3_reader(calls_, object, offset);
  }

  Result<ObjectFacts> put(const std::string& key, std::string_view bytes, const PutOptions& options) override {
    SLUICE_CHECK(check_key(key));
    return put_object(*calls_, key, std::string(bytes), options);
  }

  Result<std::unique_ptr<ObjectWriter>> open_writer(const std::string& key, const PutOptions& options) override {
    SLUICE_CHECK(check_key(key));
    return open_s3_writer(calls_, key, options);
  }

  Result<void> remove(const std::string& key) override {
    SLUICE_CHECK(check_key(key));
    auto answer = calls_->call({.action = "DeleteObject", .method = "DELETE", .key = key});
    if (answer || answer.error().trouble == S3Trouble::no_key) return {};
    return fail(std::move(answer.error().error));
  }

  Result<std::vector<UnfinishedUpload>> unfinished(std::chrono::hours age) override { return unfinished(age, true); }

  Result<void> abort(const UnfinishedUpload& upload) override {
    auto answer = calls_->call({.action = "AbortMultipartUpload",
                                .method = "DELETE",
                                .key = upload.key,
                                .query = "uploadId=" + percent_encode(upload.id)});
    if (answer || answer.error().trouble == S3Trouble::no_upload) return {};
    return fail(std::move(answer.error().error));
  }

  Result<std::string> presign(const std::string& key, std::chrono::seconds expires) override {
    SLUICE_CHECK(check_key(key));
    if (expires > presign_max || expires < std::chrono::seconds(1)) {
      return fail(Fault::config, "a presigned URL is good for 1 second to 7 days", "write --expires 7d, or less");
    }
    return calls_->presign(key, expires);
  }

  std::string uri(const std::string& key) const override { return calls_->options().uri(key); }
  std::map<std::string, std::uint64_t> calls() const override { return calls_->calls(); }

  std::vector<Finding> probe() override {
    using Level = Finding::Level;
    std::vector<Finding> findings;
    const std::string place = "s3 " + calls_->options().bucket;
    const auto listed = list_page("", "", 1, false, [](const ObjectFacts&) { return true; });
    if (!listed) return {{Level::bad, listed.error().message, listed.error().hint}};
    const std::string region = calls_->region();
    findings.push_back({Level::good, place + ": reachable at " + calls_->options().endpoint + ", region " + region});
    if (region != calls_->options().region) {
      findings.push_back({Level::warning, place + ": is in region " + region + ", not in " + calls_->options().region,
                          "set region: " + region});
    }
    findings.push_back({Level::good, place + ": credentials from " + calls_->credentials_from()});
    findings.push_back({Level::good, place + ": s3:ListBucket is allowed; s3:GetObject and s3:PutObject cannot be " +
                                         "tried without naming an object"});
    add_unfinished(place, findings);
    return findings;
  }

 private:
  static Result<void> check_key(const std::string& key) {
    if (key.empty()) return fail(Fault::config, "the key of an object is empty");
    if (key.size() > 1024) return fail(Fault::config, "a key is longer than the 1,024 bytes that S3 allows");
    return {};
  }

  // One page; gives the token of the next one ("" after the last), or nothing where `each` ended it.
  Result<std::optional<std::string>> list_page(const std::string& prefix, const std::string& token, unsigned most,
                                               bool patient, const std::function<bool(ObjectFacts)>& each) {
    std::string query;
    if (!token.empty()) query = "continuation-token=" + percent_encode(token) + "&";
    query += "encoding-type=url&list-type=2&max-keys=" + std::to_string(most) + "&prefix=" + percent_encode(prefix);
    auto answer = calls_->call({.action = "ListObjectsV2", .query = std::move(query), .patient = patient});
    if (!answer) return fail(std::move(answer.error().error));
    pugi::xml_document document;
    const pugi::xml_node root = parse_xml(document, answer->body);
    if (std::strcmp(root.name(), "ListBucketResult") != 0) return no_answer("ListObjectsV2");
    const bool encoded = text_of(root, "EncodingType") == "url";
    for (const pugi::xml_node& node : root.children("Contents")) {
      ObjectFacts facts;
      facts.key = decoded(text_of(node, "Key"), encoded);
      const std::string_view size = text_of(node, "Size");
      std::from_chars(size.data(), size.data() + size.size(), facts.bytes);
      facts.version = unquoted(text_of(node, "ETag"));
      facts.modified = micros_of_iso(text_of(node, "LastModified"));
      if (!each(std::move(facts))) return std::nullopt;
    }
    if (!is_true(root, "IsTruncated")) return std::string();
    std::string next(text_of(root, "NextContinuationToken"));
    if (next.empty()) return no_answer("ListObjectsV2");  // more is there, and no way to it
    return next;
  }

  Result<std::vector<UnfinishedUpload>> unfinished(std::chrono::hours age, bool patient) {
    const std::int64_t before = clock_.now_micros() - std::chrono::microseconds(age).count();
    std::vector<UnfinishedUpload> found;
    std::string markers;
    while (true) {
      auto answer = calls_->call(
          {.action = "ListMultipartUploads", .query = "encoding-type=url" + markers + "&uploads=", .patient = patient});
      if (!answer) return fail(std::move(answer.error().error));
      pugi::xml_document document;
      const pugi::xml_node root = parse_xml(document, answer->body);
      if (std::strcmp(root.name(), "ListMultipartUploadsResult") != 0) return no_answer("ListMultipartUploads");
      const bool encoded = text_of(root, "EncodingType") == "url";
      for (const pugi::xml_node& node : root.children("Upload")) {
        UnfinishedUpload upload{decoded(text_of(node, "Key"), encoded), std::string(text_of(node, "UploadId")),
                                micros_of_iso(text_of(node, "Initiated"))};
        if (upload.started <= before) found.push_back(std::move(upload));
      }
      if (!is_true(root, "IsTruncated")) return found;
      const std::string key = decoded(text_of(root, "NextKeyMarker"), encoded);
      const std::string next = "&key-marker=" + percent_encode(key) +
                               "&upload-id-marker=" + percent_encode(text_of(root, "NextUploadIdMarker"));
      if (key.empty() || next == markers) return no_answer("ListMultipartUploads");
      markers = next;
    }
  }

  void add_unfinished(const std::string& place, std::vector<Finding>& findings) {
    using Level = Finding::Level;
    const auto uploads = unfinished(old_upload, false);
    if (!uploads) {
      findings.push_back({Level::good, place + ": unfinished uploads cannot be looked at: " + uploads.error().message,
                          "s3:ListBucketMultipartUploads would allow it"});
      return;
    }
    if (uploads->empty()) {
      findings.push_back({Level::good, place + ": no unfinished upload is older than a day"});
      return;
    }
    std::string names;
    for (std::size_t k = 0; k < std::min(uploads->size(), named_max); ++k) {
      names += (k == 0 ? " " : ", ") + (*uploads)[k].key;
    }
    if (uploads->size() > named_max) names += ", ...";
    const bool one = uploads->size() == 1;
    findings.push_back({Level::warning,
                        place + ": " + std::to_string(uploads->size()) +
                            (one ? " unfinished upload is older than a day, and its parts cost storage:"
                                 : " unfinished uploads are older than a day, and their parts cost storage:") +
                            names,
                        std::string("abort ") + (one ? "it" : "them") +
                            " by `aws s3api abort-multipart-upload`, or set a lifecycle rule on the bucket"});
  }

  tl::unexpected<Error> no_answer(std::string_view action) const {
    return fail(Fault::failed,
                std::string(action) + " " + uri("") + ": the answer is not whole XML of the expected shape",
                "is this an S3 endpoint, and nothing in between?");
  }

  const Clock& clock_;
  std::shared_ptr<S3Calls> calls_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_s3_store(S3Options options, const Clock& clock) {
  return std::make_unique<S3Store>(std::move(options), clock);
}

Result<std::unique_ptr<ObjectStore>> open_s3(const Settings& settings, const Clock& clock) {
  SLUICE_TRY(S3Options options, read_s3_options(settings));
  return make_s3_store(std::move(options), clock);
}

}  // namespace sluice::aws
