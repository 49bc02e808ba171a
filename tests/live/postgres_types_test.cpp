// Every type there and back, at its extremes, and what is refused before it is sent.
#include <cmath>
#include <limits>

#include "postgres_batches.hpp"
#include "sluice/core/words.hpp"

namespace sluice::live {
namespace {

class PostgresTypes : public PostgresTest {
 protected:
  // Writes each value in a row of its own to a column of `sql_type`; gives the column's text, a line a row, and
  // the reasons of the refused after " | ".
  std::string through(Type type, const std::string& sql_type, const std::vector<Value>& values,
                      const std::string& extra = "") {
    sql(extra + "; set client_min_messages = error; drop table if exists t; create table t (n serial, v " + sql_type +
        ")");
    auto database = open();
    auto into = sink(*database, target("t", {{"v", type}}));
    Rows rows({{"v", type}});
    for (std::uint32_t i = 0; i < values.size(); ++i) rows.row(i, {values[i]});
    static std::uint64_t next = 0;
    const auto rejects = move(*into, delivery_of(values.size(), next += 1000), rows);
    std::string out = sql("set timezone = 'UTC'; select v::text from t order by n");
    for (const Reject& reject : rejects)
      out += (out.empty() ? "| " : " | ") + std::to_string(reject.message) + " " + reject.reason;
    return out;
  }
};

TEST_F(PostgresTypes, booleans_and_integers_keep_their_extremes) {
  EXPECT_EQ(through({Kind::boolean}, "boolean", {true, false, {}}), "true\nfalse\nNULL");
  EXPECT_EQ(through({Kind::int32}, "smallint", {INT16_MAX, INT16_MIN, INT16_MAX + 1, INT16_MIN - 1}),
            "32767\n-32768 | 2 out_of_range | 3 out_of_range");
  EXPECT_EQ(through({Kind::int32}, "integer", {INT32_MAX, INT32_MIN, 0}), "2147483647\n-2147483648\n0");
  EXPECT_EQ(through({Kind::int64}, "integer", {std::int64_t{INT32_MAX}, std::int64_t{INT32_MAX} + 1}),
            "2147483647 | 1 out_of_range");
  EXPECT_EQ(through({Kind::int64}, "bigint", {INT64_MAX, INT64_MIN}), "9223372036854775807\n-9223372036854775808");
  EXPECT_EQ(through({Kind::decimal, 10, 2}, "integer", {Int128{1200}, Int128{1250}}), "12 | 1 inexact");
}

TEST_F(PostgresTypes, floats_keep_every_bit) {
  const double tiny = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(through({Kind::float64}, "double precision", {0.1, -0.0, 1e308, tiny, std::nan(""), -INFINITY}),
            "0.1\n-0\n1e+308\n5e-324\nNaN\n-Infinity");
  EXPECT_EQ(through({Kind::float64}, "real", {0.5, 1e39, 1e-60}), "0.5 | 1 out_of_range | 2 out_of_range");
  EXPECT_EQ(through({Kind::int64}, "double precision", {std::int64_t{1} << 53, (std::int64_t{1} << 53) + 1, INT64_MAX}),
            "9.007199254740992e+15 | 1 inexact | 2 inexact");
}

TEST_F(PostgresTypes, numerics_keep_digits_and_say_what_they_cannot_hold) {
  Int128 nines = 0;
  for (int i = 0; i < 38; ++i) nines = nines * 10 + 9;
  EXPECT_EQ(through({Kind::decimal, 38, 0}, "numeric", {nines, -nines, Int128{0}, Int128{10000}}),
            std::string(38, '9') + "\n-" + std::string(38, '9') + "\n0\n10000");
  EXPECT_EQ(through({Kind::decimal, 38, 38}, "numeric", {nines, Int128{1}}),
            "0." + std::string(38, '9') + "\n0." + std::string(37, '0') + "1");
  EXPECT_EQ(through({Kind::decimal, 12, 4}, "numeric(6,2)",
                    {Int128{99999900}, Int128{-12300}, Int128{100000000}, Int128{12345}}),
            "9999.99\n-1.23 | 2 out_of_range | 3 inexact");
  EXPECT_EQ(through({Kind::decimal, 10, 2}, "numeric", {Int128{150}, Int128{5}, Int128{-100000}}),
            "1.50\n0.05\n-1000.00");
  EXPECT_EQ(through({Kind::float64}, "numeric", {0.1, 1e20, 1.5e-7, std::nan(""), INFINITY}),
            "0.1\n100000000000000000000\n0.00000015\nNaN | 4 out_of_range");
  EXPECT_EQ(through({Kind::float64}, "numeric(5,2)", {0.1 + 0.2, 999.995, 999.994, 0.001}),
            "0.30\n999.99\n0.00 | 1 out_of_range");
  EXPECT_EQ(through({Kind::int64}, "numeric", {INT64_MIN}), "-9223372036854775808");
}

TEST_F(PostgresTypes, text_is_measured_in_characters) {
  const std::string umlauts = "äöüß";
  EXPECT_EQ(through({Kind::text}, "varchar(4)", {umlauts, std::string("abcde"), std::string(), std::string("ab  ")}),
            "äöüß\n\nab   | 1 too_long");
  EXPECT_EQ(through({Kind::text}, "char(3)", {std::string("a"), std::string("abcd")}), "a | 1 too_long");
  EXPECT_EQ(through({Kind::text}, "text",
                    {std::string("a\0b", 3), std::string("\xff\xfe"), std::string("\xed\xa0\x80"),
                     std::string("tab\tline\nback\\"), std::string("\xf0\x9f\x98\x80")}),
            "tab\tline\nback\\\n\xf0\x9f\x98\x80 | 0 nul_in_text | 1 invalid_utf8 | 2 invalid_utf8");
  EXPECT_EQ(through({Kind::text}, "text", {std::string(300000, 'x')}).size(), 300000U);
}

TEST_F(PostgresTypes, bytes_and_uuids_are_the_same_bytes) {
  EXPECT_EQ(through({Kind::bytes}, "bytea", {std::string("\0\xff\\", 3), std::string()}), "\\x00ff5c\n\\x");
  Key key;
  ASSERT_TRUE(parse_uuid("0123e456-7890-abcd-ef01-23456789abcd", key));
  EXPECT_EQ(through({Kind::uuid}, "uuid", {key}), "0123e456-7890-abcd-ef01-23456789abcd");
  EXPECT_EQ(through({Kind::uuid}, "text", {key}), "0123e456-7890-abcd-ef01-23456789abcd");
  EXPECT_EQ(through({Kind::text}, "uuid", {std::string("0123e456-7890-abcd-ef01-23456789abcd"), std::string("no")}),
            "0123e456-7890-abcd-ef01-23456789abcd | 1 malformed_value");
}

TEST_F(PostgresTypes, dates_and_times_reach_both_ends_of_the_calendar) {
  EXPECT_EQ(
      through({Kind::date}, "date", {0, 10957, -719528, INT32_MAX, -INT32_MAX, -2440588, -2440589, INT32_MAX - 1}),
      "1970-01-01\n2000-01-01\n0001-01-01 BC\ninfinity\n-infinity\n4714-11-24 BC | 6 out_of_range | 7 out_of_range");
  EXPECT_EQ(through({Kind::timestamp}, "timestamp",
                    {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1700000000123456}, INT64_MAX, -INT64_MAX,
                     INT64_MAX - 1}),
            "1970-01-01 00:00:00\n1969-12-31 23:59:59.999999\n2023-11-14 "
            "22:13:20.123456\ninfinity\n-infinity\n294247-01-10 04:00:54.775806");
  EXPECT_EQ(through({Kind::timestamp_tz}, "timestamptz", {std::int64_t{1700000000000000}}), "2023-11-14 22:13:20+00");
  EXPECT_EQ(through({Kind::timestamp}, "timestamptz", {std::int64_t{1700000000000000}}), "2023-11-14 22:13:20+00");
  EXPECT_EQ(through({Kind::date}, "timestamp", {19675, -INT32_MAX}), "2023-11-14 00:00:00\n-infinity");
}

TEST_F(PostgresTypes, json_passes_and_malformed_json_is_found_by_the_server) {
  EXPECT_EQ(through({Kind::json}, "json", {std::string(R"({"a": [1, null]})")}), R"({"a": [1, null]})");
  EXPECT_EQ(through({Kind::json}, "jsonb", {std::string(R"({"b":1,"a":2})"), std::string(R"("\u0000")")}),
            R"({"a": 2, "b": 1} | 1 untranslatable_character)");
  EXPECT_EQ(through({Kind::text}, "jsonb", {std::string("{"), std::string("1")}), "1 | 0 invalid_text_representation");
}

TEST_F(PostgresTypes, addresses_are_read_from_text) {
  EXPECT_EQ(through({Kind::text}, "inet",
                    {std::string("10.1.2.3"), std::string("10.1.2.3/8"), std::string("2001:db8::1/64"),
                     std::string("256.1.1.1"), std::string("1.2.3.4/33")}),
            "10.1.2.3/32\n10.1.2.3/8\n2001:db8::1/64 | 3 malformed_value | 4 malformed_value");
  EXPECT_EQ(through({Kind::text}, "cidr", {std::string("10.0.0.0/8"), std::string("10.0.0.1/8"), std::string("::/0")}),
            "10.0.0.0/8\n::/0 | 1 malformed_value");
}

TEST_F(PostgresTypes, enums_and_domains_over_domains) {
  EXPECT_EQ(through({Kind::text}, "device", {std::string("ios"), std::string("windows")},
                    "create type device as enum ('android', 'ios')"),
            "ios | 1 not_allowed_value");
  EXPECT_EQ(
      through({Kind::text}, "locale2", {std::string("de"), std::string("deu"), Value{}, std::string("xx")},
              "create domain locale1 as varchar(2) not null; create domain locale2 as locale1 check (value <> 'xx')"),
      "de | 1 too_long | 2 null_not_allowed | 3 check_violation");
}

TEST_F(PostgresTypes, a_type_without_an_encoder_sends_the_table_as_text) {
  const Schema columns{{"i", {Kind::text}},          {"b", {Kind::bytes}},          {"d", {Kind::date}},
                       {"ts", {Kind::timestamp_tz}}, {"n", {Kind::decimal, 38, 4}}, {"f", {Kind::float64}},
                       {"j", {Kind::json}},          {"u", {Kind::uuid}},           {"o", {Kind::boolean}},
                       {"l", {Kind::int64}},         {"a", {Kind::text}},           {"t", {Kind::text}},
                       {"s", {Kind::int32}}};
  sql("create table t (i interval, b bytea, d date, ts timestamptz, n numeric, f float8, j jsonb, u uuid, o boolean, l "
      "bigint, a int[], t text, s smallint)");
  auto database = open();
  auto into = sink(*database, target("t", columns));
  Rows rows(columns);
  Key key = key_of(258);
  const Value text = std::string("tab\tnew\nline\\N \r");
  const auto row = [&](std::uint32_t message, const Value& interval, std::int32_t day, std::int32_t small) {
    rows.row(message, {interval, std::string("\0\\", 2), day, std::int64_t{-62135596800000001}, Int128{-50001}, 1e-7,
                       std::string(R"({"k":"a\\b"})"), key, true, INT64_MIN, std::string("{1,2}"), text, small});
  };
  row(0, std::string("3 days"), -719529, 1);
  row(1, std::string("no interval"), 0, 1);
  row(2, {}, INT32_MAX, 70000);
  row(3, {}, INT32_MAX, 7);
  const auto rejects = move(*into, delivery_of(4), rows);
  ASSERT_EQ(rejects.size(), 2U);
  EXPECT_EQ(rejects[0].reason + " " + rejects[1].reason, "out_of_range invalid_datetime_format");
  EXPECT_EQ(
      sql("set timezone = 'UTC'; select to_jsonb(r) - 'f' from t r order by i"),
      R"({"a": [1, 2], "b": "\\x005c", "d": "0002-12-31 BC", "i": "3 days", "j": {"k": "a\\b"}, "l": -9223372036854775808, "n": -5.0001, "o": true, "s": 1, "t": "tab\tnew\nline\\N \r", "u": "00000000-0000-0000-0000-000000000102", "ts": "0001-12-31T23:59:59.999999+00:00 BC"})"
      "\n"
      R"({"a": [1, 2], "b": "\\x005c", "d": "infinity", "i": null, "j": {"k": "a\\b"}, "l": -9223372036854775808, "n": -5.0001, "o": true, "s": 7, "t": "tab\tnew\nline\\N \r", "u": "00000000-0000-0000-0000-000000000102", "ts": "0001-12-31T23:59:59.999999+00:00 BC"})");
}

}  // namespace
}  // namespace sluice::live
