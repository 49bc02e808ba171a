// Objects that the ledger lists, but that are not in the table: it was dropped, is another one, or was emptied.
#include <gtest/gtest.h>
#include <signal.h>

#include "load_flow.hpp"

namespace sluice::faults {
namespace {

using support::Ended;

LoadOptions into(const std::string& mode, const std::string& table = "orders") {
  LoadOptions options;
  options.mode = mode;
  options.table = table;
  return options;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
void loads(const LoadFlow& flow, int count, const std::string& says = "") {
  const Ended ended = flow.run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(has(ended.out, "objects: " + std::to_string(count) + " loaded")) << ended.out << ended.err;
  EXPECT_TRUE(has(ended.err, says)) << ended.err;
}

constexpr const char* made = "table made: its objects are loaded again";
constexpr const char* moved = "another table than before: all objects are loaded into it";
constexpr const char* emptied = "the table was emptied: its objects are loaded again";

class load_again : public testing::TestWithParam<const char*> {};

TEST_P(load_again, a_table_that_was_dropped_is_filled) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(into(GetParam()));
  flow.store().put("in/a.csv", orders_csv(1, 2, 5) + "x,bad,5,242.1.1.1\n");
  loads(flow, 1);
  flow.sql("drop table orders");
  loads(flow, 1, made);
  EXPECT_EQ(flow.rows(), "1|c1|5;2|c2|5");
  EXPECT_EQ(flow.ledger(), "1 1");  // the reject stands there once
  loads(flow, 0);
}

TEST_P(load_again, a_run_killed_after_it_made_the_table_is_made_good) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(into(GetParam()));
  flow.store().put("in/a.csv", orders_csv(1, 2, 5));
  loads(flow, 1);
  flow.sql("drop table orders");
  EXPECT_NE(flow.run({}, {{"SLUICE_CRASH_AT", "C1_rows_written"}}).code, 0);
  EXPECT_EQ(flow.rows(), "");
  loads(flow, 1);
  EXPECT_EQ(flow.rows(), "1|c1|5;2|c2|5");
}

TEST_P(load_again, another_table_gets_all_objects) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(into(GetParam()));
  flow.store().put("in/a.csv", orders_csv(1, 2, 5));
  loads(flow, 1);
  flow.configure(into(GetParam(), "orders_2"));
  loads(flow, 1, made);
  EXPECT_EQ(flow.sql("select count(*) from orders_2"), "2");
  // One that is there, too.
  flow.sql("create table orders_3 (like orders including all)");
  flow.configure(into(GetParam(), "orders_3"));
  loads(flow, 1, moved);
  EXPECT_EQ(flow.sql("select count(*) from orders_3"), "2");
  loads(flow, 0);
}

TEST_P(load_again, a_ledger_of_the_version_before_stands_for_the_table_it_has) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(into(GetParam()));
  flow.store().put("in/a.csv", orders_csv(1, 2, 5));
  loads(flow, 1);
  flow.sql(
      "drop table sluice.target; delete from sluice.version where number = 5; insert into sluice.version values (4)");
  loads(flow, 0);
  EXPECT_EQ(flow.sql("select name from sluice.target"), "public.orders");
}

INSTANTIATE_TEST_SUITE_P(modes, load_again, testing::Values("append", "replace", "merge"),
                         [](const auto& mode) { return std::string(mode.param); });

TEST(load_again_into, an_append_after_rows_of_unknown_origin_is_a_conflict_with_both_ways_out) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(into("append"));
  flow.store().put("in/a.csv", orders_csv(1, 2, 5));
  loads(flow, 1);
  flow.sql("alter table orders rename to renamed");
  flow.configure(into("append", "renamed"));
  const Ended refused = flow.run();
  EXPECT_EQ(refused.code, 2) << refused.err;
  EXPECT_TRUE(has(refused.err, "were appended to table \"public.orders\"; now it names \"public.renamed\""))
      << refused.err;
  EXPECT_TRUE(has(refused.err, "UPDATE \"sluice\".\"target\" SET name = E'public.renamed' WHERE flow = 1"))
      << refused.err;
  flow.sql("update sluice.target set name = 'public.renamed' where flow = 1");
  loads(flow, 0);
  EXPECT_EQ(flow.sql("select count(*) from renamed"), "2");
}

TEST(load_again_into, replace_fills_a_table_that_was_emptied_and_leaves_one_that_never_had_rows) {
  SLUICE_NEEDS_POSTGRES();
  LoadOptions options = into("replace");
  options.into_keys += ", min_rows: 0";
  LoadFlow flow(options);
  flow.store().put("in/a.csv", orders_csv(1, 2, 5));
  loads(flow, 1);
  flow.sql("truncate orders");
  loads(flow, 1, emptied);
  EXPECT_EQ(flow.rows(), "1|c1|5;2|c2|5");
  flow.store().put("in/a.csv", "order_id,customer,amount,ip\n");
  loads(flow, 1);
  EXPECT_EQ(flow.rows(), "");
  loads(flow, 0);
}

TEST(load_again_into, a_role_that_may_not_read_the_table_still_replaces_it) {
  SLUICE_NEEDS_POSTGRES();
  postgres().make_user("blind");
  LoadOptions options = into("replace");
  options.user = "blind";
  LoadFlow flow(options);
  flow.sql(
      "create table orders(order_id int primary key, customer text, amount int, ip text); grant insert, delete on "
      "orders "
      "to blind; create schema sluice authorization blind");
  flow.store().put("in/a.csv", orders_csv(1, 2, 5));
  loads(flow, 1);
  loads(flow, 0);
}

}  // namespace
}  // namespace sluice::faults
