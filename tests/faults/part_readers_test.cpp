// Tables read by several connections side by side: the rows of one moment, each once, in an order that does not depend
// on how many there are; and what is left when something happens in the middle.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class TableExport {
 public:
  TableExport() : folder_("part_readers") {
    static std::atomic<int> number{0};
    database_ = "part_readers" + std::to_string(++number);
    postgres().make_database(database_);
    fs::create_directory(folder_.path() / "out");
  }
  // Adds a flow: `from` as YAML; its object is NAME.csv.
  void flow(const std::string& name, const std::string& from, const std::string& into = "") {
    flows_ += "  " + name + ": { from: { " + from + " }, into: { objects: out, " +
              (into.empty() ? "key: " + name + ".csv" : into) + " } }\n";
    std::ofstream(folder_.path() / "p.yaml")
        << "name: parts\nconnections:\n  out: { files: out }\n  bank: { postgres: \"${DATABASE_URL}\" }\nflows:\n"
        << flows_;
  }
  std::string sql(const std::string& statements) const { return postgres().sql(statements, database_); }
  support::Command command(std::vector<std::string> arguments) const {
    support::Command command;
    command.arguments = {SLUICE_BINARY};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    command.folder = folder_.path();
    command.environment = {{"DATABASE_URL", postgres().url(database_)}};
    return command;
  }
  support::Ended run(std::vector<std::string> arguments = {"run", "p.yaml"}) const {
    return support::run(command(std::move(arguments)));
  }
  // Into the middle: the process stands still while `least` connections copy.
  std::unique_ptr<support::Process> stand_still(int least) const {
    auto process = std::make_unique<support::Process>(command({"run", "p.yaml"}));
    const std::string copying = copies("count(*)");
    const bool reached = wait_until([&] { return std::stoi(sql(copying)) >= least; });
    process->send_signal(SIGSTOP);
    EXPECT_TRUE(reached) << process->err();
    EXPECT_GE(std::stoi(sql(copying)), 1) << "too late: it has read all";
    return process;
  }
  std::string copies(const std::string& what) const {
    return "select " + what + " from pg_stat_activity where query like 'copy (%' and state = 'active' and datname = '" +
           database_ + "'";
  }
  bool alone() const {
    return wait_until([&] {
      return sql("select count(*) from pg_stat_activity where application_name like 'sluice%' and datname = '" +
                 database_ + "'") == "0";
    });
  }
  std::string object(const std::string& key) const {
    std::ifstream in(folder_.path() / "out" / key, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  bool is_there(const std::string& key) const { return fs::exists(folder_.path() / "out" / key); }

 private:
  support::TempFolder folder_;
  std::string database_;
  std::string flows_;
};

// How often the first column has each number: "1..N once", or what is wrong.
std::string numbers(const std::string& csv) {
  std::istringstream in(csv);
  std::string line;
  std::getline(in, line);
  std::set<int> seen;
  std::size_t rows = 0;
  for (; std::getline(in, line); ++rows) seen.insert(std::stoi(line));
  if (seen.size() != rows) return std::to_string(rows - seen.size()) + " rows twice";
  if (rows > 0 && (*seen.begin() != 1 || *seen.rbegin() != static_cast<int>(rows))) return "rows are missing";
  return "1.." + std::to_string(rows) + " once";
}

// More than the readers may hold in memory, so that they are at work for as long as the object is written.
constexpr const char* large =
    "create table t (n int, pad text); insert into t select n, repeat('x', 4000) from generate_series(1, 50000) n";

// By flow.
std::map<std::string, int> readers_in(const support::Ended& ended) {
  std::map<std::string, int> readers;
  const auto report = nlohmann::json::parse(ended.out);
  for (const auto& one : report.at("result").at("exports")) readers[one.at("flow")] = one.at("readers");
  return readers;
}

TEST(part_readers, give_the_rows_of_one_reader_in_its_order) {
  SLUICE_NEEDS_POSTGRES();
  TableExport project;
  project.sql(
      "create table t (n int, pad text) with (autovacuum_enabled = off);"
      "insert into t select n, repeat('x', n % 900) from generate_series(1, 20) n; analyze t;"
      "insert into t select n, repeat('x', n % 900) from generate_series(21, 20000) n;"
      "update t set pad = pad || 'y' where n % 3 = 0;"
      "create table p (n int, at date) partition by range (n);"
      "create table p_b partition of p for values from (1) to (5000);"
      "create table p_a (at date, extra int, n int); alter table p_a drop extra;"  // its columns lie in another order
      "alter table p attach partition p_a for values from (5000) to (9000);"
      "create table p_c partition of p for values from (9000) to (9001) partition by list (n);"
      "create table p_d partition of p default;"
      "insert into p select n, date '2024-01-01' + n % 7 from generate_series(1, 8999) n;"
      "create table parent (n int); create table child (more text) inherits (parent);"
      "create table grandchild () inherits (child, parent);"
      "insert into parent select generate_series(1, 1000); insert into child select n, 'x' from generate_series(1001, "
      "2000) n; insert into grandchild select n, 'x' from generate_series(2001, 3000) n;"
      "create table empty (n int)");
  for (const char* table : {"t", "p", "parent", "empty"}) {
    for (const char* readers : {"1", "2", "4", "7"}) {
      const std::string name = std::string(table) + readers;
      project.flow(name, std::string("table: bank.") + table + ", readers: " + readers);
    }
  }
  project.flow("automatic", "table: bank.t");
  project.flow("files", "table: bank.p, readers: 3", "prefix: files/, file_mb: 1");
  const support::Ended ended = project.run({"run", "p.yaml", "--json"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const std::pair<const char*, const char*> expected[] = {
      {"t", "1..20000 once"}, {"p", "1..8999 once"}, {"parent", "1..3000 once"}, {"empty", "1..0 once"}};
  for (const auto& [table, whole] : expected) {
    const std::string one = project.object(std::string(table) + "1.csv");
    EXPECT_EQ(numbers(one), whole);
    for (const char* readers : {"2", "4", "7"})
      EXPECT_EQ(project.object(std::string(table) + readers + ".csv") == one, true) << table << readers;
  }
  EXPECT_TRUE(project.object("automatic.csv") == project.object("t1.csv"));
  std::map<std::string, int> readers = readers_in(ended);
  EXPECT_EQ(readers["t1"], 1);
  EXPECT_EQ(readers["t4"], 4);
  EXPECT_EQ(readers["p4"], 4);
  EXPECT_EQ(readers["files"], 3);
  EXPECT_EQ(readers["automatic"], 1) << "it is small";
  EXPECT_EQ(readers["empty4"], 1);
  const std::string manifest = project.object("files/_manifest.json");
  ASSERT_EQ(project.run().code, 0);
  EXPECT_EQ(project.object("files/_manifest.json"), manifest) << "a rerun changes no byte";
}

TEST(part_readers, by_key_give_the_bytes_of_one_order_by) {
  SLUICE_NEEDS_POSTGRES();
  TableExport project;
  // NULL, duplicates, gaps, and rows that do not lie in the order of the key.
  project.sql(
      "create table t (k int, name text, n int, pad text);"
      "insert into t select case when n % 50 = 0 then null when n % 3 = 0 then 7 else (n * 7919) % 100003 end,"
      "  case when n % 11 = 0 then null else md5((n % 5000)::text) end, n, repeat('x', 100) from generate_series(1, "
      "20000) n;"
      "create index on t (k, n); create index on t (name);"
      "create table p (n int, k timestamptz) partition by hash (n);"
      "create table p0 partition of p for values with (modulus 2, remainder 0);"
      "create table p1 partition of p for values with (modulus 2, remainder 1);"
      "insert into p select n, timestamptz '2024-01-01' + (n * 7919 % 9973) * interval '1 minute' from "
      "generate_series(1, 9000) n; analyze");
  const std::tuple<const char*, const char*, const char*> orders[] = {
      {"number", "t", "k, n"}, {"text", "t", "name, n"}, {"time", "p", "k, n"}};
  for (const auto& [name, table, order] : orders) {
    const std::string from = std::string("table: bank.") + table + ", order_by: [" + order + "]";
    project.flow(std::string(name) + "_one", from + ", readers: 1");
    project.flow(std::string(name) + "_four", from + ", readers: 4");
    project.flow(std::string(name) + "_query",
                 std::string("database: bank, sql: \"select * from ") + table + " order by " + order + "\"");
  }
  const support::Ended ended = project.run({"run", "p.yaml", "--json"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  for (const auto& [name, table, order] : orders) {
    const std::string query = project.object(std::string(name) + "_query.csv");
    EXPECT_GT(query.size(), 100000U);
    EXPECT_TRUE(project.object(std::string(name) + "_one.csv") == query) << name;
    EXPECT_TRUE(project.object(std::string(name) + "_four.csv") == query) << name;
  }
  for (const auto& [flow, readers] : readers_in(ended)) EXPECT_EQ(readers, flow.ends_with("_four") ? 4 : 1) << flow;
}

TEST(part_readers, let_a_truncate_wait_until_all_is_read) {
  SLUICE_NEEDS_POSTGRES();
  TableExport project;
  project.sql(large);
  project.flow("rows", "table: bank.t, readers: 4");
  const auto process = project.stand_still(2);
  auto truncating = std::async(std::launch::async, [&] { project.sql("truncate t"); });
  const bool waits = wait_until([&] {
    return project.sql("select count(*) from pg_locks where mode = 'AccessExclusiveLock' and not granted") != "0";
  });
  process->send_signal(SIGCONT);
  const auto ended = process->wait(seconds(60));
  ASSERT_TRUE(ended) << "does not end";
  truncating.get();
  EXPECT_TRUE(waits);
  EXPECT_EQ(ended->code, 0) << ended->err;
  EXPECT_EQ(numbers(project.object("rows.csv")), "1..50000 once");
  EXPECT_NE(ended->out.find("read by 4 connections side by side"), std::string::npos) << ended->out;
  EXPECT_EQ(project.sql("select count(*) from t"), "0");
}

TEST(part_readers, see_one_moment_while_others_write) {
  SLUICE_NEEDS_POSTGRES();
  TableExport project;
  project.sql(
      "create table t (n serial, amount bigint, pad text);"
      "insert into t (amount, pad) select 100, repeat('x', 200) from generate_series(1, 30000)");
  project.flow("rows", "table: bank.t, readers: 4");
  std::atomic<bool> done{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    // Each transaction keeps the number of rows and the sum of amounts, and moves rows all over the file.
    for (int i = 1; !done; ++i) {
      const std::string n = std::to_string(i * 7919 % 30000);
      project.sql("begin; update t set amount = amount - 1 where n = " + n +
                  "; with gone as (delete from t where n = " + n +
                  " returning amount) insert into t (amount, pad) select amount, repeat('y', 200) from gone;"
                  "update t set amount = amount + 1 where n = (select max(n) from t); commit");
      ++written;
    }
  });
  for (int attempt = 0; attempt < 4; ++attempt) {
    const int before = written;
    const support::Ended ended = project.run();
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_GT(written, before) << "nobody wrote meanwhile";
    std::istringstream csv(project.object("rows.csv"));
    std::string line;
    std::getline(csv, line);
    std::set<int> seen;
    std::int64_t sum = 0;
    std::int64_t rows = 0;
    for (; std::getline(csv, line); ++rows) {
      seen.insert(std::stoi(line));
      sum += std::stoll(line.substr(line.find(',') + 1));
    }
    EXPECT_EQ(rows, 30000);
    EXPECT_EQ(seen.size(), 30000U);
    EXPECT_EQ(sum, 3000000);
  }
  done = true;
  writer.join();
}

TEST(part_readers, of_which_one_is_cut_off_publish_nothing) {
  SLUICE_NEEDS_POSTGRES();
  TableExport project;
  project.sql(large);
  project.flow("rows", "table: bank.t, readers: 3");
  const auto process = project.stand_still(2);
  project.sql(project.copies("pg_terminate_backend(pid)") + " limit 1");
  process->send_signal(SIGCONT);
  const auto ended = process->wait(seconds(60));
  ASSERT_TRUE(ended) << "does not end";
  EXPECT_EQ(ended->code, 3) << ended->err;
  EXPECT_FALSE(project.is_there("rows.csv"));
  EXPECT_TRUE(project.alone());
  const support::Ended again = project.run();
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(numbers(project.object("rows.csv")), "1..50000 once");
}

TEST(part_readers, that_are_stopped_publish_nothing_and_leave_no_connection) {
  SLUICE_NEEDS_POSTGRES();
  TableExport project;
  project.sql(large);
  project.flow("rows", "table: bank.t, readers: 3");
  const auto process = project.stand_still(2);
  process->send_signal(SIGTERM);
  process->send_signal(SIGCONT);
  const auto ended = process->wait(seconds(20));
  ASSERT_TRUE(ended) << "does not end";
  EXPECT_EQ(ended->code, 0) << ended->err;
  EXPECT_NE(ended->out.find("nothing of it was published"), std::string::npos) << ended->out;
  EXPECT_FALSE(project.is_there("rows.csv"));
  EXPECT_TRUE(project.alone());
}

TEST(part_readers, a_row_that_cannot_be_read_ends_all) {
  SLUICE_NEEDS_POSTGRES();
  TableExport project;
  project.sql(
      "create table t (n int, cost numeric(5,2)); insert into t select n, 1 from generate_series(1, 30000) n;"
      "update t set cost = 'NaN' where n = 20000");
  project.flow("rows", "table: bank.t, readers: 4");
  const support::Ended ended = project.run();
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_NE(ended.err.find("column \"cost\" holds a number that is none"), std::string::npos) << ended.err;
  EXPECT_FALSE(project.is_there("rows.csv"));
}

TEST(part_readers, infinity_is_a_text_and_in_parquet_an_error_that_leaves_the_other_exports) {
  SLUICE_NEEDS_POSTGRES();
  TableExport project;
  project.sql(
      "create table t (n int, at date, since timestamptz); insert into t select n, '2024-01-01', '2024-01-01 00:00+00' "
      "from generate_series(1, 200000) n; update t set at = 'infinity', since = '-infinity' where n = 2");
  project.flow("all", "table: bank.t, readers: 1", "key: a.parquet, format: parquet");
  project.flow("several", "table: bank.t, readers: 2", "key: b.parquet, format: parquet");
  project.flow("one", "database: bank, sql: \"select * from t where n < 3 order by n\"");
  project.flow("two", "database: bank, sql: \"select * from t where n = 2\"", "key: two.json, format: json");
  const support::Ended ended = project.run();
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_NE(ended.err.find("column \\\"at\\\" holds an infinite date, which Parquet does not know"), std::string::npos)
      << ended.err;
  EXPECT_FALSE(project.is_there("a.parquet"));
  EXPECT_FALSE(project.is_there("b.parquet"));
  EXPECT_EQ(project.object("one.csv"), "n,at,since\n1,2024-01-01,2024-01-01 00:00:00+00\n2,infinity,-infinity\n");
  EXPECT_EQ(project.object("two.json"), "{\"n\":2,\"at\":\"infinity\",\"since\":\"-infinity\"}\n");
}

TEST(part_readers, that_cannot_be_are_told_before_a_row_is_read) {
  SLUICE_NEEDS_POSTGRES();
  const std::pair<const char*, const char*> wrong[] = {
      {"table: bank.t, readers: 0", "'readers'"},
      {"table: bank.t, readers: 65", "'readers'"},
      {"table: bank.t, order_by: []", "'order_by' names no column"},
      {"table: bank.t, order_by: [nn]", "has no column \"nn\"; did you mean 'n'?"},
      {"table: bank.v, readers: 2", "one reader has to read \"v\""},
      {"database: bank, sql: select 1 as a, readers: 2", "'readers' is of a table, not of a query"},
      {"database: bank, sql: select 1 as a, order_by: a", "'order_by' is of a table, not of a query"}};
  for (const auto& [from, said] : wrong) {
    TableExport project;
    project.sql("create table t (n int); create view v as select n from t");
    project.flow("rows", from);
    const support::Ended ended = project.run({"validate", "p.yaml"});
    EXPECT_EQ(ended.code, 2) << from;
    EXPECT_NE(ended.err.find(said), std::string::npos) << ended.err;
  }
}

}  // namespace
}  // namespace sluice::faults
