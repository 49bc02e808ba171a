// Objects into PostgreSQL: each version once, whole or not at all, whatever is killed, cut off or overwritten.
#include <duckdb.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>

#include "load_flow.hpp"
#include "support/crash_points.hpp"

namespace sluice::faults {
namespace {

using support::Ended;

LoadOptions in_mode(const std::string& mode) {
  LoadOptions options;
  options.mode = mode;
  return options;
}

void done(const Ended& ended) { EXPECT_EQ(ended.code, 0) << ended.err; }

TEST(load, appends_each_version_of_an_object_once) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow;
  flow.store().put("in/", "");  // a folder marker
  flow.store().put("in/a.csv", orders_csv(1, 2, 5));
  flow.store().put("in/deeper/b.csv", orders_csv(100, 2, 5));  // another level
  done(flow.run());
  EXPECT_EQ(flow.rows(), "1|c1|5;2|c2|5");
  flow.store().put("in/c.csv", orders_csv(3, 1, 7));
  done(flow.run());
  done(flow.run());
  EXPECT_EQ(flow.rows(), "1|c1|5;2|c2|5;3|c3|7");
  EXPECT_EQ(flow.ledger(), "2 0");
}

TEST(load, a_row_that_the_table_refuses_is_a_reject_with_its_line) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow;
  flow.sql("create table orders(order_id int primary key, customer text, amount int check (amount < 100), ip text)");
  std::string csv = orders_csv(1, 3000, 5);
  csv += "3001,x,100,242.1.1.1\n17,again,5,242.1.1.1\n3002,y,5,256.1.1.1\n3003,z,5,242.1.1.1\n";
  flow.store().put("in/a.csv", csv);
  done(flow.run());
  EXPECT_EQ(flow.sql("select count(*) from orders"), "3001");
  EXPECT_EQ(flow.sql("select string_agg(reason, ',' order by message) from sluice.reject"),
            "check_violation,unique_violation,invalid_ip");
  EXPECT_NE(flow.sql("select message from sluice.reject where reason = 'check_violation'")
                .find("s3://lake/in/a.csv line 3002"),
            std::string::npos);
  EXPECT_EQ(flow.sql("select count(*) from sluice.reject where message like '%242.%' or message like '%256.%'"), "0");
}

TEST(load, replace_shows_the_old_rows_or_the_new_ones_and_keeps_all_that_belongs_to_the_table) {
  SLUICE_NEEDS_POSTGRES();
  postgres().make_user("analyst");
  LoadFlow flow(in_mode("replace"));
  flow.store().put("in/a.csv", orders_csv(1, 3, 5));
  done(flow.run());
  flow.sql(
      "grant select on orders to analyst; create view big as select * from orders where amount > 1; "
      "create index orders_customer on orders(customer); comment on table orders is 'kept'");

  // An older snapshot stays open while the table is replaced.
  flow.sql("create table seen(before int, after int)");
  support::Process older({{"psql", "-X", "-q", "-d", postgres().url(flow.database()), "-c",
                           "begin isolation level repeatable read; select count(*) from orders; select pg_sleep(1.5); "
                           "insert into seen select (select sum(amount) from orders), (select count(*) from orders); "
                           "commit"},
                          {},
                          {}});
  ASSERT_TRUE(wait_until([&] {
    return flow.sql(
               "select count(*) from pg_stat_activity where query like 'begin isolation%' and wait_event = "
               "'PgSleep'") != "0";
  }));
  flow.store().put("in/a.csv", orders_csv(2, 4, 6));
  done(flow.run());
  EXPECT_EQ(flow.rows(), "2|c2|6;3|c3|6;4|c4|6;5|c5|6");
  ASSERT_TRUE(older.wait(std::chrono::seconds(10)));
  EXPECT_EQ(flow.sql("select before || ' ' || after from seen"), "15 3");
  EXPECT_EQ(flow.sql("select count(*) from big"), "4");
  EXPECT_EQ(flow.sql("select has_table_privilege('analyst', 'orders', 'select')"), "t");
  EXPECT_EQ(flow.sql("select obj_description('orders'::regclass)"), "kept");
  EXPECT_EQ(flow.sql("select count(*) from pg_indexes where tablename = 'orders'"), "2");
}

