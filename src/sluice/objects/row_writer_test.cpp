// Rows as objects: how each type is written in CSV and JSON, when a field is quoted, and that what is packed comes
// out again.
#include <gtest/gtest.h>

#include "sluice/core/batch_builder.hpp"
#include "sluice/objects/byte_stream.hpp"
#include "sluice/objects/memory_store.hpp"
#include "sluice/objects/row_writer.hpp"

namespace sluice::objects {
namespace {

std::shared_ptr<const Schema> one_of_each() {
  return std::make_shared<const Schema>(Schema{{"flag", {Kind::boolean}},
                                               {"small", {Kind::int32}},
                                               {"big", {Kind::int64}},
                                               {"number", {Kind::float64}},
                                               {"amount", {Kind::decimal, 10, 2}},
                                               {"name", {Kind::text}},
                                               {"raw", {Kind::bytes}},
                                               {"day", {Kind::date}},
                                               {"at", {Kind::timestamp}},
                                               {"seen", {Kind::timestamp_tz}},
                                               {"id", {Kind::uuid}},
                                               {"more", {Kind::json}}});
}

// One row of values, one of NULLs.
void fill(BatchBuilder& rows, std::string_view name) {
  rows.set<std::uint8_t>(0, 1);
  rows.set<std::int32_t>(1, -12);
  rows.set<std::int64_t>(2, INT64_MAX);
  rows.set(3, 0.1);
  rows.set<Int128>(4, -1250);
  rows.set_text(5, name);
  rows.set_text(6, std::string_view("\x00\xff", 2));
  rows.set<std::int32_t>(7, 19240);  // 2022-09-05
  rows.set<std::int64_t>(8, 1662379200500000);
  rows.set<std::int64_t>(9, 1662379200000000);
  rows.set(10, std::array<std::uint8_t, 16>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  rows.set_text(11, "{\"a\":\n[1, 2]}");
  rows.end_row();
  for (std::size_t i = 0; i < 12; ++i) rows.set_null(i);
  rows.end_row();
}

std::string written(const Dialect& dialect, const std::string& key, const std::shared_ptr<const Schema>& schema,
                    const BatchBuilder& rows) {
  MemoryStore store;
  auto out = store.open_writer(key, {}).value();
  const auto writer = open_row_writer(dialect, key, schema, *out).value();
  const Result<void> wrote = writer->write(rows.batch());
  if (!wrote) return wrote.error().message;
  EXPECT_TRUE(writer->finish());
  EXPECT_TRUE(out->finish());
  return store.bytes(key);
}

TEST(CsvObject, has_every_type_as_postgres_writes_it_and_null_as_an_empty_field) {
  const auto schema = one_of_each();
  BatchBuilder rows(schema);
  fill(rows, "Ada");
  EXPECT_EQ(written({}, "a.csv", schema, rows),
            "flag,small,big,number,amount,name,raw,day,at,seen,id,more\n"
            "true,-12,9223372036854775807,0.1,-12.50,Ada,\\x00ff,2022-09-05,2022-09-05 12:00:00.5,"
            "2022-09-05 12:00:00+00,01020304-0506-0708-090a-0b0c0d0e0f10,\"{\"\"a\"\":\n[1, 2]}\"\n"
            ",,,,,,,,,,,\n");
}

TEST(JsonObject, has_a_line_a_row) {
  const auto schema = one_of_each();
  BatchBuilder rows(schema);
  fill(rows, "a\"b\\c\n\x01");
  EXPECT_EQ(written({.format = Format::json_lines}, "a.json", schema, rows),
            R"({"flag":true,"small":-12,"big":9223372036854775807,"number":0.1,"amount":-12.50,)"
            R"("name":"a\"b\\c\n\u0001","raw":"\\x00ff","day":"2022-09-05","at":"2022-09-05T12:00:00.5",)"
            R"("seen":"2022-09-05T12:00:00Z","id":"01020304-0506-0708-090a-0b0c0d0e0f10","more":{"a": [1, 2]}})"
            "\n"
            R"({"flag":null,"small":null,"big":null,"number":null,"amount":null,"name":null,"raw":null,"day":null,)"
            R"("at":null,"seen":null,"id":null,"more":null})"
            "\n");
}

std::string csv_of(const std::vector<std::string>& texts, CsvDialect csv = {}) {
  const auto schema = std::make_shared<const Schema>(Schema{{"a", {Kind::text}}, {"b", {Kind::int32}}});
  BatchBuilder rows(schema);
  for (const std::string& text : texts) {
    rows.set_text(0, text);
    rows.set<std::int32_t>(1, 7);
    rows.end_row();
  }
  csv.header = false;
  return written({.csv = csv}, "a.csv", schema, rows);
}

TEST(CsvObject, quotes_a_field_only_where_it_needs_it) {
  EXPECT_EQ(csv_of({"plain", " spaces ", "", "a,b", "say \"hi\"", "two\nlines", "cr\r", "tab\t"}),
            "plain,7\n spaces ,7\n\"\",7\n\"a,b\",7\n\"say \"\"hi\"\"\",7\n\"two\nlines\",7\n\"cr\r\",7\ntab\t,7\n");
}

TEST(CsvObject, tells_null_from_a_text_that_looks_like_it) {
  EXPECT_EQ(csv_of({"NULL", "", "null"}, {.null_text = "NULL"}), "\"NULL\",7\n,7\nnull,7\n");
}

TEST(CsvObject, without_quotes_is_refused_where_a_field_needs_them) {
  EXPECT_EQ(csv_of({"a;b"}, {.delimiter = ';', .quote = '\0'}),
            "column \"a\" holds a value that needs quotes, and the CSV has none");
  EXPECT_EQ(csv_of({"a,b"}, {.delimiter = ';', .quote = '\0'}), "a,b;7\n");
}

TEST(CsvObject, quotes_numbers_where_the_delimiter_is_one_of_their_characters) {
  EXPECT_EQ(csv_of({"x"}, {.delimiter = '7'}), "x7\"7\"\n");
}

TEST(CsvObject, of_no_rows_has_its_header) {
  const auto schema = std::make_shared<const Schema>(Schema{{"a,b", {Kind::text}}, {"c", {Kind::int32}}});
  EXPECT_EQ(written({}, "a.csv", schema, BatchBuilder(schema)), "\"a,b\",c\n");
}

TEST(Floats, are_the_shortest_text_that_reads_back_and_round_numbers_have_no_exponent) {
  const auto schema = std::make_shared<const Schema>(Schema{{"n", {Kind::float64}}});
  BatchBuilder rows(schema);
  for (const double number : {100000.0, 0.0001, 0.00001, 1e15, 123456789012345.0, -0.0, 1.0 / 3.0, 5e-324}) {
    rows.set(0, number);
    rows.end_row();
  }
  EXPECT_EQ(written({.csv = {.header = false}}, "a.csv", schema, rows),
            "100000\n0.0001\n1e-05\n1e+15\n123456789012345\n-0\n0.3333333333333333\n5e-324\n");
}

TEST(PackedObject, comes_out_again_and_is_the_same_each_time) {
  const auto schema = std::make_shared<const Schema>(Schema{{"n", {Kind::int64}}});
  BatchBuilder rows(schema, 100000);
  std::string plain = "n\n";
  for (std::int64_t i = 0; i < 100000; ++i) {
    rows.set(0, i * i);
    rows.end_row();
    plain += std::to_string(i * i) + '\n';
  }
  for (const std::string key : {"a.csv.gz", "a.csv.zst"}) {
    const std::string packed = written({}, key, schema, rows);
    EXPECT_LT(packed.size(), plain.size() / 2);
    EXPECT_EQ(written({}, key, schema, rows), packed);
    MemoryStore store;
    store.set(key, packed);
    const auto stream =
        open_stream(store.open_reader(store.facts(key), 0).value(), compression_of(Compression::by_name, key)).value();
    std::string back;
    std::array<char, 5000> piece;
    while (const std::size_t size = stream->read(piece.data(), piece.size()).value()) back.append(piece.data(), size);
    EXPECT_EQ(back, plain);
  }
}

}  // namespace
}  // namespace sluice::objects
