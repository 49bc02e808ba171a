// What an S3 request carries. How calls end is told in tests/live and tests/faults.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "sluice/aws/checksum.hpp"
#include "sluice/aws/s3_store.hpp"
#include "sluice/aws/test_certificate.hpp"
#include "sluice/aws/test_server.hpp"

namespace sluice::aws {
namespace {

S3Options options_for(const std::string& endpoint) {
  setenv("SLUICE_TEST_KEY_ID", "AKIDEXAMPLE", 1);
  setenv("SLUICE_TEST_SECRET", "secret", 1);
  S3Options options;
  options.bucket = "lake";
  options.region = "eu-central-1";
  options.endpoint = endpoint;
  options.own_endpoint = options.path_style = true;
  options.credentials.access_key_id_env = "SLUICE_TEST_KEY_ID";
  options.credentials.secret_access_key_env = "SLUICE_TEST_SECRET";
  return options;
}

// Takes every PUT and remembers the last.
template <class Server>
class Taker {
 public:
  template <class... Args>
  explicit Taker(Args&&... args) : server_(std::forward<Args>(args)...) {
    server_.on.Put("/.*", [this](const httplib::Request& request, httplib::Response& response) {
      const std::scoped_lock lock(mutex_);
      headers_ = request.headers;
      response.set_header("ETag", "\"" + md5_hex(request.body) + "\"");
    });
    server_.start();
  }
  int port() const { return server_.port(); }
  std::string header(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    const auto found = headers_.find(name);
    return found == headers_.end() ? "" : found->second;
  }

 private:
  std::mutex mutex_;  // guards what follows
  httplib::Headers headers_;
  TestServer<Server> server_;
};

TEST(s3, a_put_carries_what_the_connection_says) {
  Taker<httplib::Server> taker;
  S3Options options = options_for("http://127.0.0.1:" + std::to_string(taker.port()));
  options.expected_owner = "123456789012";
  options.storage_class = "STANDARD_IA";
  options.encryption = "aws:kms";
  options.kms_key = "alias/lake";
  options.tags = "team=data";
  const auto put = make_s3_store(options, system_clock())->put("k", "123456789", {.content_type = "text/csv"});
  ASSERT_TRUE(put) << put.error().text();
  EXPECT_EQ(put->version, md5_hex("123456789"));
  EXPECT_EQ(taker.header("Content-Type"), "text/csv");
  EXPECT_EQ(taker.header("x-amz-expected-bucket-owner"), "123456789012");
  EXPECT_EQ(taker.header("x-amz-storage-class"), "STANDARD_IA");
  EXPECT_EQ(taker.header("x-amz-server-side-encryption"), "aws:kms");
  EXPECT_EQ(taker.header("x-amz-server-side-encryption-aws-kms-key-id"), "alias/lake");
  EXPECT_EQ(taker.header("x-amz-tagging"), "team=data");
  EXPECT_EQ(taker.header("x-amz-checksum-crc32c"), "4waSgw==");
  EXPECT_EQ(taker.header("If-None-Match"), "");
  // Over plain http the body itself is signed.
  EXPECT_EQ(taker.header("x-amz-content-sha256"), "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
}

TEST(s3, anonymous_requests_carry_no_signature) {
  Taker<httplib::Server> taker;
  S3Options options = options_for("http://127.0.0.1:" + std::to_string(taker.port()));
  options.credentials = {.anonymous = true};
  ASSERT_TRUE(make_s3_store(options, system_clock())->put("k", "x", {.condition = {.if_absent = true}}));
  EXPECT_EQ(taker.header("Authorization"), "");
  EXPECT_EQ(taker.header("x-amz-content-sha256"), "");
  EXPECT_EQ(taker.header("If-None-Match"), "*");
}

TEST(s3, unfinished_uploads_are_counted_in_words_that_fit) {
  std::string uploads;
  TestServer<httplib::Server> server;
  server.on.Get("/.*", [&](const httplib::Request& request, httplib::Response& response) {
    response.set_content(request.has_param("uploads")
                             ? "<ListMultipartUploadsResult>" + uploads + "</ListMultipartUploadsResult>"
                             : std::string("<ListBucketResult></ListBucketResult>"),
                         "application/xml");
  });
  server.start();
  const auto store = make_s3_store(options_for("http://127.0.0.1:" + std::to_string(server.port())), system_clock());
  const auto upload = [](const std::string& key) {
    return "<Upload><Key>" + key +
           "</Key><UploadId>u</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>";
  };
  uploads = upload("a.csv");
  Finding told = store->probe().back();
  EXPECT_EQ(told.what, "s3 lake: 1 unfinished upload is older than a day, and its parts cost storage: a.csv");
  EXPECT_TRUE(told.hint.starts_with("abort it by ")) << told.hint;
  uploads += upload("b.csv");
  told = store->probe().back();
  EXPECT_EQ(told.what,
            "s3 lake: 2 unfinished uploads are older than a day, and their parts cost storage: a.csv, b.csv");
  EXPECT_TRUE(told.hint.starts_with("abort them by ")) << told.hint;
}

TEST(s3, over_tls_the_body_is_not_signed) {
  const Certificate certificate;
  Taker<httplib::SSLServer> taker(certificate.x509.get(), certificate.key.get());
  const std::string file = std::filesystem::temp_directory_path() / ("sluice_s3_" + std::to_string(getpid()) + ".pem");
  certificate.write(file);
  setenv("AWS_CA_BUNDLE", file.c_str(), 1);
  const auto store = make_s3_store(options_for("https://127.0.0.1:" + std::to_string(taker.port())), system_clock());
  const auto put = store->put("k", "x", {});
  unsetenv("AWS_CA_BUNDLE");
  std::filesystem::remove(file);
  ASSERT_TRUE(put) << put.error().text();
  EXPECT_EQ(taker.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_NE(taker.header("Authorization").find("/eu-central-1/s3/aws4_request"), std::string::npos);
}

}  // namespace
}  // namespace sluice::aws
