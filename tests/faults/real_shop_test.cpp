// The shop's real CSV files, where they are: from S3 without credentials into staging tables, by a role that may make
// neither schemas nor extensions.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "login_flow.hpp"
#include "support/object_server.hpp"

namespace sluice::faults {
namespace {

constexpr const char* project = R"(name: shop
vars: { your_id: johndoex1234 }
connections:
  lake: { s3: shop-bucket, region: eu-central-1, endpoint: "${AWS_ENDPOINT_URL}", anonymous: true }
  warehouse: { postgres: "${DATABASE_URL}", ledger: "${your_id}_staging" }
keys: keys.json
flows:
  orders:
    from: { objects: lake, key: orders_data/orders.csv }
    record: { order_id: int, customer_id: int, order_date: date, product_id: int, unit_price: int, quantity: int, total_price: int }
    select: select * exclude (total_price), total_price as amount from input
    into: { table: "warehouse.${your_id}_staging.orders", create: true, mode: replace, key: order_id }
  reviews:
    from: { objects: lake, key: orders_data/reviews.csv }
    record: { review: int, product_id: int }
    into: { table: "warehouse.${your_id}_staging.reviews", create: true, mode: replace }
  shipments:
    from: { objects: lake, key: orders_data/shipment_deliveries.csv }
    record:
      shipment_id: int
      order_id: int
      shipment_date: { type: date, null: true }
      delivery_date: { type: date, null: true }
    into: { table: "warehouse.${your_id}_staging.shipments_deliveries", create: true, mode: replace, key: shipment_id }
)";

std::filesystem::path shared_folder() {
  const char* named = std::getenv("SLUICE_SHARED");
  return named != nullptr ? std::filesystem::path(named) : std::filesystem::path(SLUICE_SOURCE_DIR) / "../shared";
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(real_shop, is_staged_whole_with_its_types_and_a_new_day_takes_its_place) {
  SLUICE_NEEDS_POSTGRES();
  const std::filesystem::path data = shared_folder() / "data" / "shop";
  if (!std::filesystem::exists(data / "orders.csv")) {
    std::fprintf(stderr, "SKIPPED LOUDLY: %s not found: the shop's real files are not tried\n", data.c_str());
    GTEST_SKIP() << "no " << data;
  }
  const auto store = support::ObjectServer::start("shop-bucket", {"--region", "eu-central-1"});
  store->put("orders_data/", "");
  for (const char* name : {"orders.csv", "reviews.csv", "shipment_deliveries.csv"}) {
    store->put(std::string("orders_data/") + name, text_of(data / name));
  }
  postgres().make_database("shop");
  postgres().make_user("johndoex1234");
  const auto sql = [](const std::string& statement) { return postgres().sql(statement, "shop"); };
  sql("create schema johndoex1234_staging authorization johndoex1234; revoke create on schema public from public");

  const support::TempFolder folder("shop");
  std::ofstream(folder.path() / "shop.yaml") << project;
  const auto sluice = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SLUICE_BINARY);
    return support::run({arguments,
                         {{"AWS_ENDPOINT_URL", store->endpoint()},
                          {"AWS_ACCESS_KEY_ID", std::nullopt},
                          {"AWS_SECRET_ACCESS_KEY", std::nullopt},
                          {"DATABASE_URL", postgres().url("shop", "johndoex1234")}},
                         folder.path()});
  };
  ASSERT_EQ(sluice({"keys", "init", "keys.json"}).code, 0);
  support::Ended ended = sluice({"run", "shop.yaml"});
  ASSERT_EQ(ended.code, 0) << ended.err;

  sql("alter database shop set search_path = johndoex1234_staging");
  // Counted in the files by other means: `wc -l`, `cut | sort -u`, `awk`.
  EXPECT_EQ(sql("select count(*) || ' ' || count(distinct order_id) from orders"), "10000 10000");
  EXPECT_EQ(sql("select count(*) || ' ' || min(review) || ' ' || max(review) from reviews"), "7236 1 5");
  EXPECT_EQ(sql("select count(*) from shipments_deliveries"), "10000");
  EXPECT_EQ(sql("select string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position) from "
                "information_schema.columns where table_name = 'orders'"),
            "order_id integer, customer_id integer, order_date date, product_id integer, unit_price integer, quantity "
            "integer, amount integer");
  EXPECT_EQ(sql("select count(*) from sluice_reject"), "0");

  // The same day again: nothing is written.
  const std::string before = sql("select max(xmin::text::bigint) from orders");
  ended = sluice({"run", "shop.yaml"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(sql("select max(xmin::text::bigint) from orders"), before);

  // The next day's file has one order more.
  store->put("orders_data/orders.csv", text_of(data / "orders.csv") + "\n10001,7,2022-09-06,3,10,2,20\n");
  ended = sluice({"run", "shop.yaml"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(sql("select count(*) || ' ' || max(order_id) from orders"), "10001 10001");
}

}  // namespace
}  // namespace sluice::faults
