// SQL over objects, by their names: what is read, how much of it, and what is refused.
#include "sluice/engine/object_files.hpp"

#include <gtest/gtest.h>

#include "sluice/engine/duck_database.hpp"
#include "sluice/objects/memory_store.hpp"

namespace sluice::engine {
namespace {

class ObjectFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    duckdb::DBConfig config;
    config.SetOptionByName("enable_external_file_cache", duckdb::Value::BOOLEAN(false));
    database = std::make_unique<duckdb::DuckDB>(nullptr, &config);
    std::vector<FileStore> stores(1);
    stores[0].connection = "lake";
    stores[0].store = store;
    database->GetFileSystem().RegisterSubSystem(duckdb::make_uniq<ObjectFiles>(std::move(stores)));
    connection = std::make_unique<duckdb::Connection>(*database);
    for (const char* lock : {ObjectFiles::allowed(), "set enable_external_access = false"})
      ASSERT_FALSE(connection->Query(lock)->HasError());
    store->on_read = [this](const std::string&, std::uint64_t) { ++reads; };
  }
  // Rows with | between columns, or the error.
  std::string ask(const std::string& sql) {
    const auto result = connection->Query(sql);
    if (result->HasError()) {
      const auto ours = ObjectFiles::error_of(result->GetErrorObject());
      return ours ? ours->text() : result->GetError();
    }
    std::string out;
    for (std::size_t row = 0; row < result->RowCount(); ++row) {
      for (std::size_t i = 0; i < result->ColumnCount(); ++i)
        out += (i == 0 ? "" : "|") + result->GetValue(i, row).ToString();
      out += '\n';
    }
    return out;
  }

  std::shared_ptr<objects::MemoryStore> store = std::make_shared<objects::MemoryStore>();
  std::unique_ptr<duckdb::DuckDB> database;
  std::unique_ptr<duckdb::Connection> connection;
  std::size_t reads = 0;
};

TEST_F(ObjectFilesTest, csv_and_json_are_read_by_name_and_by_glob) {
  store->set("in/a.csv", "n,t\n1,one\n2,two\n");
  store->set("in/b.csv", "n,t\n3,three\n");
  store->set("in/deep/c.csv", "n,t\n4,four\n");
  store->set("x y+z%2F.json", "{\"n\": 5}\n");
  EXPECT_EQ(ask("select * from read_csv('objects://lake/in/a.csv')"), "1|one\n2|two\n");
  EXPECT_EQ(ask("select sum(n) from read_csv('objects://lake/in/*.csv')"), "6\n");
  EXPECT_EQ(ask("select sum(n) from 'objects://lake/in/**.csv'"), "10\n");
  EXPECT_EQ(ask("select n from read_json('objects://lake/x y+z%2F.json')"), "5\n");
}

TEST_F(ObjectFilesTest, what_is_written_is_seen_when_it_is_whole) {
  EXPECT_EQ(ask("copy (select i, i::varchar as t from range(1000) r(i)) to 'objects://lake/out.parquet' "
                "(format parquet, use_tmp_file false)"),
            "1000\n");
  EXPECT_EQ(ask("select sum(i), count(t) from 'objects://lake/out.parquet'"), "499500|1000\n");
  EXPECT_NE(ask("copy (select error('stop') from range(9)) to 'objects://lake/never.csv' (use_tmp_file false)"), "");
  EXPECT_FALSE(store->objects().contains("never.csv"));
}

TEST_F(ObjectFilesTest, parquet_reads_the_columns_and_row_groups_it_needs_in_few_calls) {
  ask("copy (select i, hash(i) as a, hash(i + 1) as b, hash(i + 2) as c from range(500000) r(i)) to "
      "'objects://lake/big.parquet' (format parquet, row_group_size 50000, use_tmp_file false)");
  const std::size_t whole = store->bytes("big.parquet").size();
  reads = 0;
  EXPECT_EQ(ask("select count(b) from 'objects://lake/big.parquet' where i >= 490000"), "10000\n");
  EXPECT_LE(reads, 4U);
  EXPECT_GT(whole, 8'000'000U);
}

TEST_F(ObjectFilesTest, an_object_overwritten_in_the_middle_is_one_error) {
  ask("copy (select i, hash(i) as a from range(500000) r(i)) to 'objects://lake/big.parquet' "
      "(format parquet, row_group_size 50000, use_tmp_file false)");
  const std::string bytes = store->bytes("big.parquet");
  store->on_read = [&, calls = 0](const std::string& key, std::uint64_t) mutable {
    if (++calls == 3) store->set(key, bytes);
  };
  EXPECT_EQ(ask("select sum(a) from 'objects://lake/big.parquet'"), "memory/big.parquet was overwritten");
}

TEST_F(ObjectFilesTest, nothing_else_can_be_reached) {
  EXPECT_NE(ask("select * from read_text('/etc/hostname')").find("disabled"), std::string::npos);
  EXPECT_NE(ask("select * from read_csv('https://example.com/a.csv')").find("disabled"), std::string::npos);
  EXPECT_NE(ask("select * from read_text('objects://../../etc/hostname')").find("disabled"), std::string::npos);
  EXPECT_EQ(ask("select * from read_text('s3:/etc/hostname')"),
            "no object store of the project has s3:/etc/hostname; known are objects://lake/");
  EXPECT_EQ(ask("select * from read_csv('objects://sea/a.csv')"),
            "no object store of the project has objects://sea/a.csv; known are objects://lake/");
  EXPECT_EQ(ask("select * from read_csv('s3://bucket/a.csv')"),
            "no connection of the project has the bucket of s3://bucket/a.csv; add a connection: { s3: BUCKET }");
  EXPECT_EQ(ask("select * from read_csv('objects://lake/a.csv')"),
            "there is no object memory/a.csv; check bucket and key");
}

}  // namespace
}  // namespace sluice::engine
