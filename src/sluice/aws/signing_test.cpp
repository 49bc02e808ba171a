#include "sluice/aws/signing.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sluice/aws/uri.hpp"

namespace sluice::aws {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t suite_time = 1440938160;  // 2015-08-30T12:36:00Z

Credentials suite_credentials() {
  return {.key_id = "AKIDEXAMPLE", .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", .token = ""};
}

std::string header(const Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return {};
}

std::string line(const std::string& text, int number) {
  std::istringstream lines(text);
  std::string found;
  for (int at = 0; at <= number; ++at) std::getline(lines, found);
  return found;
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in) << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

// AWS's worked example of a signature by header, ListUsers of IAM: "Create a signed AWS API request",
// https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html and, with every step,
// https://docs.aws.amazon.com/general/latest/gr/sigv4-create-canonical-request.html
TEST(signing, the_documented_request_gets_the_documented_signature) {
  Request request{.method = "GET", .url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"};
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  Signer signer("iam", "us-east-1");
  signer.sign(request, suite_credentials(), suite_time);
  EXPECT_EQ(line(signer.string_to_sign(), 3), "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
  EXPECT_EQ(header(request, "Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
  EXPECT_EQ(header(request, "X-Amz-Date"), "20150830T123600Z");
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
TEST(signing, the_documented_presigned_url_comes_out) {
  Request request{.method = "GET", .url = "https://examplebucket.s3.amazonaws.com/test.txt"};
  const Credentials credentials{
      .key_id = "AKIAIOSFODNN7EXAMPLE", .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", .token = ""};
  SigningOptions options = SigningOptions::for_s3();
  options.unsigned_payload = true;
  Signer signer("s3", "us-east-1", options);
  ASSERT_TRUE(signer.presign(request, credentials, 1369353600, std::chrono::hours(24)));
  EXPECT_TRUE(request.url.ends_with("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
      << request.url;
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "PUT Object"
TEST(signing, the_documented_put_of_an_object_gets_the_documented_signature) {
  Request request{.method = "PUT", .url = "https://examplebucket.s3.amazonaws.com/test%24file.text"};
  request.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.body = "Welcome to Amazon S3.";
  const Credentials credentials{
      .key_id = "AKIAIOSFODNN7EXAMPLE", .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", .token = ""};
  Signer signer("s3", "us-east-1", SigningOptions::for_s3());
  signer.sign(request, credentials, 1369353600);
  EXPECT_TRUE(header(request, "Authorization")
                  .ends_with("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"))
      << signer.canonical_request();
}

TEST(signing, an_object_key_is_signed_as_it_goes_on_the_wire) {
  const std::vector<std::pair<std::string, std::string>> keys{{"a//b", "/a//b"},
                                                              {"./a/.", "/./a/."},
                                                              {"../a/..", "/../a/.."},
                                                              {"a%2Fb", "/a%252Fb"},
                                                              {"a b", "/a%20b"},
                                                              {"a+b", "/a%2Bb"},
                                                              {"\xC3\xA9\xE2\x82\xAC", "/%C3%A9%E2%82%AC"},
                                                              {"a?b&c=d", "/a%3Fb%26c%3Dd"},
                                                              {"~-._", "/~-._"},
                                                              {"/", "//"}};
  Signer signer("s3", "us-east-1", SigningOptions::for_s3());
  for (const auto& [key, path] : keys) {
    Request request{.method = "GET", .url = "https://bucket.s3.amazonaws.com/" + percent_encode(key, true)};
    EXPECT_TRUE(request.url.ends_with(path)) << request.url;
    signer.sign(request, suite_credentials(), suite_time);
    EXPECT_EQ(line(signer.canonical_request(), 1), path) << key;
  }
  // Wire forms that our own encoder does not make: what S3 makes of them is signed.
  for (const auto& [wire, path] : std::vector<std::pair<std::string, std::string>>{
           {"/a%2Fb", "/a%2Fb"}, {"/a%2fb", "/a%2Fb"}, {"/a+b", "/a%2Bb"}, {"/%41", "/A"}, {"/100%", "/100%25"}}) {
    Request request{.method = "GET", .url = "https://bucket.s3.amazonaws.com" + wire};
    signer.sign(request, suite_credentials(), suite_time);
    EXPECT_EQ(line(signer.canonical_request(), 1), path) << wire;
  }
}

TEST(signing, other_services_want_the_path_normalised_and_encoded_twice) {
  Signer signer("sqs", "us-east-1");
  Request request{.method = "GET", .url = "https://example.amazonaws.com/a%20b//./c/../d/"};
  signer.sign(request, suite_credentials(), suite_time);
  EXPECT_EQ(line(signer.canonical_request(), 1), "/a%2520b/d/");
}

TEST(signing, the_host_header_has_a_port_only_where_it_is_not_the_schemes_own) {
  Signer signer("sqs", "us-east-1");
  for (const auto& [url, host] : std::vector<std::pair<std::string, std::string>>{
           {"http://127.0.0.1:4566/q", "127.0.0.1:4566"},
           {"http://localhost:80/q", "localhost"},
           {"https://[::1]:8443/q", "[::1]:8443"},
           {"https://sqs.us-east-1.amazonaws.com:443", "sqs.us-east-1.amazonaws.com"}}) {
    Request request{.url = url};
    signer.sign(request, suite_credentials(), suite_time);
    EXPECT_EQ(line(signer.canonical_request(), 3), "host:" + host);
  }
}

TEST(signing, a_request_can_be_signed_anew_with_other_credentials) {
  Signer signer("sqs", "us-east-1");
  Request once{.url = "https://sqs.us-east-1.amazonaws.com/"};
  Request twice = once;
  signer.sign(twice, {.key_id = "OLD", .secret = "old", .token = "token"}, suite_time - 100000);
  signer.sign(twice, suite_credentials(), suite_time);
  signer.sign(once, suite_credentials(), suite_time);
  EXPECT_EQ(twice.headers, once.headers);
}

TEST(signing, a_presigned_url_lives_a_week_at_most) {
  Signer signer("s3", "us-east-1", SigningOptions::for_s3());
  Request request{.method = "GET", .url = "https://bucket.s3.amazonaws.com/key"};
  const std::string before = request.url;
  const auto result =
      signer.presign(request, suite_credentials(), suite_time, std::chrono::hours(24 * 7) + std::chrono::seconds(1));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::config);
  EXPECT_NE(result.error().text().find("7 days"), std::string::npos);
  EXPECT_EQ(request.url, before);
  EXPECT_FALSE(signer.presign(request, suite_credentials(), suite_time, std::chrono::seconds(0)));
  EXPECT_TRUE(signer.presign(request, suite_credentials(), suite_time, std::chrono::hours(24 * 7)));
}

TEST(signing, an_unsigned_payload_says_so) {
  SigningOptions options = SigningOptions::for_s3();
  options.unsigned_payload = true;
  Signer signer("s3", "us-east-1", options);
  Request request{.method = "PUT", .url = "https://bucket.s3.amazonaws.com/key", .headers = {}, .body = "body"};
  signer.sign(request, suite_credentials(), suite_time);
  EXPECT_EQ(header(request, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_TRUE(signer.canonical_request().ends_with("\nUNSIGNED-PAYLOAD"));
}

// One case of AWS's suite, as a folder of text files.
class Case {
 public:
  explicit Case(fs::path folder) : folder_(std::move(folder)), context_(nlohmann::json::parse(file("context.json"))) {
    const std::string text = file("request.txt");
    const std::size_t head = text.find("\n\n");
    std::istringstream lines(text.substr(0, head));
    std::string at;
    std::getline(lines, at);
    const std::size_t target = at.find(' ') + 1;
    request.method = at.substr(0, target - 1);
    request.url = "https://example.amazonaws.com" + at.substr(target, at.rfind(' ') - target);
    while (std::getline(lines, at)) {
      if (at.starts_with(' ')) {
        request.headers.back().second += "\n" + at;
      } else {
        request.headers.emplace_back(at.substr(0, at.find(':')), at.substr(at.find(':') + 1));
      }
    }
    if (head != std::string::npos) request.body = text.substr(head + 2);
    const auto& keys = context_.at("credentials");
    credentials.key_id = keys.at("access_key_id");
    credentials.secret = keys.at("secret_access_key");
    credentials.token = keys.value("token", "");
    options.normalise_path = context_.at("normalize");
    options.payload_header = context_.at("sign_body");
    options.omit_session_token = context_.value("omit_session_token", false);
  }

  std::string file(const std::string& name) const { return read(folder_ / name); }
  std::string name() const { return folder_.filename().string(); }
  Signer signer() const { return {context_.at("service"), context_.at("region"), options}; }
  std::chrono::seconds expires() const { return std::chrono::seconds(context_.at("expiration_in_seconds").get<int>()); }

  static std::string wire(const Request& request) {
    const std::string origin = "https://example.amazonaws.com";
    std::string out = request.method + " " + request.url.substr(origin.size()) + " HTTP/1.1\n";
    for (const auto& [key, value] : request.headers) out.append(key).append(":").append(value).append("\n");
    return out + "\n" + request.body;
  }

  Request request;
  Credentials credentials;
  SigningOptions options;

 private:
  fs::path folder_;
  nlohmann::json context_;
};

std::string trimmed(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

fs::path suite_folder() {
  const char* shared = std::getenv("SLUICE_SHARED");
  return fs::path(shared != nullptr ? shared : SLUICE_SOURCE_DIR "/../shared") / "vectors" / "sigv4";
}

TEST(signing, every_signature_of_the_aws_suite_matches) {
  const fs::path folder = suite_folder();
  if (!fs::exists(folder)) GTEST_SKIP() << "SKIPPED LOUDLY: " << folder << " not found";
  int by_header = 0;
  int by_query = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const Case one(entry.path());
    SCOPED_TRACE(one.name());
    Signer signer = one.signer();

    Request request = one.request;
    signer.sign(request, one.credentials, suite_time);
    EXPECT_EQ(signer.canonical_request(), trimmed(one.file("header-canonical-request.txt")));
    EXPECT_EQ(signer.string_to_sign(), trimmed(one.file("header-string-to-sign.txt")));
    EXPECT_EQ(trimmed(Case::wire(request)), trimmed(one.file("header-signed-request.txt")));
    const std::string signature = trimmed(one.file("header-signature.txt"));
    if (header(request, "Authorization").ends_with("Signature=" + signature)) ++by_header;

    request = one.request;
    ASSERT_TRUE(signer.presign(request, one.credentials, suite_time, one.expires()));
    EXPECT_EQ(signer.canonical_request(), trimmed(one.file("query-canonical-request.txt")));
    EXPECT_EQ(signer.string_to_sign(), trimmed(one.file("query-string-to-sign.txt")));
    EXPECT_EQ(trimmed(Case::wire(request)), trimmed(one.file("query-signed-request.txt")));
    if (request.url.ends_with("X-Amz-Signature=" + trimmed(one.file("query-signature.txt")))) ++by_query;
  }
  std::cout << "sigv4: " << by_header << " signatures by header and " << by_query << " by query match\n";
  EXPECT_EQ(by_header, 38);
  EXPECT_EQ(by_query, 38);
}

}  // namespace
}  // namespace sluice::aws
