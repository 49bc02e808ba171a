// The shop whole: once a day a row in each table, and nothing from a run that went wrong.
#include <gtest/gtest.h>

#include "job_flow.hpp"

namespace sluice::faults {
namespace {

TEST(shop_job, hands_out_what_another_program_works_out_once_a_day) {
  SLUICE_NEEDS_POSTGRES();
  ShopJob shop;
  support::Ended ended = shop.run("2022-09-05");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(shop.objects(), shop.expected_objects({"2022-09-05"}));
  const Files objects = shop.objects();
  const std::string tables = shop.tables();

  ended = shop.run("2022-09-05");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(shop.tables(), tables) << "no row is written again";
  EXPECT_EQ(shop.objects(), objects);

  ended = shop.run("2022-09-06");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(shop.row_counts(), "2 2 2 ");
  EXPECT_TRUE(shop.tables().starts_with(tables.substr(0, tables.find('\n')))) << "yesterday's row stays as it is";
  EXPECT_EQ(shop.objects(), shop.expected_objects({"2022-09-05", "2022-09-06"}));

  EXPECT_EQ(
      shop.sql("select string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position) from "
               "information_schema.columns where table_schema = 'johndoex1234_staging' and table_name = 'orders'"),
      "order_id integer, customer_id integer, order_date date, product_id integer, unit_price integer, quantity "
      "integer, amount integer");
  EXPECT_EQ(shop.sql("select count(*) from information_schema.columns where table_schema = 'johndoex1234_analytics' "
                     "and is_nullable = 'YES'"),
            "0");
  EXPECT_EQ(shop.sql("select string_agg(distinct a.attname, ',') || ' ' || count(*) from pg_index i "
                     "join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) "
                     "where i.indisprimary and i.indrelid::regclass::text like 'johndoex1234_analytics.%'"),
            "ingestion_date 3");
}

TEST(shop_job, a_failed_test_hands_out_nothing_and_the_last_good_objects_stay) {
  SLUICE_NEEDS_POSTGRES();
  ShopJob shop;
  ASSERT_EQ(shop.run("2022-09-05").code, 0);
  const Files objects = shop.objects();
  const std::string good = shop.file("shipment_deliveries.csv");
  shop.put("shipment_deliveries.csv", good + "10001,99999,2022-09-01,\n");
  support::Ended ended = shop.run("2022-09-06");
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_NE(ended.err.find("every_shipment_has_its_order"), std::string::npos) << ended.err;
  EXPECT_NE(ended.out.find("agg_public_holiday_csv: skipped, since agg_shipments failed"), std::string::npos)
      << ended.out;
  EXPECT_EQ(shop.objects(), objects);
  EXPECT_EQ(shop.sql("select count(*) from johndoex1234_analytics.agg_shipments"), "1");

  shop.put("shipment_deliveries.csv", good);
  ended = shop.run("2022-09-06");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(shop.objects(), shop.expected_objects({"2022-09-05", "2022-09-06"}));
}

TEST(shop_job, what_would_make_a_null_is_a_failed_test) {
  SLUICE_NEEDS_POSTGRES();
  ShopJob shop;
  ASSERT_EQ(shop.run("2022-09-05").code, 0);
  const Files objects = shop.objects();
  shop.put("reviews.csv", "review,product_id\n5,999999\n");
  const support::Ended ended = shop.run("2022-09-05");
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_NE(ended.err.find("best_performing_product"), std::string::npos) << ended.err;
  EXPECT_EQ(shop.objects(), objects);
}

TEST(shop_job, a_file_without_rows_empties_no_table_and_makes_no_zeros) {
  SLUICE_NEEDS_POSTGRES();
  ShopJob shop;
  ASSERT_EQ(shop.run("2022-09-05").code, 0);
  const Files objects = shop.objects();
  const std::string tables = shop.tables();
  for (const std::string name : {"orders.csv", "reviews.csv", "shipment_deliveries.csv"}) {
    SCOPED_TRACE(name);
    const std::string good = shop.file(name);
    shop.put(name, good.substr(0, good.find('\n') + 1));
    support::Ended ended = shop.run("2022-09-06");
    EXPECT_EQ(ended.code, 4) << ended.err;
    EXPECT_NE(ended.err.find("orders_data/" + name + " would leave 0 rows in the table"), std::string::npos)
        << ended.err;
    EXPECT_EQ(shop.objects(), objects);
    shop.put(name, good);
  }
  // What does not depend on the file may have been made; none of it is made of an empty table.
  const support::Ended ended = shop.run("2022-09-06");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(shop.tables().starts_with(tables.substr(0, tables.find('\n')))) << shop.tables();
  EXPECT_EQ(shop.objects(), shop.expected_objects({"2022-09-05", "2022-09-06"}));
}

TEST(shop_job, a_bad_row_refuses_its_file_and_says_where) {
  SLUICE_NEEDS_POSTGRES();
  ShopJob shop;
  ASSERT_EQ(shop.run("2022-09-05").code, 0);
  const Files objects = shop.objects();
  const std::string good = shop.file("orders.csv");
  shop.put("orders.csv", good + "\n10001,7,sixth of May,3,10,2,20\n");
  const support::Ended ended = shop.run("2022-09-06");
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_NE(ended.err.find("orders_data/orders.csv line 10002: malformed_value in 'order_date'"), std::string::npos)
      << ended.err;
  EXPECT_EQ(ended.err.find("sixth of May"), std::string::npos) << ended.err;
  EXPECT_EQ(shop.sql("select count(*) from johndoex1234_staging.orders"), "10000");
  EXPECT_EQ(shop.objects(), objects);
  EXPECT_EQ(shop.row_counts(), "1 1 1 ");
}

TEST(shop_job, makes_of_the_real_files_the_figures_that_are_known) {
  SLUICE_NEEDS_POSTGRES();
  const char* named = std::getenv("SLUICE_SHARED");
  const std::filesystem::path data =
      std::filesystem::path(named != nullptr ? named : SLUICE_SOURCE_DIR "/../shared") / "data" / "shop";
  if (!std::filesystem::exists(data / "orders.csv")) {
    std::fprintf(stderr, "SKIPPED LOUDLY: %s not found: the shop's real files are not tried\n", data.c_str());
    GTEST_SKIP() << "no " << data;
  }
  ShopJob shop;
  for (const char* name : {"orders.csv", "reviews.csv", "shipment_deliveries.csv"})
    shop.put(name, text_of(data / name));
  const support::Ended ended = shop.run("2022-09-05");
  ASSERT_EQ(ended.code, 0) << ended.err;
  Files objects = shop.objects();
  EXPECT_EQ(objects, shop.expected_objects({"2022-09-05"}));
  EXPECT_NE(objects["agg_public_holiday"].find("\n2022-09-05,0,17,13,12,0,0,13,17,0,16,12,0\n"), std::string::npos);
  EXPECT_NE(objects["agg_shipments"].find("\n2022-09-05,175,6586\n"), std::string::npos);
  EXPECT_NE(objects["best_performing_product"].find("\n2022-09-05,Product 22,2022-01-06,false,967,"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::faults