TEST(load, that_fails_leaves_the_table_as_it_was) {
  SLUICE_NEEDS_POSTGRES();
  for (const char* mode : {"append", "replace", "merge"}) {
    LoadFlow flow(in_mode(mode));
    flow.store().put("in/a.csv", orders_csv(1, 2, 5));
    done(flow.run());
    flow.store().put("in/a.csv", orders_csv(7, 20000, 6) + "1,\"never closed\n");
    const Ended ended = flow.run();
    EXPECT_EQ(ended.code, 4) << ended.err;
    EXPECT_NE(ended.err.find("s3://lake/in/a.csv: line 20002: a quote is opened and never closed"), std::string::npos)
        << ended.err;
    EXPECT_EQ(flow.rows(), "1|c1|5;2|c2|5") << mode;
    EXPECT_EQ(flow.ledger(), "1 0") << mode;
  }
}

TEST(load, merge_changes_what_differs_and_the_last_row_of_a_key_counts) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(in_mode("merge"));
  flow.store().put("in/1.csv", orders_csv(1, 3, 5));
  done(flow.run());
  const std::string untouched = flow.sql("select xmin from orders where order_id = 1");
  flow.store().put(
      "in/2.csv",
      "order_id,customer,amount,ip\n1,c1,5,242.1.0.1\n2,bob,6,242.1.0.2\n2,bert,7,242.1.0.2\n4,d,1,242.1.0.4\n");
  done(flow.run());
  EXPECT_EQ(flow.rows(), "1|c1|5;2|bert|7;3|c3|5;4|d|1");
  EXPECT_EQ(flow.sql("select xmin from orders where order_id = 1"), untouched);
}

TEST(load, merge_needs_a_unique_index_over_its_key) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(in_mode("merge"));
  flow.sql("create table orders(order_id int not null, customer text, amount int, ip text)");
  flow.store().put("in/a.csv", orders_csv(1, 1, 5));
  const Ended ended = flow.run();
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.err.find("there is no unique index over the key (order_id)"), std::string::npos) << ended.err;
}

TEST(load, an_object_that_is_overwritten_in_the_middle_arrives_in_its_new_version_alone) {
  SLUICE_NEEDS_POSTGRES();
  LoadOptions options = in_mode("append");
  options.server_arguments = {"--delay", "50"};
  LoadFlow flow(options);
  const std::string fresh = orders_csv(1, 700000, 6);
  flow.store().put("in/a.csv", orders_csv(1, 800000, 5));  // about 22 MB: several ranges
  const auto process = flow.start();
  ASSERT_TRUE(wait_until([&] { return flow.store().stats().bytes_out() > 0; })) << process->err();
  flow.store().put("in/a.csv", fresh);
  const auto ended = process->wait(std::chrono::seconds(60));
  ASSERT_TRUE(ended);
  done(*ended);
  EXPECT_EQ(flow.sql("select count(*) || ' ' || min(amount) || ' ' || max(amount) from orders"), "700000 6 6");
  EXPECT_EQ(flow.ledger(), "1 0");
}

TEST(load, two_at_once_load_each_object_once) {
  SLUICE_NEEDS_POSTGRES();
  for (const char* mode : {"append", "replace", "merge"}) {
    LoadOptions options = in_mode(mode);
    options.into_keys = std::string(mode) == "merge" ? ", key: order_id" : "";
    LoadFlow flow(options);
    for (int i = 0; i < 8; ++i) flow.store().put("in/" + std::to_string(i) + ".csv", orders_csv(i * 100000, 20000, 5));
    const auto one = flow.start();
    const auto other = flow.start();
    for (const auto* process : {&one, &other}) {
      const auto ended = (*process)->wait(std::chrono::seconds(60));
      ASSERT_TRUE(ended);
      done(*ended);
    }
    EXPECT_EQ(flow.sql("select count(*) || ' ' || count(distinct order_id) from orders"), "160000 160000") << mode;
    EXPECT_EQ(flow.ledger(), "8 0") << mode;
  }
}

