#include "sluice/aws/s3_options.hpp"

#include "sluice/aws/service_options.hpp"
#include "sluice/aws/uri.hpp"

namespace sluice::aws {
namespace {

constexpr std::string_view lower_case = "abcdefghijklmnopqrstuvwxyz0123456789-";

// Old buckets, and other servers, have up to 255 characters, capitals and underscores.
bool is_bucket_name(std::string_view text) {
  constexpr std::string_view also = "ABCDEFGHIJKLMNOPQRSTUVWXYZ._";
  if (text.size() < 3 || text.size() > 255 || text.front() == '.' || text.find("..") != std::string_view::npos)
    return false;
  for (const char c : text) {
    if (lower_case.find(c) == std::string_view::npos && also.find(c) == std::string_view::npos) return false;
  }
  return true;
}

Result<std::string> read_bucket(const Settings& settings) {
  std::string_view text;
  const std::string given = settings.text("s3");
  text = given;
  if (text.empty()) return fail(wrong_setting(settings, "s3", "is empty", "give the bucket's name"));
  if (text.starts_with("s3://")) {
    text.remove_prefix(5);
    if (text.ends_with('/')) text.remove_suffix(1);
    if (text.find('/') != std::string_view::npos) {
      return fail(wrong_setting(settings, "s3", "names more than a bucket", "keys and prefixes stand in the flow"));
    }
  } else if (text.starts_with("arn:")) {
    const std::size_t name = text.find(":s3:::");
    if (name == std::string_view::npos) {
      return fail(wrong_setting(settings, "s3", "is no ARN of a bucket",
                                "write arn:aws:s3:::BUCKET; access points "
                                "are not supported"));
    }
    text.remove_prefix(name + 6);
  }
  if (!is_bucket_name(text))
    return fail(
        wrong_setting(settings, "s3", "has a value that is no name of a bucket", "3 to 63 of a-z, 0-9, . and -"));
  return std::string(text);
}

Result<void> read_writing(const Settings& settings, S3Options& options) {
  options.expected_owner = settings.text("expected_owner");
  if (!options.expected_owner.empty() &&
      (options.expected_owner.size() != 12 ||
       options.expected_owner.find_first_not_of("0123456789") != std::string::npos)) {
    return fail(wrong_setting(settings, "expected_owner", "is no AWS account", "write its 12 digits in quotes"));
  }
  options.storage_class = settings.text("storage_class");
  options.encryption = settings.text("encryption");
  options.kms_key = settings.text("kms_key");
  options.tags = settings.text("tags");
  if (!options.encryption.empty() && options.encryption != "AES256" && !options.encryption.starts_with("aws:kms")) {
    return fail(wrong_setting(settings, "encryption", "is '" + options.encryption + "'", "write AES256 or aws:kms"));
  }
  if (!options.kms_key.empty() && !options.encryption.starts_with("aws:kms")) {
    return fail(wrong_setting(settings, "kms_key", "has no use", "set encryption: aws:kms"));
  }
  return {};
}

}  // namespace

std::string aws_s3_endpoint(const std::string& region) {
  return "https://s3." + region + ServiceEndpoint{.region = region, .url = {}}.domain();
}

Result<S3Options> read_s3_options(const Settings& settings) {
  S3Options options;
  options.connection = settings.connection;
  SLUICE_TRY(options.bucket, read_bucket(settings));
  SLUICE_TRY(options.credentials, read_credentials(settings));
  SLUICE_TRY(options.insecure, settings.boolean("insecure", false));
  SLUICE_TRY(ServiceEndpoint endpoint, read_endpoint(settings, {.service = "S3",
                                                                .what = "bucket " + options.bucket,
                                                                .profile = options.credentials.profile,
                                                                .insecure = options.insecure}));
  options.region = std::move(endpoint.region);
  options.own_endpoint = endpoint.own;
  options.endpoint = endpoint.own ? std::move(endpoint.url) : aws_s3_endpoint(options.region);
  SLUICE_TRY(options.path_style, settings.boolean("path_style", endpoint.own));
  // A certificate for *.s3... does not cover a name with a dot, and a host's name has no capitals.
  if (options.bucket.find_first_not_of(lower_case) != std::string::npos) options.path_style = true;
  SLUICE_CHECK(read_writing(settings, options));
  SLUICE_TRY(options.retry_for, settings.duration("retry_for", options.retry_for));
  return options;
}

std::string s3_far_end(const Settings& settings) {
  const Result<std::string> bucket = read_bucket(settings);
  std::string endpoint = settings.text("endpoint");
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return bucket ? "s3 " + endpoint + " " + *bucket : "";
}

}  // namespace sluice::aws
