// Rows to Parquet and back, in memory; and files that are not what they should be.
#include "sluice/engine/parquet.hpp"

#include <gtest/gtest.h>

#include <random>

#include "sluice/engine/transform.hpp"
#include "sluice/objects/memory_store.hpp"

namespace sluice::engine {
namespace {

const Schema every_type{{"flag", {Kind::boolean}},
                        {"i", {Kind::int32}},
                        {"n", {Kind::int64}},
                        {"f", {Kind::float64}},
                        {"d4", {Kind::decimal, 4, 2}},
                        {"d9", {Kind::decimal, 9, 2}},
                        {"d18", {Kind::decimal, 18, 4}},
                        {"d38", {Kind::decimal, 38, 6}},
                        {"t", {Kind::text}},
                        {"b", {Kind::bytes}},
                        {"day", {Kind::date}},
                        {"at", {Kind::timestamp}},
                        {"atz", {Kind::timestamp_tz}},
                        {"u", {Kind::uuid}},
                        {"j", {Kind::json}}};

Record record_of(const Schema& schema) {
  Record record;
  for (const Field& field : schema) record.fields.push_back({.name = field.name, .type = field.type, .nullable = true});
  return record;
}

// Bodies as a CSV flow reads them are the easiest way to rows of every type.
class Rows {
 public:
  Rows(const Schema& schema, const std::vector<std::string>& bodies) {
    auto opened = Engine::open({});
    engine_ = *std::move(opened);
    transform_ = *open_transform(*engine_, {record_of(schema), "", {}});
    for (const std::string& body : bodies) text_ += body;
    text_ += std::string(64, ' ');
    std::size_t at = 0;
    for (const std::string& body : bodies) {
      delivery_.messages.emplace_back().body = std::string_view(text_).substr(at, body.size());
      at += body.size();
    }
    rows_ = *transform_->apply(delivery_);
    EXPECT_TRUE(rows_.rejects.empty());
  }
  const Batch& batch() const { return rows_.batches.at(0); }

 private:
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Transform> transform_;
  std::string text_;
  Delivery delivery_;
  Transformed rows_;
};

class ParquetTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Parquet::open();
    ASSERT_TRUE(opened) << opened.error().text();
    parquet = *opened;
  }

  void write(const std::string& key, const Schema& schema, const std::vector<std::string>& bodies,
             const ParquetOptions& options = {}, std::size_t times = 1) {
    const Rows rows(schema, bodies);
    auto out = *store.open_writer(key, {});
    auto writer = parquet->open_writer(std::make_shared<const Schema>(schema), *out, options);
    ASSERT_TRUE(writer) << writer.error().text();
    for (std::size_t i = 0; i < times; ++i) {
      const auto written = (*writer)->write(rows.batch());
      ASSERT_TRUE(written) << written.error().text();
    }
    const auto finished = (*writer)->finish();
    ASSERT_TRUE(finished) << finished.error().text();
    EXPECT_FALSE(store.objects().contains(key));
    ASSERT_TRUE(out->finish());
  }

  struct Read {
    std::vector<std::string> bodies;
    std::uint64_t last_row = 0;
    std::size_t parts = 0;
    std::string error;
    Fault fault = Fault::failed;
  };
  Read read(const std::string& key, const Record& record, std::size_t part_bytes = 4U << 20U) {
    Read out;
    const auto parts = parquet->open_parts(store, {store.facts(key)}, record, {.part_bytes = part_bytes});
    EXPECT_TRUE(parts->start({false}));
    Delivery part;
    while (true) {
      const auto more = parts->next(part);
      if (!more) {
        out.error = more.error().message;
        out.fault = more.error().fault;
        return out;
      }
      if (!*more) return out;
      ++out.parts;
      for (const Message& message : part.messages) {
        out.bodies.emplace_back(message.body);
        out.last_row = message.line;
      }
    }
  }

  objects::MemoryStore store;
  std::shared_ptr<Parquet> parquet;
};