TEST(load, many_small_objects_arrive_once_each) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow;
  for (int i = 0; i < 300; ++i) flow.store().put("in/" + std::to_string(i) + ".csv", orders_csv(i * 10, 10, 5));
  done(flow.run());
  EXPECT_EQ(flow.sql("select count(*) || ' ' || count(distinct order_id) from orders"), "3000 3000");
  EXPECT_EQ(flow.ledger(), "300 0");
}

TEST(load, goes_on_after_the_server_of_the_table_was_killed) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(in_mode("replace"));
  flow.store().put("in/a.csv", orders_csv(1, 10, 4));
  done(flow.run());
  flow.store().put("in/a.csv", orders_csv(1, 600000, 5));
  const auto process = flow.start();
  ASSERT_TRUE(wait_until([&] { return flow.sql("select count(*) from pg_stat_progress_copy") != "0"; }));
  postgres().kill();
  postgres().start_again();
  const auto ended = process->wait(std::chrono::seconds(90));
  ASSERT_TRUE(ended);
  done(*ended);
  EXPECT_EQ(flow.sql("select count(*) || ' ' || sum(amount) from orders"), "600000 3000000");
}

// What S3 answers now and then, or always -------------------------------------------------------------------

TEST(load, goes_on_after_errors_that_pass) {
  SLUICE_NEEDS_POSTGRES();
  for (const char* fault : {"slow_down", "500", "cut", "truncated", "flipped"}) {
    LoadFlow flow;
    flow.store().put("in/a.csv", orders_csv(1, 300000, 5));
    flow.store().fault(fault, "count=2&action=GetObject");
    done(flow.run());
    EXPECT_EQ(flow.sql("select count(*) from orders"), "300000") << fault;
  }
}

TEST(load, says_what_is_wrong_with_the_bucket) {
  SLUICE_NEEDS_POSTGRES();
  LoadOptions options;
  options.objects = "key: in/none.csv";
  LoadFlow flow(options);
  Ended ended = flow.run();
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_NE(ended.err.find("there is no object s3://lake/in/none.csv"), std::string::npos) << ended.err;
  flow.store().put("in/none.csv", orders_csv(1, 1, 1));
  flow.store().fault("403");
  ended = flow.run();
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
}

TEST(load, brings_a_ledger_of_the_version_before_forward) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow;
  flow.store().put("in/a.csv", orders_csv(1, 2, 5));
  done(flow.run());
  flow.sql("drop table sluice.chunk; drop table sluice.target; update sluice.version set number = 3");
  flow.store().put("in/b.csv", orders_csv(3, 1, 5));
  done(flow.run());
  EXPECT_EQ(flow.rows(), "1|c1|5;2|c2|5;3|c3|5");
  EXPECT_EQ(flow.sql("select max(number) || ' ' || (select count(*) from sluice.chunk) from sluice.version"), "5 0");
}

// Chunk by chunk ----------------------------------------------------------------------------------------------

#ifdef SLUICE_CRASH_POINTS
class load_chunks : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  static constexpr int rows = 800000;  // about 22 MB

  static LoadOptions options(const std::string& mode, const std::string& name = "a.csv", int megabytes = 1) {
    LoadOptions options = in_mode(mode);
    options.objects = "key: in/" + name;
    options.into_keys += ", chunk_mb: " + std::to_string(megabytes);  // a part is 4 MiB, and so is the least chunk
    return options;
  }
  static std::string counted(const LoadFlow& flow) {
    return flow.sql("select count(*) || ' ' || count(distinct order_id) || ' ' || sum(amount) from orders");
  }
  static std::string begun(const LoadFlow& flow) {
    return flow.sql("select count(*) || ' ' || coalesce(max(rows), 0) from sluice.chunk");
  }
};

