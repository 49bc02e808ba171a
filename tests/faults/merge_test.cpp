// Objects merged into PostgreSQL: in the order of their keys, again when an earlier version comes back, and without the
// rows that the table alone refuses.
#include <gtest/gtest.h>

#include "load_flow.hpp"

namespace sluice::faults {
namespace {

using support::Ended;

LoadOptions merging() {
  LoadOptions options;
  options.mode = "merge";
  return options;
}

void done(const Ended& ended) { EXPECT_EQ(ended.code, 0) << ended.err; }

TEST(merge, of_rows_with_one_key_in_several_objects_the_last_object_counts) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(merging());
  flow.store().put("in/monday.csv", orders_csv(1, 400000, 1));
  flow.store().put("in/tuesday.csv", orders_csv(1, 100, 2));
  done(flow.run());
  EXPECT_EQ(flow.sql("select count(*) || ' ' || sum(amount) from orders where order_id <= 100"), "100 200");
  EXPECT_EQ(flow.sql("select count(*) from orders"), "400000");
}

TEST(merge, takes_an_object_that_is_put_back_to_an_earlier_version) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(merging());
  for (const int amount : {5, 6, 5, 6}) {
    flow.store().put("in/a.csv", orders_csv(1, 2, amount));
    done(flow.run());
    done(flow.run());
    EXPECT_EQ(flow.sql("select sum(amount) from orders"), std::to_string(2 * amount));
    EXPECT_EQ(flow.ledger(), "1 0");
  }
}

TEST(merge, a_row_that_the_table_alone_refuses_is_a_reject) {
  SLUICE_NEEDS_POSTGRES();
  for (const char* when : {"", " deferrable initially deferred"}) {
    SCOPED_TRACE(when);
    LoadFlow flow(merging());
    flow.sql(
        "create table buyer(name text primary key); insert into buyer select 'c' || i from generate_series(1, 9) i; "
        "create table orders(order_id int primary key, customer text references buyer" +
        std::string(when) + ", amount int unique, ip text)");
    flow.store().put("in/a.csv",
                     "order_id,customer,amount,ip\n1,c1,1,242.1.0.1\n2,c2,1,242.1.0.2\n3,nobody,3,242.1.0.3\n"
                     "4,c4,4,242.1.0.4\n1,c9,9,242.1.0.1\n");
    done(flow.run());
    EXPECT_EQ(flow.rows(), "1|c9|9;4|c4|4");
    EXPECT_EQ(flow.sql("select string_agg(reason, ' ' order by message) from sluice.reject"),
              "unique_violation foreign_key_violation");
  }
}

TEST(merge, compares_what_has_no_equality_by_its_text) {
  SLUICE_NEEDS_POSTGRES();
  LoadFlow flow(merging());
  flow.sql("create table orders(order_id int primary key, customer json, amount int, ip text)");
  const auto csv = [](const std::string& customer) {
    return "order_id,customer,amount,ip\n1,\"{\"\"name\"\":\"\"" + customer + "\"\"}\",1,242.1.0.1\n";
  };
  for (const char* customer : {"ann", "bob"}) {
    flow.store().put("in/a.csv", csv(customer));
    done(flow.run());
    EXPECT_EQ(flow.sql("select customer ->> 'name' from orders"), customer);
  }
}

}  // namespace
}  // namespace sluice::faults
