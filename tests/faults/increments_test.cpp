// Exports of what is new, as processes that are killed and repeated: each row stands in the files once.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

class GrowingExport {
 public:
  explicit GrowingExport(const std::string& more = "") : folder_("increments") {
    static std::atomic<int> number{0};
    database_ = "increments" + std::to_string(++number);
    postgres().make_database(database_);
    std::filesystem::create_directory(folder_.path() / "out");
    write(more);
  }
  void write(const std::string& more, const std::string& personal = "") const {
    std::ofstream(folder_.path() / "p.yaml") << R"(name: growing
connections:
  out: { files: out }
  bank: { postgres: "${DATABASE_URL}")" << personal
                                             << R"( }
flows:
  rows:
    from: { table: bank.t }
    into: { objects: out, prefix: rows/ }
    incremental: { cursor: id }
)" << more;
  }
  std::string sql(const std::string& statements) const { return postgres().sql(statements, database_); }
  support::Ended run(const std::string& crash_at = "", const std::string& what = "run") const {
    support::Command command;
    command.arguments = {SLUICE_BINARY, what, "p.yaml"};
    command.folder = folder_.path();
    command.environment = {{"DATABASE_URL", postgres().url(database_)}};
    if (!crash_at.empty()) command.environment["SLUICE_CRASH_AT"] = crash_at;
    return support::run(command);
  }
  std::size_t files() const {  // of rows
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "out/rows"))
      count += entry.path().extension() == ".csv" ? 1 : 0;
    return count;
  }
  // The first column of all files that the manifest lists, sorted as numbers: "1 2 3".
  std::string ids() const {
    std::ifstream in(folder_.path() / "out/rows/_manifest.json");
    const auto manifest = nlohmann::json::parse(in, nullptr, false);
    if (manifest.is_discarded()) return "no manifest";
    std::vector<int> found;
    for (const auto& object : manifest["objects"]) {
      std::ifstream file(folder_.path() / "out" / object["key"].get<std::string>());
      std::string line;
      std::getline(file, line);
      while (std::getline(file, line)) found.push_back(std::stoi(line));
    }
    std::ranges::sort(found);
    std::string out;
    for (const int id : found) out += (out.empty() ? "" : " ") + std::to_string(id);
    return out;
  }

 private:
  support::TempFolder folder_;
  std::string database_;
};

TEST(increments, each_row_once_whatever_is_killed) {
  SLUICE_NEEDS_POSTGRES();
  const GrowingExport project;
  project.sql("create table t (id serial, name text); insert into t (name) values ('a'), ('b')");
  const support::Ended first = project.run();
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(project.ids(), "1 2");
  EXPECT_EQ(project.run().code, 0);
  EXPECT_EQ(project.ids(), "1 2");
  project.sql("insert into t (name) values ('c')");
  EXPECT_EQ(project.run().code, 0);
  EXPECT_EQ(project.ids(), "1 2 3");
#ifdef SLUICE_CRASH_POINTS
  project.sql("insert into t (name) values ('d')");
  EXPECT_EQ(project.run("B3_files_up").signal, SIGKILL);
  EXPECT_EQ(project.ids(), "1 2 3");
  project.sql("insert into t (name) values ('e')");
  EXPECT_EQ(project.run("B4_manifest_sent").signal, SIGKILL);
  EXPECT_EQ(project.ids(), "1 2 3 4 5");
  project.sql("insert into t (name) values ('f')");
  EXPECT_EQ(project.run().code, 0);
  EXPECT_EQ(project.ids(), "1 2 3 4 5 6");
#endif
}

// The select leaves out all that tells rows apart, so that each increment has the same bytes.
TEST(increments, of_equal_rows_are_counted_by_manifest_and_by_folder) {
  SLUICE_NEEDS_POSTGRES();
  const GrowingExport project("    select: select amount from input\n");
  project.sql("create table t (id serial, amount int)");
  for (int run = 0; run < 3; ++run) {
    project.sql("insert into t (amount) values (5), (7)");
    const support::Ended ended = project.run();
    ASSERT_EQ(ended.code, 0) << ended.err;
  }
  EXPECT_EQ(project.ids(), "5 5 5 7 7 7");
  EXPECT_EQ(project.files(), 3U);
#ifdef SLUICE_CRASH_POINTS
  project.sql("insert into t (amount) values (5), (7)");
  EXPECT_EQ(project.run("B3_files_up").signal, SIGKILL);
  EXPECT_EQ(project.run().code, 0);
  EXPECT_EQ(project.ids(), "5 5 5 5 7 7 7 7");
  EXPECT_EQ(project.files(), 4U);
#endif
}

TEST(increments, what_does_not_fit_the_files_is_refused_and_they_stay) {
  SLUICE_NEEDS_POSTGRES();
  const GrowingExport project;
  project.sql("create table t (id serial, name text); insert into t (name) values ('a')");
  ASSERT_EQ(project.run().code, 0);
  project.sql("insert into t (name) values ('b'); alter table t add column more int");
  support::Ended ended = project.run();
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.err.find("other columns"), std::string::npos) << ended.err;
  EXPECT_EQ(project.ids(), "1");
  project.sql("alter table t drop column more");
  EXPECT_EQ(project.run().code, 0);
  EXPECT_EQ(project.ids(), "1 2");

  project.write("    select: select name from input\n", ", personal: { t: [id] }");
  ended = project.run("", "validate");
  EXPECT_EQ(ended.code, 2) << "the cursor stands in the manifest";
  EXPECT_NE(ended.err.find("id"), std::string::npos) << ended.err;
  ended = project.run();
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_EQ(project.ids(), "1 2");
}

}  // namespace
}  // namespace sluice::faults