TEST_P(load_chunks, an_object_whose_load_was_killed_goes_on_where_it_was) {
  SLUICE_NEEDS_POSTGRES();
  const auto& [mode, point] = GetParam();
  LoadFlow flow(options(mode));
  std::string csv = orders_csv(1, rows, 5);
  const std::size_t middle = csv.find('\n', csv.size() / 2) + 1;
  const auto line = std::count(csv.begin(), csv.begin() + static_cast<std::ptrdiff_t>(middle), '\n') + 1;
  csv.insert(middle, "wrong,row,1,1\n");
  flow.store().put("in/a.csv", csv);
  const Ended crashed = flow.run({}, {{"SLUICE_CRASH_AT", point}});
  EXPECT_EQ(crashed.signal, SIGKILL) << crashed.err;
  const int there = std::stoi(flow.sql("select count(*) from orders"));
  EXPECT_GT(there, 100000);
  EXPECT_LT(there, rows);
  const int refused = std::stoi(flow.sql("select count(*) from sluice.reject"));
  EXPECT_EQ(begun(flow), "1 " + std::to_string(there + refused));
  const std::uint64_t read = flow.store().stats().bytes_out();
  const Ended ended = flow.run();
  done(ended);
  EXPECT_NE(ended.err.find("an object is loaded on from where it ended"), std::string::npos) << ended.err;
  EXPECT_EQ(counted(flow), "800000 800000 4000000");
  EXPECT_EQ(flow.ledger(), "1 1");
  EXPECT_EQ(begun(flow), "0 0");
  EXPECT_NE(flow.sql("select message from sluice.reject").find("a.csv line " + std::to_string(line) + ":"),
            std::string::npos);
  EXPECT_GT(flow.store().stats().bytes_out(), read);
  done(flow.run());
  EXPECT_EQ(counted(flow), "800000 800000 4000000");
}

INSTANTIATE_TEST_SUITE_P(every, load_chunks,
                         testing::Combine(testing::Values("append", "merge"),
                                          testing::Values("C6_chunk_committed", "C6_chunk_committed:2",
                                                          "C2_commit_sent:3", "C1_in_transaction:3")),
                         [](const auto& one) {
                           std::string name = std::get<0>(one.param) + "_" + std::get<1>(one.param);
                           std::ranges::replace(name, ':', '_');
                           return name;
                         });

using load_chunk = load_chunks;

std::string parquet_of(const std::string& select) {
  const support::TempFolder folder("parquet");
  const std::string file = (folder.path() / "a.parquet").string();
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  EXPECT_EQ(duckdb_open(nullptr, &database), DuckDBSuccess);
  EXPECT_EQ(duckdb_connect(database, &connection), DuckDBSuccess);
  const std::string copy = "copy (" + select + ") to '" + file + "' (format parquet)";
  EXPECT_EQ(duckdb_query(connection, copy.c_str(), nullptr), DuckDBSuccess) << copy;
  duckdb_disconnect(&connection);
  duckdb_close(&database);
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(load_chunk, of_parquet_goes_on_where_it_was_killed) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(options("append", "a.parquet, format: parquet"));
  // Random texts, so that the object stays large when it is packed.
  flow.store().put(
      "in/a.parquet",
      parquet_of("select case when i = 290000 then 3000000000 else i::bigint end as order_id, "
                 "md5(i::varchar) as customer, 5 as amount, '242.1.2.3' as ip from range(1, 300001) r(i)"));
  int there = 0;
  for (const char* point : {"C6_chunk_committed", "C1_in_transaction:2", "C2_commit_sent:2"}) {
    const Ended crashed = flow.run({}, {{"SLUICE_CRASH_AT", point}});
    EXPECT_EQ(crashed.signal, SIGKILL) << crashed.err;
    const int now = std::stoi(flow.sql("select count(*) from orders"));
    EXPECT_GT(now, there) << point;
    EXPECT_LT(now, 300000) << point;
    EXPECT_EQ(begun(flow), "1 " + std::to_string(now)) << point;
    there = now;
  }
  const Ended ended = flow.run();
  done(ended);
  EXPECT_NE(ended.err.find("an object is loaded on from where it ended"), std::string::npos) << ended.err;
  EXPECT_EQ(counted(flow), "299999 299999 1499995");
  EXPECT_EQ(flow.ledger(), "1 1");
  EXPECT_EQ(begun(flow), "0 0");
  EXPECT_NE(flow.sql("select message from sluice.reject").find("a.parquet row 290000:"), std::string::npos);
}

