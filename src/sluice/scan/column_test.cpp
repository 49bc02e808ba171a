#include "sluice/scan/column.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::scan {
namespace {

Verdict look(const std::string& name, const std::vector<std::string>& values) {
  Column column(name);
  for (const std::string& value : values) column.add(value);
  return column.judge();
}

std::vector<std::string> addresses(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back("192.0.2." + std::to_string(i));
  return out;
}

TEST(Column, content_is_enough_without_a_name) {
  const Verdict found = look("c7", addresses(20));
  EXPECT_EQ(found.tag(), "ip");
  EXPECT_GT(found.sure, 0.9);
  EXPECT_FALSE(found.named);
  EXPECT_DOUBLE_EQ(found.share, 1);
}

TEST(Column, a_name_makes_plain_digits_a_telephone) {
  std::vector<std::string> digits;
  for (int i = 0; i < 20; ++i) digits.push_back("5550100" + std::to_string(100 + i));
  EXPECT_EQ(look("reference", digits).tag(), "");
  EXPECT_EQ(look("mobile_phone", digits).tag(), "phone");
  EXPECT_EQ(look("phone_type", {"home", "work", "home", "other"}).tag(), "");
}

TEST(Column, a_name_of_secrets_makes_tokens_and_phrases_secret) {
  const std::vector<std::string> tokens{"zk3J9sQmX1", "pR77b!xwLd", "9fTqWc2#aa", "Lm0-vNb8Zs"};
  for (const std::string name : {"pw", "pwd", "user_pw", "passphrase", "session_token", "sessionToken", "cookie",
                                 "session_cookie", "auth_token", "authToken"})
    EXPECT_EQ(look(name, tokens).tag(), "secret") << name;
  for (const std::string name : {"auth", "session", "cookie_consent", "pw_policy", "pwr", "field_7"})
    EXPECT_EQ(look(name, tokens).tag(), "") << name;
  EXPECT_EQ(look("passphrase", {"tidal cobalt fern", "ember quartz lane", "onyx river moth"}).tag(), "secret");
  EXPECT_EQ(look("cookie", {"sid=zk3J9sQm; theme=dark", "sid=pR77bxwL; theme=light"}).tag(), "secret");
  EXPECT_EQ(look("note", {"tidal cobalt fern", "ember quartz lane", "onyx river moth"}).tag(), "");
}

TEST(Column, a_name_alone_proposes_where_there_is_no_value) {
  EXPECT_EQ(look("email", {}).tag(), "email");
  EXPECT_EQ(look("email", {"", "N/A", "-", "null"}).tag(), "email");
  EXPECT_EQ(look("quantity", {}).tag(), "");
  EXPECT_EQ(look("email", {"true", "false", "true"}).tag(), "") << "its values are something else";
}

TEST(Column, a_version_is_no_address_where_the_name_says_so) {
  EXPECT_EQ(look("app_version", addresses(20)).tag(), "");
  EXPECT_EQ(look("client", addresses(20)).tag(), "ip");
}

TEST(Column, a_few_among_many_are_personal_too) {
  std::vector<std::string> values;
  for (int i = 0; i < 90; ++i) values.push_back("user" + std::to_string(i));
  for (int i = 0; i < 10; ++i) values.push_back("user" + std::to_string(i) + "@example.com");
  EXPECT_EQ(look("login", values).tag(), "email");
  values.resize(91);
  EXPECT_EQ(look("login", values).tag(), "") << "one may be a slip";
}

TEST(Column, text_that_holds_personal_words_is_tagged_as_text) {
  std::vector<std::string> values;
  for (int i = 0; i < 40; ++i) values.push_back("the parcel was late, see order " + std::to_string(i));
  EXPECT_EQ(look("note", values).tag(), "");
  values.push_back("please write to <ann@example.com>.");
  values.push_back("please write to bob@example.com, thanks");
  const Verdict found = look("note", values);
  EXPECT_EQ(found.tag(), "text");
  EXPECT_EQ(found.what(), "text that holds: e-mail address");
  EXPECT_TRUE(found.inside);
}

TEST(Column, random_digits_with_a_right_check_digit_now_and_then_are_no_cards) {
  std::vector<std::string> values;
  for (int i = 0; i < 100; ++i) values.push_back("41111111111111" + std::to_string(10 + i % 90));
  EXPECT_EQ(look("reference", values).tag(), "");
}

TEST(Column, one_value_again_and_again_proves_less_than_many) {
  const Verdict one = look("c", std::vector<std::string>(50, "86095742719"));
  const Verdict many = look("c", {"86095742719", "47036892816", "65929970489"});
  EXPECT_LT(one.sure, many.sure);
}

TEST(Column, uuids_are_not_personal_unless_they_name_a_device) {
  const std::vector<std::string> ids{"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf7",
                                     "f81d4fae-7dec-11d0-a765-00a0c91e6bf8", "f81d4fae-7dec-11d0-a765-00a0c91e6bf9",
                                     "f81d4fae-7dec-11d0-a765-00a0c91e6bfa"};
  const Verdict plain = look("request_id", ids);
  ASSERT_NE(plain.detector, nullptr);
  EXPECT_EQ(plain.detector->name, "UUID");
  EXPECT_EQ(plain.tag(), "");
  // As sure as it is a UUID it is a device's, too, and that is personal.
  EXPECT_EQ(look("device_id", ids).tag(), "device");
}

TEST(Column, device_ids_that_look_like_security_numbers_are_what_their_name_says) {
  const std::vector<std::string> ids{"593-47-5928", "593-47-5929", "593-47-5930", "593-47-5931", "593-47-5932"};
  EXPECT_EQ(look("device_id", ids).tag(), "device");
  EXPECT_EQ(look("c1", ids).tag(), "national_id");
}

TEST(Column, long_and_broken_values_are_looked_at_up_to_a_bound) {
  std::string long_one(1U << 20U, 'x');
  long_one += " ann@example.com";
  EXPECT_EQ(look("body", {long_one, long_one + "\xFF", std::string("\0\xFF\xFE", 3)}).tag(), "");
  EXPECT_EQ(look(std::string("\xC3"), {"\xC3", std::string(5000, '(')}).tag(), "");
}

TEST(Column, names_are_read_in_parts_and_several_languages) {
  EXPECT_TRUE(has_word("customerEmail", "email"));
  EXPECT_TRUE(has_word("CUSTOMER_EMAIL_2", "email"));
  EXPECT_TRUE(has_word("clientIPAddress", "ip_address"));
  EXPECT_TRUE(has_word("firstname", "first_name"));
  EXPECT_TRUE(has_word("first-name", "first_name"));
  EXPECT_TRUE(has_word("Kundentelefon", "telefon"));
  EXPECT_TRUE(has_word("FÖRNAMN", "förnamn"));
  EXPECT_FALSE(has_word("shipping", "ip"));
  EXPECT_FALSE(has_word("plate", "lat"));
  EXPECT_FALSE(has_word("", "ip"));
  EXPECT_FALSE(has_word("ip", ""));
}

TEST(Column, a_name_that_is_a_value_is_told) {
  EXPECT_TRUE(is_value("ann@example.com"));
  EXPECT_TRUE(is_value("192.0.2.1"));
  EXPECT_TRUE(is_value("37605030299"));
  EXPECT_TRUE(is_value(" ann@example.com "));
  EXPECT_TRUE(is_value("+37255551234"));
  EXPECT_TRUE(is_value("490154203237518"));
  EXPECT_TRUE(is_value("59.437, 24.7536"));
  EXPECT_TRUE(is_value("1985-03-04"));
  EXPECT_FALSE(is_value("email"));
  EXPECT_FALSE(is_value("order 17"));
}

}  // namespace
}  // namespace sluice::scan
