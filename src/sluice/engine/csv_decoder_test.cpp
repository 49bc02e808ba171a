// Rows of CSV under a record: which field is which column, what a text becomes, and why a row is refused.
#include <gtest/gtest.h>

#include "sluice/engine/decoder.hpp"
#include "sluice/objects/object_rows.hpp"

namespace sluice::engine {
namespace {

using objects::CsvDialect;

Record orders() {
  Record record;
  record.fields = {{.name = "order_id", .type = {Kind::int32}},
                   {.name = "note", .type = {Kind::text}, .nullable = true, .max = 8},
                   {.name = "day", .type = {Kind::date}, .nullable = true},
                   {.name = "paid", .type = {Kind::boolean}, .nullable = true}};
  return record;
}

struct Decoded {
  std::unique_ptr<Input> input;
  std::vector<std::string> texts;
  std::vector<std::string> rejects;  // "ROW REASON COLUMN"
  std::string error;
};

class Csv : public testing::Test {
 protected:
  Decoded decode(const std::string& header, const std::vector<std::string>& rows) {
    Decoded out;
    auto decoder = open_csv_decoder(record, dialect);
    if (!decoder) {
      out.error = decoder.error().text();
      return out;
    }
    const std::string attributes = objects::pack_origin({"lake/x.csv", header}, "v1");
    Delivery delivery;
    for (const std::string& row : rows) {
      out.texts.push_back(row + std::string(64, ' '));
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Message message;
      message.body = std::string_view(out.texts[i]).substr(0, rows[i].size());
      message.attributes = attributes;
      delivery.messages.push_back(message);
    }
    out.input = std::make_unique<Input>(record);
    std::vector<Reject> rejects;
    const Result<void> done = (*decoder)->decode(delivery, *out.input, rejects);
    if (!done) out.error = done.error().text();
    for (const Reject& reject : rejects) {
      out.rejects.push_back(std::to_string(reject.message) + " " + reject.reason +
                            (reject.column.empty() ? "" : " " + reject.column));
    }
    return out;
  }
  std::string reason(const std::string& row) {
    const Decoded out = decode("order_id,note,day,paid", {row});
    return out.error + (out.rejects.empty() ? "" : out.rejects[0]);
  }