TEST_F(ParquetTest, values_of_every_type_come_back_as_they_were) {
  write("a.parquet", every_type,
        {R"({"flag":true,"i":-7,"n":9007199254740993,"f":0.1,"d4":-12.34,"d9":1234567.89,"d18":12345678901234.5678,)"
         R"("d38":12345678901234567890.123456,"t":"say \"hä\", twice","b":"AP8=","day":"2022-09-05",)"
         R"("at":"2022-09-05T10:11:12.345678","atz":"2022-09-05T10:11:12+02:00",)"
         R"("u":"f81d4fae-7dec-11d0-a765-00a0c91e6bf6","j":{"a":[1,null]}})",
         R"({"flag":null,"i":null,"n":null,"f":null,"d4":null,"d9":null,"d18":null,"d38":null,"t":null,"b":null,)"
         R"("day":null,"at":null,"atz":null,"u":null,"j":null})"});
  const Read rows = read("a.parquet", record_of(every_type));
  ASSERT_EQ(rows.error, "");
  ASSERT_EQ(rows.bodies.size(), 2U);
  EXPECT_EQ(rows.bodies[0],
            R"("true","-7","9007199254740993","0.1","-12.34","1234567.89","12345678901234.5678",)"
            R"("12345678901234567890.123456","say ""hä"", twice","AP8=","2022-09-05","2022-09-05 10:11:12.345678",)"
            R"("2022-09-05 08:11:12Z","f81d4fae-7dec-11d0-a765-00a0c91e6bf6","{""a"":[1,null]}")");
  EXPECT_EQ(rows.bodies[1], ",,,,,,,,,,,,,,");
}

TEST_F(ParquetTest, what_the_rows_become_keeps_the_contract) {
  write("a.parquet", {{"n", {Kind::int64}}, {"t", {Kind::text}}},
        {R"({"n":1,"t":"a"})", R"({"n":3000000000,"t":"b"})", R"({"n":null,"t":"c"})"});
  Record record;
  record.fields = {{.name = "t", .type = {Kind::text}},
                   {.name = "n", .type = {Kind::int32}},
                   {.name = "new", .type = {Kind::int32}, .default_text = "5"}};
  auto engine = *Engine::open({});
  const auto transform = *open_transform(*engine, {record, "", {}, {.format = objects::Format::parquet}});
  const auto parts = parquet->open_parts(store, {store.facts("a.parquet")}, record);
  ASSERT_TRUE(parts->start({false}));
  Delivery part;
  ASSERT_TRUE(*parts->next(part));
  EXPECT_EQ(objects::unpack_origin(part.messages[1].attributes).unit, "row");
  EXPECT_EQ(part.messages[1].line, 2U);
  const auto rows = transform->apply(part);
  ASSERT_TRUE(rows) << rows.error().text();
  ASSERT_EQ(rows->rejects.size(), 2U);
  EXPECT_EQ(rows->rejects[0].reason, "out_of_range");
  EXPECT_EQ(rows->rejects[0].column, "n");
  EXPECT_EQ(rows->rejects[1].reason, "null_not_allowed");
  ASSERT_EQ(rows->batches.at(0).rows, 1U);
  EXPECT_EQ(rows->batches[0].vectors[2].at<std::int32_t>(0), 5);
}

