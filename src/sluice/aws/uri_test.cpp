#include "sluice/aws/uri.hpp"

#include <gtest/gtest.h>

namespace sluice::aws {
namespace {

TEST(uri, a_url_is_split_into_its_parts) {
  const std::string text = "http://127.0.0.1:9324/000000000000/logins?a=b&c";
  const auto url = split_url(text);
  ASSERT_TRUE(url);
  EXPECT_FALSE(url->https);
  EXPECT_EQ(url->origin, "http://127.0.0.1:9324");
  EXPECT_EQ(url->host, "127.0.0.1");
  EXPECT_EQ(url->authority, "127.0.0.1:9324");
  EXPECT_EQ(url->path, "/000000000000/logins");
  EXPECT_EQ(url->query, "a=b&c");
  EXPECT_EQ(split_url("https://host?x")->query, "x");
  EXPECT_EQ(split_url("https://[fd00:ec2::254]:443/")->host, "fd00:ec2::254");
  EXPECT_EQ(split_url("https://[fd00:ec2::254]:443/")->authority, "[fd00:ec2::254]");
}

TEST(uri, a_url_that_two_readers_could_read_differently_is_refused) {
  for (const char* text :
       {"", "host", "ftp://host", "https://", "http://user@host/", "http://user:pass@host/", "http://127.0.0.1\\@evil/",
        "http://host:0/", "http://host:99999/", "http://host:/", "http://host#x", "http://ho st/", "http://[::1",
        "http://[::1]x/", "http://[nonsense]/", "http://h/\r\nX: y", "http://%31/", "HTTP://host/"}) {
    EXPECT_FALSE(split_url(text)) << text;
  }
}

TEST(uri, loopback_is_told_by_the_text_alone) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"127.1", "0x7f.0.0.1", "127.0.0.1.evil.com", "localhost.evil.com", "128.0.0.1", "0.0.0.0",
                           "::2", "169.254.169.254", ""}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(uri, all_but_the_unreserved_is_encoded) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c+%\xE2\x82\xAC"), "a%20b%2Fc%2B%25%E2%82%AC");
  EXPECT_EQ(percent_encode("a b/c", true), "a%20b/c");
  std::string anew;
  percent_encode_anew_to(anew, "a%2fb%41 %zz%4", false);
  EXPECT_EQ(anew, "a%2FbA%20%25zz%254");
}

}  // namespace
}  // namespace sluice::aws
