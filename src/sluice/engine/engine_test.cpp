// Record and select as a flow uses them: bodies in, rows and rejects out.
#include <gtest/gtest.h>

#include <filesystem>

#include "sluice/core/words.hpp"
#include "sluice/engine/functions.hpp"
#include "sluice/engine/transform.hpp"
#include "sluice/objects/memory_store.hpp"

namespace sluice::engine {
namespace {

Record logins() {
  Record record;
  record.fields = {{.name = "user_id", .type = {Kind::text}, .max = 8},
                   {.name = "n", .type = {Kind::int32}, .nullable = true},
                   {.name = "tags", .type = {Kind::json}, .nullable = true, .default_text = "null"}};
  return record;
}

// Bodies one behind the other, with the bytes behind the last that the decoder may read.
struct Bodies {
  explicit Bodies(const std::vector<std::string>& bodies) {
    for (const std::string& body : bodies) text += body;
    text += std::string(64, ' ');
    std::size_t at = 0;
    for (const std::string& body : bodies) {
      Message message;
      message.body = std::string_view(text).substr(at, body.size());
      message.message_id = "id";
      message.attributes = "{}";
      delivery.messages.push_back(message);
      at += body.size();
    }
  }
  std::string text;
  Delivery delivery;
};

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Engine::open({.run_micros = 1'700'000'000'000'000});
    ASSERT_TRUE(opened) << opened.error().text();
    engine = std::move(*opened);
  }
  std::unique_ptr<Transform> open(const std::string& sql, const Record& record = logins()) {
    auto opened = open_transform(*engine, {record, sql, {"p.yaml", 10, 1}});
    EXPECT_TRUE(opened) << opened.error().text();
    return opened ? std::move(*opened) : nullptr;
  }
  std::string refusal(const std::string& sql) {
    auto opened = open_transform(*engine, {logins(), sql, {"p.yaml", 10, 1}});
    return opened ? "" : opened.error().text();
  }
  // One message, by its reject's reason, or "" where it became rows.
  std::string reason(const std::string& body, const Record& record = logins()) {
    const auto transform = open("", record);
    const Bodies bodies({body});
    const auto out = transform->apply(bodies.delivery);
    EXPECT_TRUE(out);
    return out->rejects.empty() ? "" : out->rejects[0].reason;
  }
  std::unique_ptr<Engine> engine;
};

TEST_F(EngineTest, each_row_knows_its_message) {
  const auto transform = open("select unnest([1, 2]) as u, user_id from input where n > 1");
  const Bodies bodies({R"({"user_id":"a","n":1})", R"({"user_id":"b","n":2})", R"({"user_id":"c","n":null})",
                       R"({"user_id":"d","n":9})"});
  const auto out = transform->apply(bodies.delivery);
  ASSERT_TRUE(out);
  ASSERT_EQ(out->batches.size(), 1U);
  const Batch& batch = out->batches[0];
  ASSERT_EQ(batch.rows, 4U);
  EXPECT_EQ(std::vector<std::uint32_t>(batch.origin, batch.origin + 4), (std::vector<std::uint32_t>{1, 1, 3, 3}));
  EXPECT_EQ(batch.vectors[1].at<Text>(2).view(), "d");
}

TEST_F(EngineTest, a_refused_row_is_one_reject_and_order_is_kept) {
  const auto transform = open("select user_id::int as id from input");
  std::vector<std::string> texts;
  for (int i = 0; i < 5000; ++i)
    texts.push_back(R"({"user_id":")" + (i % 1000 == 7 ? "bad" : std::to_string(i)) + R"(","n":null})");
  const Bodies bodies(texts);
  const auto out = transform->apply(bodies.delivery);
  ASSERT_TRUE(out);
  ASSERT_EQ(out->rejects.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(out->rejects[i].message, i * 1000 + 7);
    EXPECT_EQ(out->rejects[i].reason, "conversion_error");
    EXPECT_EQ(out->rejects[i].column, "id");
    EXPECT_EQ(out->rejects[i].text.find("bad"), std::string::npos);
  }
  std::int64_t last = -1;
  std::size_t rows = 0;
  for (const Batch& batch : out->batches) {
    for (std::size_t row = 0; row < batch.rows; ++row, ++rows) {
      EXPECT_GT(batch.vectors[0].at<std::int32_t>(row), last);
      last = batch.vectors[0].at<std::int32_t>(row);
      EXPECT_EQ(batch.origin[row], static_cast<std::uint32_t>(last));
    }
  }
  EXPECT_EQ(rows, 4995U);
}

TEST_F(EngineTest, a_refused_row_names_the_column_whose_expression_refuses_it) {
  const auto column = [this](const std::string& sql) {
    const auto transform = open(sql);
    const Bodies bodies({R"({"user_id":"7","n":1})", R"({"user_id":"bad","n":2})"});
    const auto out = transform->apply(bodies.delivery);
    EXPECT_TRUE(out && out->rejects.size() == 1) << sql;
    return out->rejects.empty() ? "none" : out->rejects[0].column;
  };
  EXPECT_EQ(column("select n, user_id::int as \"the id\", n + 1 as more from input;"), "the id");
  EXPECT_EQ(column("with a as (select *, user_id::int as i from input) select n, i from a"), "i");
  // Both decide how many rows there are, and so stand in every column.
  EXPECT_EQ(column("select unnest([1, user_id::int]) as u, n from input"), "");
  EXPECT_EQ(column("select n from input where user_id::int > 0"), "");
}

TEST_F(EngineTest, only_row_wise_selects_are_taken) {
  for (const char* sql :
       {"select count(*) from input", "select distinct n from input", "select n from input order by n",
        "select n from input limit 1", "select a.n from input a join input b using (n)",
        "select n from input union all select n from input", "select row_number() over () from input",
        "select (select max(n) from input) from input", "select 1", "select n from range(3) t(n)",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select n from r"}) {
    EXPECT_NE(refusal(sql).find("row-wise"), std::string::npos) << sql << ": " << refusal(sql);
  }
  for (const char* sql : {"select * from input", "with a as (select n from input) select n from a",
                          "select * exclude (n) from input", "select x.n from (select n from input) x where n > 1"}) {
    EXPECT_EQ(refusal(sql), "") << sql;
  }
}

TEST_F(EngineTest, a_wrong_select_names_its_line) {
  EXPECT_NE(refusal("select user_id,\n  nn\nfrom input").find("p.yaml:11:1: select: "), std::string::npos)
      << refusal("select user_id,\n  nn\nfrom input");
  EXPECT_NE(refusal("selekt 1").find("p.yaml:10:1"), std::string::npos);
  EXPECT_NE(refusal("select n from input; select 1").find("one SELECT"), std::string::npos);
  const std::string number = refusal("select mask_siv(n, 'x') from input");
  EXPECT_NE(number.find("a number is masked as its text: mask_siv(id::varchar, 'customer')"), std::string::npos)
      << number;
  EXPECT_NE(number.find("mask_siv(VARCHAR, VARCHAR)"), std::string::npos) << "what it takes: " << number;
  EXPECT_NE(refusal("select unmask(user_id) from input").find("`sluice unmask` does"), std::string::npos);
  EXPECT_NE(refusal("pivot input on user_id using max(n)").find("a PIVOT is one if it names its values"),
            std::string::npos);
  EXPECT_NE(refusal("select n, n from input").find("\"n\""), std::string::npos);
}

TEST_F(EngineTest, reaches_no_file_and_no_setting) {
  const std::string file = (std::filesystem::temp_directory_path() / "sluice-lock-down.csv").string();
  for (const std::string& sql :
       {std::string("select * from read_text('/etc/passwd')"), std::string("select * from '/etc/passwd'"),
        std::string("select * from glob('/*')"), "copy (select 1) to '" + file + "'", std::string("attach 'x.db'"),
        std::string("install httpfs"), std::string("load httpfs"), std::string("set threads = 4"),
        std::string("pragma version")}) {
    EXPECT_NE(refusal(sql), "") << sql;
  }
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(EngineTest, masks_need_a_keyring) {
  EXPECT_NE(refusal("select mask_siv(user_id, 'ip') as m from input").find("sluice keys init"), std::string::npos);
}

TEST_F(EngineTest, the_messages_own_columns_can_be_named_and_star_leaves_them_out) {
  const auto columns =
      plan_rows(*engine, {logins(), "select *, message_id, sent_at, receive_count, attributes from input", {}});
  ASSERT_TRUE(columns);
  EXPECT_EQ(columns->columns.size(), 7U);
  const auto star = plan_rows(*engine, {logins(), "select * from input", {}});
  ASSERT_TRUE(star);
  EXPECT_EQ(star->columns.size(), 3U);
}

TEST_F(EngineTest, every_way_to_break_the_contract_has_its_reason) {
  EXPECT_EQ(reason(R"({"user_id":"a","n":1})"), "");
  EXPECT_EQ(reason(R"( { "n" : 1 , "user_id" : "a\u0062" , "extra" : [ { "x" : -1.5e3 } ] } )"), "");
  EXPECT_EQ(reason(""), "empty_body");
  EXPECT_EQ(reason("{"), "not_json");
  EXPECT_EQ(reason("nonsense"), "not_json");
  EXPECT_EQ(reason("17"), "not_an_object");
  EXPECT_EQ(reason("[1]"), "not_an_object");
  EXPECT_EQ(reason(R"({"user_id":"a","n":1} x)"), "not_json");
  EXPECT_EQ(reason(R"({"user_id":"a","n":1,"x":tru})"), "not_json");
  EXPECT_EQ(reason(R"({"user_id":"a","n":1,"x":01})"), "not_json");
  EXPECT_EQ(reason("{\"user_id\":\"\xff\",\"n\":1}"), "not_utf8");
  EXPECT_EQ(reason(R"({"user_id":"\u0000","n":1})"), "nul_in_text");
  EXPECT_EQ(reason(R"({"user_id":"a","user_id":"b","n":1})"), "duplicate_key");
  EXPECT_EQ(reason(R"({"n":1})"), "missing_field");
  EXPECT_EQ(reason(R"({"user_id":"a"})"), "missing_field");
  EXPECT_EQ(reason(R"({"user_id":null,"n":1})"), "null_not_allowed");
  EXPECT_EQ(reason(R"({"user_id":1,"n":1})"), "wrong_type");
  EXPECT_EQ(reason(R"({"user_id":"a","n":"1"})"), "wrong_type");
  EXPECT_EQ(reason(R"({"user_id":"a","n":1.5})"), "wrong_type");
  EXPECT_EQ(reason(R"({"user_id":"a","n":2147483648})"), "out_of_range");
  EXPECT_EQ(reason(R"({"user_id":"a","n":)" + std::string(400, '7') + "}"), "out_of_range");
  EXPECT_EQ(reason(R"({"user_id":"123456789","n":1})"), "too_long");
  EXPECT_EQ(reason(R"({"user_id":"üüüüüüüü","n":1})"), "");
  EXPECT_EQ(reason(R"({"user_id":"a","n":1,"x":)" + std::string(100000, '[') + std::string(100000, ']') + "}"),
            "nested_too_deep");
  EXPECT_EQ(reason(std::string((1U << 20U) + 1, 'x')), "body_too_large");
}

TEST_F(EngineTest, rules_of_a_field_are_kept) {
  Record record;
  record.extra = Record::Extra::reject;
  record.fields = {{.name = "os", .type = {Kind::text}, .default_text = "\"ios\"", .one_of = {"ios", "android"}},
                   {.name = "code", .type = {Kind::text}, .pattern = "[a-z]+", .path = {"a", "code"}},
                   {.name = "price", .type = {Kind::decimal, 6, 2}, .path = {"a", "price"}}};
  EXPECT_EQ(reason(R"({"a":{"code":"x","price":12.50}})", record), "");
  EXPECT_EQ(reason(R"({"a":{"code":"x","price":"1250e-2"}})", record), "");
  EXPECT_EQ(reason(R"({"os":"beos","a":{"code":"x","price":1}})", record), "not_allowed_value");
  EXPECT_EQ(reason(R"({"a":{"code":"X","price":1}})", record), "pattern_mismatch");
  EXPECT_EQ(reason(R"({"a":{"code":"x","price":1.234}})", record), "out_of_range");
  EXPECT_EQ(reason(R"({"a":{"code":"x","price":10000}})", record), "out_of_range");
  EXPECT_EQ(reason(R"({"a":{"code":"x","price":1},"b":2})", record), "extra_field");
  EXPECT_EQ(reason(R"({"a":null})", record), "missing_field");
}

TEST(VersionInt, keeps_the_order_and_refuses_what_it_cannot_hold) {
  EXPECT_EQ(version_int("2.3.0"), 2003000);
  EXPECT_EQ(version_int("0.96"), 96000);
  EXPECT_EQ(version_int("0.9.6"), 9006);
  EXPECT_EQ(version_int("9.6"), 9006000);
  EXPECT_EQ(version_int("6.02"), 6002000);
  EXPECT_EQ(version_int("999.999.999"), 999999999);
  for (const char* wrong : {"", "a", "1.2.3.4", "1000.0", "1..2", "1.", ".1", "1.2.x", " 1.2", "-1.0"})
    EXPECT_FALSE(version_int(wrong)) << wrong;
}

// Joins with objects: each row that comes out still comes from one row of the input.
class LookupTest : public EngineTest {
 protected:
  void SetUp() override {
    store->set("names.csv", "id,name\n1,one\n2,two\n2,zwei\n3,three\n");
    FileStore files;
    files.connection = "lake";
    files.store = store;
    auto opened = Engine::open({.files = {files}});
    ASSERT_TRUE(opened) << opened.error().text();
    engine = std::move(*opened);
  }
  // By row: the user, and the message that it came from.
  std::string rows(const std::string& sql) {
    const auto transform = open(sql);
    if (!transform) return "";
    const Bodies bodies({R"({"user_id":"a","n":2})", R"({"user_id":"b","n":9})", R"({"user_id":"c","n":1})"});
    const auto out = transform->apply(bodies.delivery);
    if (!out) return out.error().message;
    std::string text;
    for (const Batch& batch : out->batches) {
      for (std::size_t row = 0; row < batch.rows; ++row)
        text += std::string(batch.vectors[0].at<Text>(row).view()) + std::to_string(batch.origin[row]) + " ";
    }
    return text;
  }
  std::shared_ptr<objects::MemoryStore> store = std::make_shared<objects::MemoryStore>();
};

TEST_F(LookupTest, rows_come_in_the_order_of_the_input) {
  EXPECT_EQ(rows("select user_id from input i join 'objects://lake/names.csv' l on l.id = i.n"), "a0 a0 c2 ");
  EXPECT_EQ(rows("select i.user_id from 'objects://lake/names.csv' l right join input i on l.id = i.n"),
            "a0 a0 b1 c2 ");
  EXPECT_EQ(rows("select user_id from input i left join 'objects://lake/names.csv' l on l.id = i.n where name is null"),
            "b1 ");
  EXPECT_EQ(rows("select user_id from input where n in (select id from 'objects://lake/names.csv')"), "a0 c2 ");
  EXPECT_EQ(rows("select user_id from input where n not in (select id from 'objects://lake/names.csv')"), "b1 ");
  EXPECT_EQ(rows("select user_id from input, (select max(id) as most from 'objects://lake/names.csv') where n > most"),
            "b1 ");
  EXPECT_EQ(rows("select user_id from input semi join 'objects://lake/names.csv' l on l.id > input.n"), "a0 c2 ");
}

TEST_F(LookupTest, a_sub_query_that_names_the_row_is_followed) {
  const std::string of_row =
      "from read_csv('objects://lake/names.csv', buffer_size = 100000, max_line_size = 10000) l where l.id = i.n)";
  EXPECT_EQ(rows("select user_id from input i where exists (select 1 " + of_row), "a0 c2 ");
  EXPECT_EQ(rows("select user_id from input i where not exists (select 1 " + of_row), "b1 ");
  EXPECT_EQ(rows("select user_id from input i where exists (select 1 from 'objects://lake/names.csv')"), "a0 b1 c2 ");
  EXPECT_EQ(rows("select (select max(name) " + of_row + " from input i where n < 9"), "zwei0 one2 ");
  EXPECT_EQ(rows("select user_id || coalesce((select count(*) " + of_row + ", 0) from input i"), "a20 b01 c12 ");
  EXPECT_EQ(rows("select x.name from input i, lateral (select name " + of_row.substr(0, of_row.size() - 1) +
                 " order by name limit 1) x"),
            "two0 one2 ");
}

TEST_F(LookupTest, rows_that_come_from_no_row_of_the_input_are_refused) {
  for (const char* sql : {"select l.name from 'objects://lake/names.csv' l left join input i on l.id = i.n",
                          "select l.name from input i full join 'objects://lake/names.csv' l on l.id = i.n",
                          "select l.name from 'objects://lake/names.csv' l",
                          "select name from 'objects://lake/names.csv' l "
                          "where id in (select n from input)",
                          "select a.n from input a join (select max(n) as n from input) b using (n)",
                          "select n from input a where exists (select 1 from input b where b.n = a.n + 1)",
                          "select l.name from 'objects://lake/names.csv' l "
                          "where exists (select 1 from input i where i.n = l.id)"}) {
    EXPECT_NE(refusal(sql).find("the select must be row-wise"), std::string::npos) << sql;
  }
}

TEST_F(LookupTest, an_object_that_cannot_be_read_is_no_reject) {
  store->set("bad.csv", "id,name\n1,secret-one\nsecret-two,y\n");
  const std::string sql =
      "select user_id from input i join read_csv('objects://lake/bad.csv', header = true, auto_detect = false, "
      "columns = {'id': 'int', 'name': 'text'}) l on l.id = i.n";
  EXPECT_EQ(rows(sql), "select: an object that it reads cannot be read the way it says");
}

TEST_F(LookupTest, objects_that_need_too_much_memory_are_told_so_with_the_way_out) {
  for (const char* key : {"c1.csv", "c2.csv", "c3.csv"}) store->set(key, "id,name\n2,two\n");
  std::string big = "id,name\n";
  for (int i = 0; i < 300'000; ++i) big += std::to_string(i) + "," + std::string(200, 'x') + "\n";
  store->set("big.csv", big);
  FileStore files;
  files.connection = "lake";
  files.store = store;
  engine = *Engine::open({.memory_max = 48U << 20U, .files = {files}});
  const std::string from = "select user_id from input i where exists (select 1 from read_csv('objects://lake/c*.csv'";
  EXPECT_EQ(
      refusal(from + ") l where l.id = i.n)"),
      "p.yaml:10:1: select: the objects that it reads need more memory than a select may take; "
      "a CSV takes 32 MiB while it is read: say `buffer_size = 1000000, max_line_size = 100000` in read_csv(...), "
      "or read fewer or smaller objects");
  EXPECT_EQ(rows(from + ", buffer_size = 1000000, max_line_size = 100000) l where l.id = i.n)"), "a0 ");
  EXPECT_EQ(rows("select user_id from input i join 'objects://lake/big.csv' l on l.id = i.n"),
            "select: the objects that it reads need more memory than a select may take");
}

TEST_F(LookupTest, planning_tells_nothing_that_stands_in_an_object) {
  store->set("bad.csv", "id,name\n" + std::string(60'000, '1') + "\nx,y\n");
  const std::string sniffed = refusal(
      "select user_id from input i join read_csv('objects://lake/bad.csv', columns = {'id': 'int', 'name': 'text'}) l "
      "on l.id = i.n");
  store->set("bad.csv", "secret-one,secret-two\n1,secret-three\n");
  EXPECT_EQ(sniffed,
            "p.yaml:10:1: select: an object that it reads cannot be read the way it says; "
            "read it by itself with another reader or other options");
  const std::string unknown =
      refusal("select user_id from input i join read_csv('objects://lake/bad.csv', header = true) l on l.secret = i.n");
  EXPECT_NE(unknown.find("secret"), std::string::npos) << unknown;
  EXPECT_EQ(unknown.find("secret-"), std::string::npos) << unknown;
}

TEST_F(LookupTest, an_object_overwritten_meanwhile_is_read_in_one_version) {
  const auto transform = open("select user_id from input i join 'objects://lake/names.csv' l on l.id = i.n");
  store->set("names.csv", "id,name\n1,another\n");
  const Bodies bodies({R"({"user_id":"a","n":2})"});
  const auto out = transform->apply(bodies.delivery);
  if (!out) {
    EXPECT_EQ(out.error().message, "select: memory/names.csv was overwritten");
  } else {
    ASSERT_EQ(out->batches.size(), 1U);
    EXPECT_EQ(out->batches[0].rows, 2U);
  }
}

TEST_F(LookupTest, what_an_object_gives_counts_as_personal) {
  const auto plan = plan_rows(*engine, {logins(),
                                        "select user_id, name from input i join 'objects://lake/names.csv' l "
                                        "on l.id = i.n",
                                        {"p.yaml", 10, 1}});
  ASSERT_TRUE(plan) << plan.error().text();
  const auto checked = check_personal(plan->lineage, "p.yaml:10:1: select");
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message.find("column \"name\""), std::string::npos);
  const auto revealed = plan_rows(*engine, {logins(),
                                            "select user_id, reveal(name, 'a public list') as name from input i "
                                            "join 'objects://lake/names.csv' l on l.id = i.n",
                                            {"p.yaml", 10, 1}});
  EXPECT_TRUE(check_personal(revealed->lineage, "p.yaml:10:1: select"));
}

}  // namespace
}  // namespace sluice::engine
