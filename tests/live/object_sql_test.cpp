// SQL and Parquet over S3: how many bytes and calls they take, counted at the server.
#include <gtest/gtest.h>

#include <random>

#include "sluice/aws/s3_store.hpp"
#include "sluice/engine/duck_database.hpp"
#include "sluice/engine/object_files.hpp"
#include "sluice/engine/parquet.hpp"
#include "support/object_server.hpp"

namespace sluice {
namespace {

constexpr const char* bucket = "sql-bucket";
constexpr std::size_t groups = 10;
constexpr std::size_t group_rows = 20'000;

class object_sql : public testing::Test {
 protected:
  void SetUp() override {
    server = support::ObjectServer::start(bucket);
    aws::S3Options options;
    options.connection = "lake";
    options.bucket = bucket;
    options.region = "us-east-1";
    options.endpoint = server->endpoint();
    options.own_endpoint = options.path_style = true;
    options.credentials.anonymous = true;
    options.retry_for = std::chrono::seconds(0);
    store = aws::make_s3_store(std::move(options), system_clock());
    duckdb::DBConfig config;
    config.SetOptionByName("enable_external_file_cache", duckdb::Value::BOOLEAN(false));
    database = std::make_unique<duckdb::DuckDB>(nullptr, &config);
    std::vector<engine::FileStore> stores(1);
    stores[0].connection = "lake";
    stores[0].on_s3 = true;
    stores[0].store = store;
    database->GetFileSystem().RegisterSubSystem(duckdb::make_uniq<engine::ObjectFiles>(std::move(stores)));
    connection = std::make_unique<duckdb::Connection>(*database);
    for (const char* lock : {engine::ObjectFiles::allowed(), "set enable_external_access = false"})
      ASSERT_FALSE(connection->Query(lock)->HasError());
  }

  // `n` grows; `a`, `b` and `c` hold what cannot be packed.
  void write(const std::string& key) {
    const auto schema = std::make_shared<const Schema>(
        Schema{{"n", {Kind::int64}}, {"a", {Kind::int64}}, {"b", {Kind::int64}}, {"c", {Kind::int64}}});
    auto parquet = *engine::Parquet::open();
    auto out = *store->open_writer(key, {});
    auto writer = *parquet->open_writer(schema, *out, {.row_group_rows = group_rows});
    std::mt19937_64 random(1);
    std::vector<std::vector<std::int64_t>> columns(4, std::vector<std::int64_t>(group_rows));
    for (std::size_t group = 0; group < groups; ++group) {
      Batch batch;
      batch.schema = schema;
      batch.rows = group_rows;
      for (std::size_t column = 0; column < 4; ++column) {
        for (std::size_t row = 0; row < group_rows; ++row) {
          columns[column][row] =
              column == 0 ? static_cast<std::int64_t>(group * group_rows + row) : static_cast<std::int64_t>(random());
        }
        batch.vectors.push_back({columns[column].data(), nullptr});
      }
      ASSERT_TRUE(writer->write(batch));
    }
    ASSERT_TRUE(writer->finish());
    const auto facts = out->finish();
    ASSERT_TRUE(facts) << facts.error().text();
    bytes = facts->bytes;
  }

  std::string ask(const std::string& sql) {
    const auto result = connection->Query(sql);
    if (result->HasError()) {
      const auto ours = engine::ObjectFiles::error_of(result->GetErrorObject());
      return ours ? ours->text() : result->GetError();
    }
    return result->GetValue(0, 0).ToString();
  }

  std::unique_ptr<support::ObjectServer> server;
  std::shared_ptr<ObjectStore> store;
  std::unique_ptr<duckdb::DuckDB> database;
  std::unique_ptr<duckdb::Connection> connection;
  std::uint64_t bytes = 0;
};

TEST_F(object_sql, parquet_fetches_the_columns_and_row_groups_it_needs) {
  write("a.parquet");
  ASSERT_GT(bytes, 4'800'000U);
  const auto before = server->stats();
  EXPECT_EQ(ask("select count(b) from 's3://sql-bucket/a.parquet' where n >= 180000"), "20000");
  const auto after = server->stats();
  // One column of one row group in ten is a thirtieth of the file; `n` and the footer are small.
  EXPECT_LT(after.bytes_out() - before.bytes_out(), bytes / 12);
  EXPECT_LE(after.called("GetObject") - before.called("GetObject"), 6U);
}

TEST_F(object_sql, rows_of_parquet_fetch_the_columns_of_the_record) {
  write("a.parquet");
  Record record;
  record.fields = {{.name = "b", .type = {Kind::int64}}};
  auto parquet = *engine::Parquet::open();
  const auto before = server->stats();
  const auto parts = parquet->open_parts(*store, {**store->head("a.parquet")}, record);
  ASSERT_TRUE(parts->start({false}));
  Delivery part;
  std::size_t rows = 0;
  while (*parts->next(part)) rows += part.messages.size();
  EXPECT_EQ(rows, groups * group_rows);
  const auto after = server->stats();
  EXPECT_LT(after.bytes_out() - before.bytes_out(), bytes / 2);
  EXPECT_LE(after.called("GetObject") - before.called("GetObject"), groups + 4);
}

TEST_F(object_sql, small_reads_of_csv_and_json_are_few_calls) {
  std::string csv = "n,t\n";
  for (int i = 0; i < 20'000; ++i) csv += std::to_string(i) + ",text\n";
  server->put("in/a.csv", csv);
  server->put("in/b.csv", "n,t\n1,one\n");
  server->put("in/c.json", "{\"n\": 5}\n");
  const auto before = server->stats();
  EXPECT_EQ(ask("select sum(n) from read_csv('s3://sql-bucket/in/*.csv')"), "199990001");
  EXPECT_EQ(ask("select n from read_json('objects://lake/in/c.json')"), "5");
  EXPECT_LE(server->stats().called("GetObject") - before.called("GetObject"), 12U);
}

TEST_F(object_sql, an_object_overwritten_between_two_ranges_is_one_error) {
  write("a.parquet");
  const auto listed = *store->head("a.parquet");
  server->put("a.parquet", server->get("a.parquet").substr(1) + "x");
  Record record;
  record.fields = {{.name = "b", .type = {Kind::int64}}};
  auto parquet = *engine::Parquet::open();
  const auto parts = parquet->open_parts(*store, {*listed}, record);
  ASSERT_TRUE(parts->start({false}));
  Delivery part;
  const auto more = parts->next(part);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message, "s3://sql-bucket/a.parquet: was overwritten while it was read");
}

TEST_F(object_sql, a_bucket_of_no_connection_is_named) {
  EXPECT_EQ(ask("select * from read_csv('s3://other-bucket/a.csv')"),
            "no connection of the project has the bucket of s3://other-bucket/a.csv; known are s3://sql-bucket/");
}

}  // namespace
}  // namespace sluice
