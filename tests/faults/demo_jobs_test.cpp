// `sluice demo`, `demo shop` and `demo loans`: on a folder and a DuckDB file, the same figures as another program's, by
// the projects of examples/; and examples/logins as it stands, on real servers.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>

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

TEST(demo_jobs, logins_are_the_example_but_for_its_connections) {
  const support::TempFolder folder("demo_logins");
  const support::Ended ended = sluice(folder.path(), {"demo", "logins"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("The table user_logins has 99 rows"), std::string::npos) << ended.out;
  const fs::path example = SLUICE_SOURCE_DIR "/examples/logins";
  const std::string written = text_of(folder.path() / "logins/logins.yaml");
  EXPECT_NE(written, text_of(example / "logins.yaml"));
  EXPECT_EQ(beyond_connections(written), beyond_connections(text_of(example / "logins.yaml")));
  EXPECT_EQ(text_of(folder.path() / "logins/user_logins.sql"), text_of(example / "user_logins.sql"));
}

TEST(demo_jobs, the_logins_example_runs_on_real_servers_as_it_stands) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  for (const char* file : {"logins.yaml", "user_logins.sql"}) {
    fs::copy_file(fs::path(SLUICE_SOURCE_DIR "/examples/logins") / file, flow.folder() / file,
                  fs::copy_options::overwrite_existing);
  }
  flow.send(login_messages(50));
  const support::Ended ended = flow.run({}, {{"QUEUE_URL", flow.queue().queue_url("login-queue")}});
  EXPECT_EQ(ended.code, 0) << ended.err;
  flow.verdict();
}

TEST(demo_jobs, options_of_the_logins_demo_are_refused_by_the_others) {
  const support::TempFolder folder("demo_options");
  for (const char* job : {"shop", "loans"}) {
    const support::Ended ended = sluice(folder.path(), {"demo", job, "made", "--postgres", "postgresql:///x"});
    EXPECT_EQ(ended.code, 2) << ended.out;
    EXPECT_NE(ended.err.find("--postgres is of `sluice demo` itself"), std::string::npos) << ended.err;
    EXPECT_FALSE(fs::exists(folder.path() / "made"));
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

// How many of a hundred lines that hold `wanted`.
double share(const std::string& csv, const std::regex& wanted) {
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  double all = 0;
  double found = 0;
  for (; std::getline(lines, line); ++all) found += std::regex_search(line, wanted) ? 1 : 0;
  return 100 * found / all;
}

TEST(demo_jobs, the_loan_book_has_the_traits_of_a_real_one) {
  const support::TempFolder folder("demo_traits");
  ASSERT_EQ(sluice(folder.path(), {"demo", "loans", "a", "--users", "20000"}).code, 0);
  const fs::path book = folder.path() / "a/book";
  const std::string loans = text_of(book / "loan.csv");
  EXPECT_NEAR(share(loans, std::regex(",application,")), 40, 1);
  EXPECT_NEAR(share(loans, std::regex(",paid,")), 40, 1);
  EXPECT_NEAR(share(loans, std::regex(",active,")), 10, 1);
  EXPECT_NEAR(share(loans, std::regex(",overdue,")), 10, 1);
  EXPECT_GT(share(loans, std::regex("^[0-9]+,20[0-9]{3},")), 0) << "clients that no user is";
  const std::string payments = text_of(book / "payment.csv");
  EXPECT_NEAR(share(payments, std::regex(",late,")), 6, 0.6);
  EXPECT_NEAR(share(payments, std::regex(",(2021-..-..|2020-(08-(2[4-9]|3.)|09-..|1.-..))$")), 16, 1);
  EXPECT_NEAR(share(loans, std::regex(",2020-0[678]-..,[0-9]+,")), 17, 5) << "the last 90 days are not empty";
}

TEST(demo_jobs, the_shop_files_have_the_traits_of_the_real_ones) {
  const support::TempFolder folder("demo_traits");
  ASSERT_EQ(sluice(folder.path(), {"demo", "shop", "a"}).code, 0);
  const fs::path data = folder.path() / "a/bucket/orders_data";
  const std::string orders = text_of(data / "orders.csv");
  EXPECT_EQ(std::ranges::count(orders, '\n'), 10000);
  EXPECT_NE(orders.back(), '\n');
  EXPECT_EQ(std::ranges::count(text_of(data / "reviews.csv"), '\n'), 7237);
  const std::string shipments = text_of(data / "shipment_deliveries.csv");
  EXPECT_NEAR(share(shipments, std::regex(",,$")), 67.6, 1.5);
  EXPECT_NEAR(share(shipments, std::regex("[0-9],$")), 10.5, 1);
}

}  // namespace
}  // namespace sluice::faults
