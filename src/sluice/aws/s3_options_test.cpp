#include "sluice/aws/s3_options.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "sluice/aws/s3_objects.hpp"

namespace sluice::aws {
namespace {

Settings settings_of(const std::map<std::string, std::string>& values) {
  unsetenv("AWS_ENDPOINT_URL");
  unsetenv("AWS_ENDPOINT_URL_S3");
  Settings settings;
  settings.connection = "lake";
  settings.place = {"p.yaml", 3, 5};
  for (const auto& [name, text] : values) settings.values.emplace(name, Setting{text, {}, {"p.yaml", 3, 9}});
  return settings;
}

S3Options read(const std::map<std::string, std::string>& values) {
  auto options = read_s3_options(settings_of(values));
  EXPECT_TRUE(options) << options.error().text();
  return options ? *options : S3Options{};
}

void expect_wrong(const std::map<std::string, std::string>& values, const std::string& part) {
  const auto options = read_s3_options(settings_of(values));
  ASSERT_FALSE(options) << part;
  EXPECT_EQ(options.error().fault, Fault::config);
  EXPECT_NE(options.error().text().find(part), std::string::npos) << options.error().text();
}

TEST(s3_options, a_bucket_is_a_name_a_url_or_an_arn) {
  for (const char* text : {"my-bucket", "s3://my-bucket", "s3://my-bucket/", "arn:aws:s3:::my-bucket"}) {
    const S3Options options = read({{"s3", text}, {"region", "eu-central-1"}});
    EXPECT_EQ(options.bucket, "my-bucket") << text;
    EXPECT_EQ(options.uri("a//b"), "s3://my-bucket/a//b");
  }
}

TEST(s3_options, aws_is_called_by_host_and_other_servers_by_path) {
  const S3Options at_aws = read({{"s3", "my-bucket"}, {"region", "eu-central-1"}});
  EXPECT_EQ(at_aws.endpoint, "https://s3.eu-central-1.amazonaws.com");
  EXPECT_FALSE(at_aws.path_style);
  EXPECT_FALSE(at_aws.own_endpoint);
  EXPECT_EQ(read({{"s3", "b-1"}, {"region", "cn-north-1"}}).endpoint, "https://s3.cn-north-1.amazonaws.com.cn");
  EXPECT_TRUE(read({{"s3", "my.bucket"}, {"region", "eu-central-1"}}).path_style) << "no certificate covers its name";
  const S3Options own = read({{"s3", "my-bucket"}, {"endpoint", "http://localhost:9000/"}});
  EXPECT_EQ(own.endpoint, "http://localhost:9000");
  EXPECT_EQ(own.region, "us-east-1");
  EXPECT_TRUE(own.path_style && own.own_endpoint);
  EXPECT_FALSE(read({{"s3", "b-1"}, {"endpoint", "https://minio.example"}, {"path_style", "false"}}).path_style);
}

TEST(s3_options, what_cannot_be_is_refused_with_its_place) {
  expect_wrong({{"s3", ""}, {"region", "eu-central-1"}}, "p.yaml:3:9: 's3' is empty");
  expect_wrong({{"s3", "a/b"}, {"region", "eu-central-1"}}, "is no name of a bucket");
  expect_wrong({{"s3", "s3://bucket/prefix"}, {"region", "eu-central-1"}}, "names more than a bucket");
  expect_wrong({{"s3", "arn:aws:s3:eu-west-1:123456789012:accesspoint/x"}}, "access points are not supported");
  expect_wrong({{"s3", "b-1"}, {"region", "Frankfurt!"}}, "is no AWS region");
  expect_wrong({{"s3", "b-1"}, {"endpoint", "http://example.com"}}, "insecure: true");
  expect_wrong({{"s3", "b-1"}, {"region", "eu-central-1"}, {"expected_owner", "1234"}}, "12 digits");
  expect_wrong({{"s3", "b-1"}, {"region", "eu-central-1"}, {"encryption", "rot13"}}, "write AES256 or aws:kms");
  expect_wrong({{"s3", "b-1"}, {"region", "eu-central-1"}, {"kms_key", "k"}}, "set encryption: aws:kms");
}

TEST(s3_objects, times_are_read_to_the_fraction) {
  EXPECT_EQ(micros_of_iso("1970-01-01T00:00:01.000Z"), 1000000);
  EXPECT_EQ(micros_of_iso("2026-11-21T10:42:40.123Z"), 1795257760123000);
  EXPECT_EQ(micros_of_iso("2026-11-21T10:42:40Z"), 1795257760000000);
  EXPECT_EQ(micros_of_iso("yesterday"), 0);
}

TEST(s3_objects, a_checksum_of_parts_is_none_of_the_object) {
  Response response;
  response.headers = {{"x-amz-checksum-crc32c", "4waSgw==-3"}};
  EXPECT_FALSE(kept_checksum(response));
  response.headers = {{"x-amz-checksum-crc32c", "4waSgw=="}, {"x-amz-checksum-type", "COMPOSITE"}};
  EXPECT_FALSE(kept_checksum(response));
  response.headers = {{"x-amz-checksum-crc64nvme", "rosUhgp5mIg="}, {"x-amz-checksum-type", "FULL_OBJECT"}};
  ASSERT_TRUE(kept_checksum(response));
  EXPECT_EQ(kept_checksum(response)->kind, Checksum::Kind::crc64nvme);
}

}  // namespace
}  // namespace sluice::aws