  Record record = orders();
  CsvDialect dialect;
};

TEST_F(Csv, columns_stand_where_the_header_says) {
  const Decoded out = decode("paid,extra,day,order_id,note", {"t,x,2022-09-05,7,abc", "false,,2022-09-06,8,"});
  ASSERT_TRUE(out.rejects.empty()) << out.rejects[0];
  const std::vector<Vector> vectors = out.input->view().vectors;
  EXPECT_EQ(vectors[0].at<std::int32_t>(1), 8);
  EXPECT_EQ(vectors[1].at<Text>(0).view(), "abc");
  EXPECT_TRUE(vectors[1].is_null(1));
  EXPECT_EQ(vectors[2].at<std::int32_t>(0), 19240);
  EXPECT_EQ(vectors[3].at<std::uint8_t>(0), 1);
  EXPECT_EQ(vectors[3].at<std::uint8_t>(1), 0);
}

TEST_F(Csv, a_quoted_field_is_a_text_even_where_it_is_empty) {
  const Decoded out = decode("order_id,note,day,paid", {R"(1,"",,)", R"(2,"a,""b""",,)"});
  ASSERT_TRUE(out.rejects.empty());
  const std::vector<Vector> vectors = out.input->view().vectors;
  EXPECT_FALSE(vectors[1].is_null(0));
  EXPECT_EQ(vectors[1].at<Text>(0).view(), "");
  EXPECT_EQ(vectors[1].at<Text>(1).view(), R"(a,"b")");
}

TEST_F(Csv, rows_that_break_the_contract_are_rejects_and_the_others_go_on) {
  const Decoded out = decode("order_id,note,day,paid", {"1,a,,", "x,a,,", "2,a,2022-02-30,", "3,123456789,,", "4,,,yes",
                                                        ",a,,", "99999999999,a,,", "5,b,,"});
  EXPECT_EQ(out.rejects, (std::vector<std::string>{"1 malformed_value order_id", "2 out_of_range day",
                                                   "3 too_long note", "4 malformed_value paid",
                                                   "5 null_not_allowed order_id", "6 out_of_range order_id"}));
  EXPECT_EQ(out.input->rows(), 2U);
  EXPECT_EQ(out.input->origin(), (std::vector<std::uint32_t>{0, 7}));
}

TEST_F(Csv, rows_of_another_width_or_with_torn_quotes_are_rejects) {
  EXPECT_EQ(reason("1,a,"), "0 ragged_row");
  EXPECT_EQ(reason("1,a,,,"), "0 ragged_row");
  EXPECT_EQ(reason("1,\"a\"b,,"), "0 bad_quotes");
  EXPECT_EQ(reason("1,a\xff,,"), "0 not_utf8");
  EXPECT_EQ(reason(std::string("1,a\0b,,", 7)), "0 nul_in_text note");
  EXPECT_EQ(reason("1," + std::string((1U << 20U) + 1, 'x') + ",,"), "0 body_too_large");
}

TEST_F(Csv, another_dialect_reads_another_text) {
  dialect.delimiter = '\t';
  dialect.quote = '\0';
  dialect.null_text = "\\N";
  const Decoded out = decode("order_id\tnote\tday\tpaid", {"1\t\"a\"\t\\N\t\\N", "2\t\t\\N\t0"});
  ASSERT_TRUE(out.rejects.empty()) << out.rejects[0];
  EXPECT_EQ(out.input->view().vectors[1].at<Text>(0).view(), "\"a\"");
  EXPECT_EQ(out.input->view().vectors[1].at<Text>(1).view(), "");
}

TEST_F(Csv, without_a_header_the_records_order_counts) {
  dialect.header = false;
  const Decoded out = decode("", {"1,a,,"});
  ASSERT_TRUE(out.rejects.empty());
  EXPECT_EQ(out.input->view().vectors[0].at<std::int32_t>(0), 1);
}

TEST_F(Csv, a_missing_column_takes_its_default_and_is_an_error_without_one) {
  record.fields[1].default_text = "\"none\"";
  record.fields[2].default_text = "null";
  const Decoded out = decode("order_id,paid", {"1,1"});
  ASSERT_TRUE(out.rejects.empty() && out.error.empty()) << out.error;
  EXPECT_EQ(out.input->view().vectors[1].at<Text>(0).view(), "none");
  EXPECT_TRUE(out.input->view().vectors[2].is_null(0));
  EXPECT_NE(decode("order_id,note", {"1,a"}).error.find("the header has no column paid; it has 2 columns"),
            std::string::npos);
  EXPECT_NE(decode("order_id,paid,paid", {"1,1,1"}).error.find("column paid twice"), std::string::npos);
}

// Where the header is missing, these are the cells of a row.
TEST_F(Csv, names_of_a_header_are_told_only_where_one_is_near_to_a_column) {
  const auto error = [this](const std::string& header) { return decode(header, {"x"}).error; };
  EXPECT_NE(error("order_no,note,day,paid").find("no column order_id; it has 4 columns, among them order_no"),
            std::string::npos)
      << error("order_no,note,day,paid");
  EXPECT_NE(error("Order ID,note,Day,paid").find("no column order_id, day; it has 4 columns, among them Order ID, Day"),
            std::string::npos)
      << error("Order ID,note,Day,paid");
  const std::string none = error("7,Noel,1984-05-17,said");
  EXPECT_NE(none.find("it has 4 columns"), std::string::npos) << none;
  for (const char* cell : {"7", "Noel", "1984", "said"}) EXPECT_EQ(none.find(cell), std::string::npos) << none;
  for (RecordField& field : record.fields) field.default_text = "null";
  record.extra = Record::Extra::reject;
  EXPECT_EQ(error("Noel,1984-05-17").find("Noel"), std::string::npos);
}

TEST_F(Csv, an_extra_column_is_an_error_only_where_the_record_says_so) {
  record.extra = Record::Extra::reject;
  EXPECT_NE(decode("order_id,note,day,paid,more", {"1,a,,,x"}).error.find("does not name: more"), std::string::npos);
}

TEST_F(Csv, a_path_names_the_column_but_not_several) {
  record.fields[0].path = {"Order No."};
  EXPECT_EQ(decode("Order No.,note,day,paid", {"1,a,,"}).input->rows(), 1U);
  record.fields[0].path = {"a", "b"};
  EXPECT_NE(decode("b", {}).error.find("a path of several names is for JSON"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
