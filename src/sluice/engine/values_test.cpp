// Text to values: all of it or nothing, nothing rounded.
#include "sluice/engine/values.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::engine {
namespace {

TEST(Decimal, takes_what_fits_exactly) {
  Int128 out = 0;
  EXPECT_EQ(parse_decimal("12.50", 6, 2, out), Parsed::ok);
  EXPECT_EQ(static_cast<long>(out), 1250);
  EXPECT_EQ(parse_decimal("-0.05", 6, 2, out), Parsed::ok);
  EXPECT_EQ(static_cast<long>(out), -5);
  EXPECT_EQ(parse_decimal("1e3", 6, 2, out), Parsed::ok);
  EXPECT_EQ(static_cast<long>(out), 100000);
  EXPECT_EQ(parse_decimal("1.2300000", 6, 2, out), Parsed::ok);
  EXPECT_EQ(static_cast<long>(out), 123);
  EXPECT_EQ(parse_decimal("1.234", 6, 2, out), Parsed::out_of_range);
  EXPECT_EQ(parse_decimal("10000", 6, 2, out), Parsed::out_of_range);
  EXPECT_EQ(parse_decimal(std::string(400, '9'), 38, 0, out), Parsed::out_of_range);
  EXPECT_EQ(parse_decimal(std::string(38, '9'), 38, 0, out), Parsed::ok);
  for (const char* wrong : {"", "-", ".", "1.", "1.2.3", "a", "1e", "--1"})
    EXPECT_EQ(parse_decimal(wrong, 6, 2, out), Parsed::malformed) << wrong;
}

TEST(Date, knows_the_calendar) {
  std::int32_t out = 0;
  EXPECT_EQ(parse_date("1970-01-01", out), Parsed::ok);
  EXPECT_EQ(out, 0);
  EXPECT_EQ(parse_date("2024-02-29", out), Parsed::ok);
  EXPECT_EQ(parse_date("2023-02-29", out), Parsed::out_of_range);
  EXPECT_EQ(parse_date("0000-01-01", out), Parsed::out_of_range);
  for (const char* wrong : {"", "2022-9-5", "2022-09-05x", "20220905", "2022/09/05"})
    EXPECT_EQ(parse_date(wrong, out), Parsed::malformed) << wrong;
}

TEST(Timestamp, is_utc_and_needs_its_zone_where_one_is_due) {
  std::int64_t out = 0;
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:01.000002Z", true, out), Parsed::ok);
  EXPECT_EQ(out, 1000002);
  EXPECT_EQ(parse_timestamp("1970-01-01 02:00+02:00", true, out), Parsed::ok);
  EXPECT_EQ(out, 0);
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00", true, out), Parsed::malformed);
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00Z", false, out), Parsed::malformed);
  EXPECT_EQ(parse_timestamp("1970-01-01T24:00:00", false, out), Parsed::out_of_range);
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00.1234567", false, out), Parsed::out_of_range);
}

TEST(Number, follows_the_grammar_of_json) {
  for (const char* right : {"0", "-0", "1", "10.5", "1e5", "1E-5", "-1.5e+3"})
    EXPECT_TRUE(is_json_number(right)) << right;
  for (const char* wrong : {"", "-", "01", "+1", "1.", ".5", "1e", "0x1", "1 ", "NaN"})
    EXPECT_FALSE(is_json_number(wrong)) << wrong;
}

TEST(Base64, takes_only_what_stands_for_bytes) {
  char out[16];
  EXPECT_EQ(parse_base64("TWFu", out), 3U);
  EXPECT_EQ(std::string(out, 3), "Man");
  EXPECT_EQ(parse_base64("TWE=", out), 2U);
  EXPECT_EQ(parse_base64("", out), 0U);
  for (const char* wrong : {"TWF", "TWF*", "TW==TW==", "TWF=", "T==="}) EXPECT_FALSE(parse_base64(wrong, out)) << wrong;
}

}  // namespace
}  // namespace sluice::engine
