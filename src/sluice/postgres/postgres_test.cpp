// What can be said without a server: options, quoting, error texts, digits, characters, refusals of types.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "sluice/postgres/connect_options.hpp"
#include "sluice/postgres/encoder.hpp"
#include "sluice/postgres/errors.hpp"
#include "sluice/postgres/ledger_tables.hpp"
#include "sluice/postgres/numeric.hpp"
#include "sluice/postgres/open.hpp"
#include "sluice/postgres/plan.hpp"
#include "sluice/postgres/sink.hpp"
#include "sluice/postgres/sql.hpp"
#include "sluice/postgres/utf8.hpp"

namespace sluice::postgres {
namespace {

using Variables = std::map<std::string, std::string>;

Environment environment(Variables variables = {}) {
  return [variables](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

Settings settings(const std::string& url, std::map<std::string, std::string> keywords = {}) {
  Settings out;
  out.project = "logins";
  out.values["postgres"] = Setting{url, std::move(keywords), {"p.yaml", 3, 5}};
  return out;
}

std::string mode(const std::string& url, const Variables& variables = {}) {
  const auto options = connect_options(settings(url), environment(variables));
  if (!options) return options.error().text();
  const std::string* found = options->find("sslmode");
  return found == nullptr ? "" : *found;
}

TEST(ConnectOptions, other_machines_are_verified_unless_something_else_is_asked_for) {
  EXPECT_EQ(mode("postgresql://u@db.example/x"), "verify-full");
  EXPECT_EQ(mode("host=10.0.0.1"), "verify-full");
  EXPECT_EQ(mode("postgresql://u@localhost,db.example/x"), "verify-full");
  EXPECT_EQ(mode("postgresql://u@db.example/x?sslmode=require"), "require");
  EXPECT_EQ(mode("postgresql://u@db.example/x", {{"PGSSLMODE", "disable"}}), "");  // libpq reads it
  EXPECT_EQ(mode("", {{"PGHOST", "db.example"}}), "verify-full");
  EXPECT_EQ(mode("service=prod"), "verify-full");
  for (const char* here : {"", "postgresql://u@localhost/x", "host=127.0.0.1", "host=/run/postgresql",
                           "postgresql://u@[::1]:5433/x", "hostaddr=127.0.0.2 host=db.example"}) {
    EXPECT_EQ(mode(here), "") << here;
  }
}

TEST(ConnectOptions, hosts_are_named_for_messages) {
  const auto name = [](const std::string& url, const Variables& variables = {}) {
    return connect_options(settings(url), environment(variables))->where();
  };
  EXPECT_EQ(name("postgresql://u:p@db.example/x"), "postgres db.example:5432");
  EXPECT_EQ(name("postgresql://u:p@[::1]:6000/x"), "postgres [::1]:6000");
  EXPECT_EQ(name("host=/run/postgresql"), "postgres socket /run/postgresql, port 5432");
  EXPECT_EQ(name("", {{"PGHOST", "a,b"}, {"PGPORT", "7000"}}), "postgres a:7000");
}

TEST(ConnectOptions, a_piece_of_a_password_never_comes_back_in_an_error) {
  for (const char* url : {"postgresql://ann:s3cret@pa@host/db", "postgresql://ann:s3cret/x@host/db",
                          "host=h password=a s3cret", "postgresql://ann:%s3cret@host/db",
                          "postgresql://ann:s3cret?x@host/db", "postgresql://ann:99999@s3cret@host"}) {
    const auto options = connect_options(settings(url), environment());
    if (options) {
      EXPECT_EQ(options->where().find("s3cret"), std::string::npos) << url;
      continue;
    }
    EXPECT_EQ(options.error().fault, Fault::config);
    EXPECT_EQ(options.error().text().find("s3cret"), std::string::npos) << options.error().text();
    EXPECT_EQ(options.error().message.find("p.yaml:3:5: 'postgres'"), 0U) << options.error().message;
  }
}

TEST(ConnectOptions, keywords_may_be_a_map_and_a_wrong_one_is_named) {
  const auto options = connect_options(
      settings("", {{"host", "a,b"}, {"port", "1,2"}, {"dbname", "x"}, {"password", "p w'"}}), environment());
  ASSERT_TRUE(options);
  EXPECT_EQ(options->hosts[1].text(), "b:2");
  EXPECT_EQ(*options->find("password"), "p w'");
  EXPECT_EQ(*options->find("target_session_attrs"), "read-write");
  const auto wrong = connect_options(settings("", {{"databse", "x"}}), environment());
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().text().find("'databse' is no connection keyword of libpq"), std::string::npos)
      << wrong.error().text();
  EXPECT_FALSE(connect_options(settings("", {{"host", "a,b"}, {"port", "1,2,3"}}), environment()));
}

TEST(OpenPostgres, refuses_settings_that_make_no_sense) {
  for (const auto& [name, value] :
       {std::pair("ledger", "pg_own"), std::pair("connections", "0"), std::pair("statement_timeout", "soon")}) {
    Settings wrong = settings("postgresql://localhost/x");
    wrong.values[name] = Setting{value, {}, {"p.yaml", 5, 1}};
    const auto opened = open_postgres(wrong, system_clock());
    ASSERT_FALSE(opened) << name;
    EXPECT_EQ(opened.error().message.find("p.yaml:5:1: '" + std::string(name) + "'"), 0U) << opened.error().message;
  }
}

TEST(Sql, quotes_cannot_be_left) {
  EXPECT_EQ(quoted("a\"; drop table t; --"), "\"a\"\"; drop table t; --\"");
  EXPECT_EQ(quoted(TableName{"s.s", "t"}), "\"s.s\".\"t\"");
  EXPECT_EQ(presentable(std::string("a\0b\xff", 4)), "a?b?");
  EXPECT_EQ(presentable("schön"), "schön");
}

TEST(Utf8, counts_code_points_and_finds_what_is_none) {
  EXPECT_EQ(count_characters("0123456789abcdef").count, 16U);
  EXPECT_EQ(count_characters("12345678ü\xf0\x9f\x98\x80x").count, 11U);
  EXPECT_EQ(bytes_of("aü\xf0\x9f\x98\x80x", 0), 0U);
  EXPECT_EQ(bytes_of("aü\xf0\x9f\x98\x80x", 2), 3U);
  EXPECT_EQ(bytes_of("aü\xf0\x9f\x98\x80x", 3), 7U);
  EXPECT_EQ(bytes_of("aü\xf0\x9f\x98\x80x", 9), 8U);
  EXPECT_TRUE(count_characters(std::string_view("1234567\0abcdefgh", 16)).has_nul);
  EXPECT_FALSE(count_characters("12345678901234567").has_nul);
  for (const char* bad :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8", "\xc3", "1234567\x80", "\xe2\x82"}) {
    EXPECT_FALSE(count_characters(bad).valid);
  }
}

TEST(Errors, tell_the_code_its_name_and_the_names_of_things) {
  const ServerError unique{.sqlstate = "23505", .table = "t", .column = {}, .constraint = "t_key"};
  EXPECT_EQ(to_error(unique, "postgres h:1", "write").message,
            "postgres h:1: write: unique_violation (23505), table \"t\", constraint \"t_key\"");
  EXPECT_EQ(condition_name("22999"), "data_exception");
  EXPECT_EQ(condition_name("ZZ123"), "error");
  EXPECT_EQ(ServerError{}.text(), "the connection was lost");
}

TEST(Errors, say_whether_a_retry_or_another_row_may_pass) {
  const auto fault = [](const char* state) { return fault_of({.sqlstate = state}); };
  for (const char* state : {"", "40001", "40P01", "53100", "53300", "57P01", "57014", "08006", "25006", "25P03"})
    EXPECT_EQ(fault(state), Fault::transient) << state;
  EXPECT_EQ(fault("42501"), Fault::denied);
  EXPECT_EQ(fault("28P01"), Fault::denied);
  EXPECT_EQ(fault("42P01"), Fault::conflict);
  EXPECT_EQ(fault("22P04"), Fault::conflict);
  for (const char* state : {"23505", "23514", "22P02", "P0001", "54000", "44000", "MYERR", "22003"})
    EXPECT_TRUE(is_about_a_row({.sqlstate = state})) << state;
  for (const char* state :
       {"", "40P01", "53100", "57P01", "42501", "42P01", "22P03", "22P04", "0A000", "XX000", "25P02"}) {
    EXPECT_FALSE(is_about_a_row({.sqlstate = state})) << state;
  }
}

std::string printed(const Digits& digits) {
  std::string out = digits.negative ? "-" : "";
  for (int i = 0; i < digits.count; ++i) out += static_cast<char>('0' + digits.digit[static_cast<std::size_t>(i)]);
  return out + "e" + std::to_string(digits.point);
}

TEST(Numeric, digits_stand_without_zeros_at_the_ends) {
  EXPECT_EQ(printed(digits_of(Int128{-120500}, 3)), "-1205e3");
  EXPECT_EQ(printed(digits_of(Int128{0}, 3)), "e0");
  EXPECT_EQ(printed(digits_of(0.001)), "1e-2");
  EXPECT_EQ(printed(digits_of(-1.7976931348623157e308)), "-17976931348623157e309");
}

TEST(Numeric, rounding_carries) {
  const auto rounded = [](double value, int scale) {
    Digits digits = digits_of(value);
    round_to(scale, digits);
    return printed(digits);
  };
  EXPECT_EQ(rounded(9.995, 2), "1e2");
  EXPECT_EQ(rounded(0.5, 0), "1e1");
  EXPECT_EQ(rounded(0.05, 0), "e0");
  EXPECT_EQ(rounded(0.004, 2), "e0");
  EXPECT_EQ(rounded(1234.5, -2), "12e4");
  EXPECT_EQ(rounded(1.25, 5), "125e1");
}

TEST(Numeric, a_limit_counts_digits_on_both_sides_of_the_point) {
  const auto typmod = [](int precision, int scale) { return (precision << 16 | (scale & 0x7ff)) + 4; };
  EXPECT_EQ(numeric_limit(typmod(10, -3)).scale, -3);
  EXPECT_EQ(numeric_limit(-1).precision, 0);
  const NumericLimit limit = numeric_limit(typmod(5, 2));
  EXPECT_EQ(fits(digits_of(Int128{99999}, 2), limit), Fit::fits);
  EXPECT_EQ(fits(digits_of(Int128{100000}, 2), limit), Fit::too_large);
  EXPECT_EQ(fits(digits_of(Int128{1001}, 3), limit), Fit::too_fine);
  EXPECT_EQ(fits(digits_of(Int128{12000}, 0), numeric_limit(typmod(2, -3))), Fit::fits);
  EXPECT_EQ(fits(digits_of(Int128{12100}, 0), numeric_limit(typmod(2, -3))), Fit::too_fine);
}

Column column(const char* name, std::uint32_t type, const char* type_name, std::int32_t typmod = -1) {
  Column out;
  out.name = name;
  out.type = type;
  out.type_name = type_name;
  out.typmod = typmod;
  return out;
}

TEST(Encoder, types_that_would_lose_something_are_refused_before_a_row_is_read) {
  const auto refusal = [](Type from, const Column& to) {
    const auto chosen = choose_encoder({"x", from}, to);
    return chosen ? std::string() : chosen.error().message;
  };
  EXPECT_EQ(refusal({Kind::float64}, column("x", int4_type, "integer")),
            "column \"x\": the select gives float, the table has integer");
  EXPECT_NE(refusal({Kind::text}, column("x", date_type, "date")), "");
  EXPECT_NE(refusal({Kind::timestamp}, column("x", date_type, "date")), "");
  EXPECT_NE(refusal({Kind::boolean}, column("x", int4_type, "integer")), "");
  EXPECT_NE(refusal({Kind::int32}, column("x", text_type, "text")), "");
  EXPECT_NE(refusal({Kind::json}, column("x", 1007, "integer[]")), "");
  EXPECT_EQ(refusal({Kind::text}, column("x", 1007, "integer[]")), "");
  EXPECT_EQ(choose_encoder({"x", {Kind::text}}, column("x", 1007, "integer[]"))->encode, nullptr);
}

TEST(Encoder, bytes_on_the_wire_are_those_of_the_protocol) {
  const auto wire = [](Type from, const Column& to, const void* value) {
    const auto encoder = choose_encoder({"x", from}, to);
    CopyBuffer out;
    const char* reason = put_binary(*encoder, Vector{value, nullptr}, 0, out);
    if (reason != nullptr) return std::string(reason);
    std::string hex;
    for (const char c : out.view())
      hex += std::string(1, "0123456789abcdef"[static_cast<unsigned char>(c) >> 4U]) + "0123456789abcdef"[c & 15];
    return hex;
  };
  const std::int32_t number = -2;
  EXPECT_EQ(wire({Kind::int32}, column("x", int8_type, "bigint"), &number), "00000008fffffffffffffffe");
  EXPECT_EQ(wire({Kind::date}, column("x", date_type, "date"), &number), "00000004ffffd531");
  const Int128 decimal = 12345678;  // 1234.5678 in groups of four digits
  EXPECT_EQ(wire({Kind::decimal, 10, 4}, column("x", numeric_type, "numeric"), &decimal),
            "0000000c000200000000000404d2162e");
  const Text text("ab");
  EXPECT_EQ(wire({Kind::text}, column("x", varchar_type, "varchar(2)", 6), &text), "000000026162");
  EXPECT_EQ(wire({Kind::text}, column("x", varchar_type, "varchar(1)", 5), &text), "too_long");
  EXPECT_EQ(wire({Kind::json}, column("x", jsonb_type, "jsonb"), &text), "00000003016162");
}

TEST(Encoder, says_each_refusal_in_words) {
  std::set<std::string> sentences;
  for (const char* reason : {"too_long", "out_of_range", "inexact", "nul_in_text", "invalid_utf8", "null_not_allowed",
                             "not_allowed_value", "malformed_value"}) {
    sentences.insert(sentence_for(reason, "c"));
  }
  EXPECT_EQ(sentences.size(), 8U);
}

TEST(RejectId, is_one_to_one_within_a_flow_and_another_in_another) {
  std::set<Key> ids;
  for (std::uint8_t i = 0; i < 100; ++i) {
    Key key;
    key.bytes[15] = i;
    EXPECT_EQ(reject_id("p", "a", key), reject_id("p", "a", key));
    ids.insert(reject_id("p", "a", key));
    ids.insert(reject_id("p", "b", key));
    ids.insert(reject_id("q", "a", key));
  }
  EXPECT_EQ(ids.size(), 300U);
}

TEST(LedgerNames, get_a_prefix_outside_of_the_ledgers_own_schema) {
  EXPECT_EQ(LedgerNames("sluice").of("message"), "\"sluice\".\"message\"");
  EXPECT_EQ(LedgerNames("staging").of("message"), "\"staging\".\"sluice_message\"");
}

}  // namespace
}  // namespace sluice::postgres
