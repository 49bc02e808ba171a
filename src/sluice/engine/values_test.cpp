// Text to values: all of it or nothing, nothing rounded.
#include "sluice/engine/values.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
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

TEST(Bytes, are_base64_that_stands_for_bytes) {
  char out[16];
  EXPECT_EQ(parse_bytes("TWFu", out), 3U);
  EXPECT_EQ(std::string(out, 3), "Man");
  EXPECT_EQ(parse_bytes("TWE=", out), 2U);
  EXPECT_EQ(parse_bytes("", out), 0U);
  for (const char* wrong : {"TWF", "TWF*", "TW==TW==", "TWF=", "T==="}) EXPECT_FALSE(parse_bytes(wrong, out)) << wrong;
}

TEST(Bytes, may_be_hex_behind_a_backslash_and_x) {
  char out[16];
  EXPECT_EQ(parse_bytes("\\x", out), 0U);
  std::string text = "\\x00ff4D";
  ASSERT_EQ(parse_bytes(text, text.data()), 3U) << "in its own place";
  EXPECT_EQ(text.substr(0, 3), std::string("\x00\xff\x4d", 3));
  for (const char* wrong : {"\\x0", "\\x0g", "\\X00", "x00ff", "\\"}) EXPECT_FALSE(parse_bytes(wrong, out)) << wrong;
}

TEST(Float, may_be_no_number_as_an_export_writes_it_and_not_otherwise) {
  double out = 0;
  EXPECT_EQ(parse_float64("NaN", out), Parsed::ok);
  EXPECT_TRUE(std::isnan(out));
  EXPECT_EQ(parse_float64("-Infinity", out), Parsed::ok);
  EXPECT_EQ(out, -std::numeric_limits<double>::infinity());
  for (const char* wrong : {"nan", "inf", "-inf", "infinity", "-NaN", "+Infinity"})
    EXPECT_EQ(parse_float64(wrong, out), Parsed::malformed) << wrong;
}

}  // namespace
}  // namespace sluice::engine
