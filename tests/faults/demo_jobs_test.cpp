// `sluice demo shop` and `sluice demo loans`: on a folder and a DuckDB file, the same figures as another program's.
#include <gtest/gtest.h>

#include <regex>

#include "job_flow.hpp"

namespace sluice::faults {
namespace {

namespace fs = std::filesystem;

Files exported(const fs::path& folder) {
  Files files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".csv") files[entry.path().stem()] = text_of(entry.path());
  }
  return files;
}

support::Ended sluice(const fs::path& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), SLUICE_BINARY);
  return support::run({std::move(arguments), {}, folder});
}

// Without its connections, and the comments among them.
std::string beyond_connections(const std::string& text) {
  return std::regex_replace(text, std::regex("connections:\n(  .*\n)+"), "");
}

TEST(demo_jobs, shop_comes_out_as_another_program_works_it_out) {
  const support::TempFolder folder("demo_shop");
  const support::Ended ended = sluice(folder.path(), {"demo", "shop", "shop"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("No row and no byte has changed."), std::string::npos) << ended.out;
  const fs::path shop = folder.path() / "shop";
  const Files made = exported(shop / "bucket/analytics_export/johndoex1234");
  const std::string& first = made.at("agg_shipments");
  std::vector<std::string> arguments{"shop", shop / "bucket/orders_data", shop / "if_common", "2022-09-05"};
  for (std::size_t at = first.find('\n') + 1; at < first.size(); at = first.find('\n', at) + 1)
    arguments.push_back(first.substr(at, 10));
  EXPECT_EQ(arguments.size(), 6U) << "two days";
  EXPECT_EQ(made, expected(arguments, 3));
  EXPECT_EQ(sluice(shop, {"test", "shop.yaml"}).code, 0);
  for (const char* file : {"shop.yaml", "if_common.yaml"}) {
    EXPECT_EQ(beyond_connections(text_of(shop / file)),
              beyond_connections(text_of(fs::path(SLUICE_SOURCE_DIR "/examples/shop") / file)));
  }
}

TEST(demo_jobs, loans_come_out_as_another_program_works_them_out) {
  const support::TempFolder folder("demo_loans");
  const support::Ended ended = sluice(folder.path(), {"demo", "loans", "loans", "--users", "5000", "--seed", "7"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("No byte has changed."), std::string::npos) << ended.out;
  const fs::path loans = folder.path() / "loans";
  EXPECT_EQ(exported(loans / "bucket/loans"), expected({"loans", loans / "book", "2020-08-23"}, 2));
  for (const char* file : {"loans.yaml", "book.yaml"}) {
    EXPECT_EQ(beyond_connections(text_of(loans / file)),
              beyond_connections(text_of(fs::path(SLUICE_SOURCE_DIR "/examples/loans") / file)));
  }
}

TEST(demo_jobs, a_seed_always_makes_the_same_files) {
  const support::TempFolder folder("demo_seed");
  for (const char* name : {"a", "b"})
    ASSERT_EQ(sluice(folder.path(), {"demo", "loans", name, "--users", "500", "--seed", "3"}).code, 0);
  ASSERT_EQ(sluice(folder.path(), {"demo", "loans", "c", "--users", "500", "--seed", "4"}).code, 0);
  for (const char* name : {"user.csv", "loan.csv", "payment.csv"}) {
    EXPECT_EQ(text_of(folder.path() / "a/book" / name), text_of(folder.path() / "b/book" / name));
    EXPECT_NE(text_of(folder.path() / "a/book" / name), text_of(folder.path() / "c/book" / name));
  }
}

}  // namespace
}  // namespace sluice::faults
