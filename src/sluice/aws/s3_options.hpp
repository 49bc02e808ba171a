// What a project file may say about an `s3` connection, and what that means.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "sluice/aws/credentials.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::aws {

inline constexpr std::array s3_options{
    Option{"s3", OptionType::text, "the bucket: its name, ARN or s3:// URL"},
    Option{"region", OptionType::text, "AWS region; else AWS_REGION, the profile"},
    Option{"endpoint", OptionType::text,
           "where to send requests instead of AWS; else AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL"},
    Option{"path_style", OptionType::boolean,
           "the bucket stands in the path, not in the host's name; default: only with an endpoint"},
    Option{"profile", OptionType::text, "profile of the shared AWS files; else AWS_PROFILE"},
    Option{"access_key_id_env", OptionType::text, "environment variable that holds the access key id"},
    Option{"secret_access_key_env", OptionType::text, "environment variable that holds the secret access key"},
    Option{"session_token_env", OptionType::text, "environment variable that holds the session token"},
    Option{"anonymous", OptionType::boolean, "send requests unsigned, for public buckets"},
    Option{"insecure", OptionType::boolean, "allow plain http to any host"},
    Option{"expected_owner", OptionType::text, "the account that must own the bucket, 12 digits"},
    Option{"storage_class", OptionType::text, "of objects that are written, as STANDARD_IA"},
    Option{"encryption", OptionType::text, "of objects that are written: AES256 or aws:kms; else the bucket's own"},
    Option{"kms_key", OptionType::text, "the KMS key, with encryption: aws:kms; else the account's own for S3"},
    Option{"tags", OptionType::text, "of objects that are written, as team=data&stage=raw"},
    Option{"retry_for", OptionType::duration, "how long one call is tried again (default 60s)"},
};

struct S3Options {
  std::string connection;  // its name in the project, for messages
  std::string bucket;
  std::string region;
  std::string endpoint{};     // scheme, host, port and perhaps a path, without '/' at the end
  bool own_endpoint = false;  // it is not AWS's, so it does not follow the region
  bool path_style = false;
  CredentialsOptions credentials{};
  bool insecure = false;
  std::string expected_owner{};
  std::string storage_class{};
  std::string encryption{};
  std::string kms_key{};
  std::string tags{};
  std::chrono::seconds retry_for{60};
  std::chrono::milliseconds retry_wait_max{20000};  // between two tries

  // How a large object is read and written: pieces of this size, so many at once.
  std::size_t range_bytes = std::size_t{4} << 20U;
  std::size_t ranges_ahead = 4;
  std::size_t part_bytes = std::size_t{8} << 20U;  // of uploads; more from the 1,001st part on. S3 wants 5 MiB
  std::size_t parts_ahead = 3;

  std::string uri(std::string_view key) const { return "s3://" + bucket + "/" + std::string(key); }
};

Result<S3Options> read_s3_options(const Settings& settings);

// The bucket at its endpoint, as far as the project file says; empty: it says it wrongly.
std::string s3_far_end(const Settings& settings);

// "https://s3.eu-central-1.amazonaws.com"
std::string aws_s3_endpoint(const std::string& region);

}  // namespace sluice::aws
