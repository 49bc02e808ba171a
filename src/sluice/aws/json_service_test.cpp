// Answers that hold secrets, read in place. The services themselves are tested in tests/live/aws_keys_test.cpp.
#include "sluice/aws/json_service.hpp"

#include <gtest/gtest.h>

namespace sluice::aws {
namespace {

std::string text(std::string body, std::string_view name) {
  return std::string(SecretAnswer(std::move(body)).text(name));
}

TEST(SecretAnswer, gives_members_of_the_outermost_object) {
  EXPECT_EQ(text(R"({"KeyId":"a","Plaintext":"b+/="})", "Plaintext"), "b+/=");
  EXPECT_EQ(text(R"( { "Stages" : [ "Plaintext" , "x" ] , "Plaintext" : "b" } )", "Plaintext"), "b");
  EXPECT_EQ(text(R"({"Inner":{"Plaintext":"wrong"},"Plaintext":"right"})", "Plaintext"), "right");
  EXPECT_EQ(text(R"({"A":"\"Plaintext\":\"wrong\"","Plaintext":"right"})", "Plaintext"), "right");
}

TEST(SecretAnswer, takes_back_the_escapes_that_writers_of_json_use_for_base64) {
  EXPECT_EQ(text(R"({"P":"a\/b\u002Bc\u003d"})", "P"), "a/b+c=");
  EXPECT_EQ(text(R"({"P":"line\n"})", "P"), "line\n");
  SecretAnswer answer(R"({"P":"a\\\\","Q":"b"})");
  EXPECT_EQ(answer.text("P"), R"(a\\)");
  EXPECT_EQ(answer.text("Q"), "b");
}

TEST(SecretAnswer, gives_nothing_of_what_it_cannot_read) {
  for (const char* body : {"", "{}", "[]", "null", R"({"P":1})", R"({"P":null})", R"({"P":"cut)", R"({"P")", R"({"P":)",
                           R"({"P":"\u00e4"})", R"({"P":"\u20ac"})", R"({"P":"\x"})", R"({"P":"\u00)", R"("P")"}) {
    EXPECT_EQ(text(body, "P"), "") << body;
  }
}

}  // namespace
}  // namespace sluice::aws