TEST_F(load_chunk, of_an_object_that_was_overwritten_stays_and_is_told) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(options("append"));
  flow.store().put("in/a.csv", orders_csv(1, rows, 5));
  EXPECT_EQ(flow.run({}, {{"SLUICE_CRASH_AT", "C6_chunk_committed:2"}}).signal, SIGKILL);
  const std::string there = flow.sql("select count(*) from orders");
  flow.store().put("in/a.csv", orders_csv(2000000, rows, 6));
  const Ended ended = flow.run();
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_NE(ended.err.find("s3://lake/in/a.csv: the first " + there +
                           " rows of it are in the table, but it was overwritten before the others were loaded"),
            std::string::npos)
      << ended.err;
  EXPECT_EQ(flow.sql("select count(*) from orders"), there);
  // What the error says to do.
  const std::size_t from = ended.err.find("DELETE FROM");
  ASSERT_NE(from, std::string::npos) << ended.err;
  flow.sql("truncate orders; " + ended.err.substr(from, ended.err.find(", and run again") - from));
  done(flow.run());
  EXPECT_EQ(counted(flow), "800000 800000 4800000");
  EXPECT_EQ(flow.ledger(), "1 0");
}

// What the error of a doubtful object says to do.
void forget(const LoadFlow& flow, const Ended& ended) {
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_NE(ended.err.find("its bytes did not match its checksum, or could not be unpacked or read to the end"),
            std::string::npos)
      << ended.err;
  const std::size_t from = ended.err.find("DELETE FROM");
  ASSERT_NE(from, std::string::npos) << ended.err;
  flow.sql("truncate orders; " + ended.err.substr(from, ended.err.find(", and run again") - from));
}

// The checksum is known when all is read, and the first chunks are committed by then. With chunks of 6 MB rows are on
// their way to the server at that moment, with those of 1 MB they are not.
TEST_F(load_chunk, of_an_object_that_was_damaged_on_its_way_are_not_gone_on_with) {
  SLUICE_NEEDS_POSTGRES();
  for (const auto& [mode, megabytes] : {std::pair("append", 6), std::pair("merge", 6), std::pair("append", 1)}) {
    SCOPED_TRACE(mode + (" " + std::to_string(megabytes)));
    LoadFlow flow(options(mode, "a.csv", megabytes));
    flow.store().put("in/a.csv", orders_csv(1, rows, 5));
    flow.store().fault("flipped", "count=1&skip=1&action=GetObject");
    const Ended ended = flow.run();
    EXPECT_EQ(ended.code, 2) << ended.err;
    EXPECT_NE(flow.sql("select version from sluice.chunk").find("damaged "), std::string::npos);
    forget(flow, flow.run());
    done(flow.run());
    EXPECT_EQ(counted(flow), "800000 800000 4000000");
    EXPECT_EQ(begun(flow), "0 0");
  }
}

std::string gzipped(const std::string& text) {
  const support::TempFolder folder("gzip");
  const std::string file = (folder.path() / "a").string();
  std::ofstream(file, std::ios::binary) << text;
  Ended ended = support::run({{"gzip", "-cn", file}, {}, {}});
  EXPECT_EQ(ended.code, 0) << ended.err;
  return std::move(ended.out);
}