TEST_F(ParquetTest, row_groups_and_parts_are_cut_where_they_are_told_to) {
  const Schema schema{{"n", {Kind::int32}}, {"t", {Kind::text}}};
  write("a.parquet", schema, {R"({"n":1,"t":"one"})", R"({"n":2,"t":"two"})", R"({"n":3,"t":"three"})"},
        {.row_group_rows = 2500}, 4000);
  const Read rows = read("a.parquet", record_of(schema), 20'000);
  EXPECT_EQ(rows.error, "");
  ASSERT_EQ(rows.bodies.size(), 12'000U);
  EXPECT_EQ(rows.last_row, 12'000U);
  EXPECT_GT(rows.parts, 3U);
  for (std::size_t i = 0; i < rows.bodies.size(); i += 3) ASSERT_EQ(rows.bodies[i + 2], R"("3","three")") << i;
}

TEST_F(ParquetTest, no_row_is_a_file_with_columns) {
  const Schema schema{{"n", {Kind::int32}}};
  auto out = *store.open_writer("empty.parquet", {});
  auto writer = *parquet->open_writer(std::make_shared<const Schema>(schema), *out, {});
  ASSERT_TRUE(writer->finish());
  ASSERT_TRUE(out->finish());
  const Read rows = read("empty.parquet", record_of(schema));
  EXPECT_EQ(rows.error, "");
  EXPECT_TRUE(rows.bodies.empty());
}

TEST_F(ParquetTest, a_decimal_too_long_for_its_type_is_an_error) {
  const Rows rows({{"d", {Kind::decimal, 9, 2}}}, {R"({"d":1234567.89})"});
  auto out = *store.open_writer("a.parquet", {});
  auto writer = *parquet->open_writer(std::make_shared<const Schema>(Schema{{"d", {Kind::decimal, 4, 2}}}), *out, {});
  const auto written = writer->write(rows.batch());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "column d holds a number with more digits than its type decimal(4,2) has");
}

TEST_F(ParquetTest, an_error_of_the_far_end_comes_out_of_finish) {
  class Full final : public ObjectWriter {
    Result<void> write(std::string_view) override { return fail(Fault::transient, "the disk is full"); }
    Result<ObjectFacts> finish() override { return ObjectFacts{}; }
  } full;
  const Rows rows({{"n", {Kind::int32}}}, {R"({"n":1})"});
  auto writer = *parquet->open_writer(std::make_shared<const Schema>(Schema{{"n", {Kind::int32}}}), full, {});
  ASSERT_TRUE(writer->write(rows.batch()));
  const auto finished = writer->finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().message, "the disk is full");
  EXPECT_EQ(finished.error().fault, Fault::transient);
}

TEST_F(ParquetTest, a_file_that_is_cut_off_or_none_is_one_error) {
  const Schema schema{{"n", {Kind::int32}}, {"t", {Kind::text}}};
  write("a.parquet", schema, {R"({"n":1,"t":"a"})"});
  const std::string whole = store.bytes("a.parquet");
  for (const std::string& bytes : {whole.substr(0, whole.size() - 1), whole.substr(0, 20), std::string("n,t\n1,a\n"),
                                   std::string(), std::string(100, 'x') + "PAR1"}) {
    store.set("b.parquet", bytes);
    const Read rows = read("b.parquet", record_of(schema));
    EXPECT_EQ(rows.error, "memory/b.parquet: it is no Parquet file, or it is cut off");
    EXPECT_EQ(rows.fault, Fault::data);
  }
}

TEST_F(ParquetTest, data_that_is_broken_in_the_middle_is_one_error) {
  const Schema schema{{"n", {Kind::int32}}, {"t", {Kind::text}}};
  write("a.parquet", schema, {R"({"n":1,"t":"a text that is long enough to be broken"})"}, {}, 5000);
  std::string& bytes = store.bytes("a.parquet");
  for (std::size_t i = 4; i < 64; ++i) bytes[i] = static_cast<char>(0xff);
  const Read rows = read("a.parquet", record_of(schema));
  EXPECT_EQ(rows.error, "memory/a.parquet: its Parquet data cannot be read");
  EXPECT_EQ(rows.fault, Fault::data);
}

TEST_F(ParquetTest, a_column_that_stands_there_twice_is_an_error) {
  write("a.parquet", {{"nn", {Kind::int32}}, {"nm", {Kind::int32}}}, {R"({"nn":1,"nm":2})"});
  std::string& bytes = store.bytes("a.parquet");
  for (std::size_t at = 0; (at = bytes.find("nm", at)) != std::string::npos;) bytes[at + 1] = 'n';
  const Read rows = read("a.parquet", record_of({{"nn", {Kind::int32}}}));
  EXPECT_EQ(rows.error, "memory/a.parquet: it has column nn twice");
  EXPECT_EQ(rows.fault, Fault::data);
  write("b.parquet", {{"nn", {Kind::int32}}, {"nn_1", {Kind::int32}}}, {R"({"nn":1,"nn_1":2})"});
  EXPECT_EQ(read("b.parquet", record_of({{"nn", {Kind::int32}}})).error, "") << "a name like any other";
}

TEST_F(ParquetTest, a_decimal_of_more_than_38_digits_is_an_error_and_no_other_number) {
  const Schema schema{{"id", {Kind::int32}}, {"paid", {Kind::decimal, 38, 2}}, {"f", {Kind::float64}}};
  write("a.parquet", schema, {R"({"id":1,"paid":12345.67,"f":0.5})"});
  std::string& bytes = store.bytes("a.parquet");
  // In the footer, a scale of 2 and a precision of 38 as Thrift has them: field headers and zigzag numbers.
  for (std::size_t at = 0; (at = bytes.find("\x15\x04\x15\x4c", at)) != std::string::npos;) bytes[at + 3] = 80;
  for (const Kind kind : {Kind::float64, Kind::text, Kind::decimal}) {
    const Read rows = read("a.parquet", record_of({{"f", {Kind::float64}}, {"paid", {kind, 38, 2}}}));
    EXPECT_EQ(
        rows.error,
        "memory/a.parquet: column paid holds decimal(40,2) in the file, and numbers of more than 38 digits cannot "
        "be read as they are");
    EXPECT_EQ(rows.fault, Fault::data);
    EXPECT_TRUE(rows.bodies.empty());
  }
  EXPECT_EQ(read("a.parquet", record_of({{"f", {Kind::float64}}})).bodies, std::vector<std::string>{R"("0.5")"})
      << "a column that nobody asks for";
}

TEST_F(ParquetTest, a_missing_column_and_a_wrong_type_are_named) {
  write("a.parquet", {{"n", {Kind::int32}}, {"t", {Kind::text}}}, {R"({"n":1,"t":"a"})"});
  EXPECT_EQ(read("a.parquet", record_of({{"n", {Kind::int32}}, {"gone", {Kind::text}}})).fault, Fault::data);
  EXPECT_EQ(read("a.parquet", record_of({{"n", {Kind::int32}}, {"gone", {Kind::text}}})).error,
            "memory/a.parquet: it has no column gone; it has n, t");
  EXPECT_EQ(read("a.parquet", record_of({{"n", {Kind::int32}}, {"t", {Kind::date}}})).error,
            "memory/a.parquet: column t is text in the file, but date in the record");
  Record record = record_of({{"n", {Kind::int32}}});
  record.extra = Record::Extra::reject;
  EXPECT_EQ(read("a.parquet", record).error, "memory/a.parquet: it has a column that the record does not name: t");
}

TEST_F(ParquetTest, an_object_overwritten_in_the_middle_is_read_again_as_a_whole) {
  const Schema schema{{"n", {Kind::int32}}, {"t", {Kind::text}}};
  std::vector<std::string> bodies;  // that do not pack well, so that the file is fetched in several calls
  std::mt19937_64 random(7);
  for (int i = 0; i < 4000; ++i)
    bodies.push_back(R"({"n":1,"t":")" + std::to_string(random()) + std::to_string(random()) + "\"}");
  write("a.parquet", schema, bodies, {.row_group_rows = 2048}, 10);
  write("b.parquet", schema, {R"({"n":2,"t":"second"})"});
  std::vector<ObjectProof> proofs{objects::proof_of(store, store.facts("a.parquet"))};
  const auto parts = parquet->open_parts(store, {store.facts("a.parquet")}, record_of(schema), {.part_bytes = 1000});
  ASSERT_TRUE(parts->start({false}));
  Delivery part;
  ASSERT_TRUE(*parts->next(part));
  store.set("a.parquet", store.bytes("b.parquet"));
  Result<bool> more = true;
  while (more && *more) more = parts->next(part);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message, "memory/a.parquet: was overwritten while it was read");
  EXPECT_TRUE(more.error().retryable());
  ASSERT_TRUE(parts->look_again(proofs));
  EXPECT_EQ(proofs[0].version, store.facts("a.parquet").version);
  ASSERT_TRUE(parts->start({false}));
  ASSERT_TRUE(*parts->next(part));
  ASSERT_EQ(part.messages.size(), 1U);
  EXPECT_EQ(part.messages[0].body, R"("2","second")");
  EXPECT_FALSE(*parts->next(part));
}

}  // namespace
}  // namespace sluice::engine
