// The search itself: a mark that is planted in a place is found there, or all the other tests of it prove nothing.
#include <gtest/gtest-spi.h>

#include "canary_flow.hpp"

namespace sluice::faults {
namespace {

class canary_finds : public CanaryFlow {
 protected:
  // What fails while everything is searched.
  std::string found() {
    testing::TestPartResultArray results;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
      search_all();
    }
    std::string all;
    for (int i = 0; i < results.size(); ++i) all += results.GetTestPartResult(i).message() + std::string("\n");
    return all;
  }
  void expect_found(const std::string& place) {
    const std::string all = found();
    EXPECT_NE(all.find(place), std::string::npos) << "not found in " << place << ": " << all;
  }
};

TEST_F(canary_finds, a_mark_in_every_place_that_is_searched) {
  fill();
  fill_clear();
  EXPECT_EQ(run({"from_queue", "from_spool", "to_s3", "to_parquet", "to_files"}).code, 0);
  ASSERT_EQ(found(), "");
  const std::string value = std::string("'") + mark + "' || n";
  sql("create table planted as select " + value + " as x from generate_series(1, 9) n");
  expect_found("table public.planted");
  sql("drop table planted");
  EXPECT_NE(found().find("PostgreSQL's log"), std::string::npos) << "of the statement that planted it";
  vault("create table sluice.planted as select 'Zq7' || 'canary' as x");
  expect_found("table sluice.planted");
  in_duckdb(at("local.duckdb").c_str(),
            "create table planted as select repeat(" + value + ", 3) as x from range(5000) r(n)");
  expect_found("\"planted\"");
  in_duckdb(at("clear/bank.duckdb").c_str(), "create table planted as select " + value + " as x from range(5) r(n)");
  in_duckdb(at("local.duckdb").c_str(), "drop table planted");
  expect_found("\"planted\"");
  write("tmp/spilled", std::string(5000, '\0') + "977-31-55" + std::string(5000, '\0'));
  expect_found("tmp/spilled has");
  in_duckdb(nullptr, "copy (select " + value + " as x from range(5000) r(n)) to '" + at("out.parquet").string() +
                         "' (format parquet, compression zstd)");
  expect_found("out.parquet, unpacked has");
  in_duckdb(nullptr, "copy (select " + value + " as x from range(5000) r(n)) to '" + at("out.csv.gz").string() +
                         "' (format csv)");
  expect_found("out.csv.gz, unpacked has");
  store_->put("out/people.csv", "id,name\n1,WnE3Y2FuYXJ5\n");
  expect_found("object out/people.csv has");
  write("core.1", "");
  expect_found("core.1");
}

TEST(canary_finds_it, however_it_is_written) {
  for (const char* text : {
           "a Zq7canary b",
           "a zq7CANARY b",
           "ip=241.77.0.1",
           "mailto:zq7canary1%40example.org",
           "5a713763616e617279",
           "0x5A713763616E617279",
           "\\u005a\\u0071\\u0037\\u0063\\u0061\\u006e\\u0061\\u0072\\u0079",
           "2001%3Adb8%3A77c0%3A%3A1",
           "%2B99977312",
           // base64 of "Zq7canary", of it behind one byte and behind two, and of "xzq7canary1" for URLs
           "WnE3Y2FuYXJ5",
           "eFpxN2NhbmFyeQ==",
           "eHhacTdjYW5hcnk=",
           "eHpxN2NhbmFyeTE",
           "MjQxLjc3LjAuMQ==",
       })
    EXPECT_TRUE(mark_in(text)) << text;
  for (const char* text : {"", "canary", "241.7.7.0", "977-31-5", "k1.WnE3Y2F1YXJ5", "5a7137"})
    EXPECT_FALSE(mark_in(text)) << text;
}

}  // namespace
}  // namespace sluice::faults