// What is wrong with it shows before its checksum does: the first of two gzip files in it is damaged at its end.
TEST_F(load_chunk, of_an_object_that_could_not_be_unpacked_to_the_end_are_not_gone_on_with) {
  SLUICE_NEEDS_POSTGRES();
  for (const std::string mode : {"append", "merge"}) {
    SCOPED_TRACE(mode);
    LoadFlow flow(options(mode, "a.csv.gz"));
    std::string first = gzipped(orders_csv(1, rows, 5));
    first[first.size() - 6] = static_cast<char>(first[first.size() - 6] ^ 1);
    flow.store().put("in/a.csv.gz", first + gzipped("1000000,c1000000,5\n"));
    const Ended ended = flow.run();
    EXPECT_EQ(ended.code, 4) << ended.err;
    EXPECT_NE(ended.err.find("is no gzip data, or it is damaged"), std::string::npos) << ended.err;
    EXPECT_NE(flow.sql("select version from sluice.chunk").find("damaged "), std::string::npos);
    forget(flow, flow.run());
  }
}

TEST_F(load_chunk, of_a_merge_gives_way_to_another_version) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(options("merge"));
  flow.store().put("in/a.csv", orders_csv(1, rows, 5));
  EXPECT_EQ(flow.run({}, {{"SLUICE_CRASH_AT", "C6_chunk_committed:2"}}).signal, SIGKILL);
  flow.store().put("in/a.csv", orders_csv(1, rows, 6));
  done(flow.run());
  EXPECT_EQ(counted(flow), "800000 800000 4800000");
  EXPECT_EQ(begun(flow), "0 0");
}

TEST_F(load_chunk, by_chunk_two_runs_at_once_load_it_once) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(options("append"));
  flow.store().put("in/a.csv", orders_csv(1, rows, 5));
  const auto one = flow.start();
  const auto other = flow.start();
  for (const auto* process : {&one, &other}) {
    const auto ended = (*process)->wait(std::chrono::seconds(90));
    ASSERT_TRUE(ended);
    done(*ended);
  }
  EXPECT_EQ(counted(flow), "800000 800000 4000000");
  EXPECT_EQ(flow.ledger(), "1 0");
}
#endif

// Killed at a named point -----------------------------------------------------------------------------------

using load_crash = testing::TestWithParam<std::tuple<std::string, std::string>>;

TEST_P(load_crash, and_run_again_is_as_if_nothing_had_happened) {
  SLUICE_NEEDS_POSTGRES();
  SLUICE_NEEDS_CRASH_POINTS();
  const auto& [mode, point] = GetParam();
  LoadFlow flow(in_mode(mode));
  flow.store().put("in/a.csv", orders_csv(1, 10, 5));
  done(flow.run());
  const std::string before = flow.rows();
  flow.store().put("in/a.csv", orders_csv(11, 250000, 6));  // several parts
  const Ended crashed = flow.run({}, {{"SLUICE_CRASH_AT", point}});
  EXPECT_EQ(crashed.signal, SIGKILL) << crashed.err;
  // A reply to COMMIT that never came may have been a yes.
  if (point.starts_with("C1")) {
    EXPECT_EQ(flow.rows(), before);
  }
  done(flow.run());
  done(flow.run());
  const std::string count = mode == "replace" ? "250000" : "250010";
  EXPECT_EQ(flow.sql("select count(*) || ' ' || count(distinct order_id) from orders"), count + " " + count);
  EXPECT_EQ(flow.ledger(), mode == "append" ? "2 0" : "1 0");
}

INSTANTIATE_TEST_SUITE_P(every, load_crash,
                         testing::Combine(testing::Values("append", "replace", "merge"),
                                          testing::Values("C1_in_transaction", "C1_rows_written", "C1_rows_written:2",
                                                          "C1_before_commit", "C2_commit_sent", "C3_committed")),
                         [](const testing::TestParamInfo<std::tuple<std::string, std::string>>& one) {
                           std::string name = std::get<0>(one.param) + "_" + std::get<1>(one.param);
                           std::ranges::replace(name, ':', '_');
                           return name;
                         });

}  // namespace
}  // namespace sluice::faults
