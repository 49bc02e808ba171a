// `sluice demo shop`: a folder as the bucket, a DuckDB file as the warehouse, and the shop's project three times.
#include <fmt/format.h>

#include "sluice/cli/commands.hpp"
#include "sluice/cli/demo_commands.hpp"
#include "sluice/cli/run_command.hpp"
#include "sluice/demo/data.hpp"
#include "sluice/demo/folder.hpp"
#include "sluice/demo/shop_data.hpp"

namespace sluice::cli {
namespace {

struct ShopArguments {
  std::string folder = "sluice-demo-shop";
  std::uint32_t seed = 20;
};

constexpr const char* as_of = "as_of=2022-09-05";
constexpr const char* exports = "/bucket/analytics_export/johndoex1234/";
constexpr std::array tables{"agg_public_holiday", "agg_shipments", "best_performing_product"};

constexpr const char* shop_connections =
    R"(  lake:      { files: bucket }            # a local folder that behaves as a bucket
  share:     { files: bucket }
  warehouse:
    duckdb: warehouse.duckdb
    ledger: "${staging}"
    personal: { dim_customers: [customer_name, postal_code], dim_addresses: [address, postal_code] }
)";
constexpr const char* common_connections = R"(  files:     { files: if_common }
  warehouse: { duckdb: warehouse.duckdb, ledger: if_common, personal_data: allowed }
)";

Result<void> write_shop(const ShopArguments& arguments) {
  const std::string& folder = arguments.folder;
  SLUICE_CHECK(demo::make_folder(folder));
  SLUICE_CHECK(demo::write_example(folder, "shop"));
  SLUICE_CHECK(demo::connect_example(folder, "shop", "shop.yaml", shop_connections));
  SLUICE_CHECK(demo::connect_example(folder, "shop", "if_common.yaml", common_connections));
  for (const auto& [name, text] : demo::shop_files({}, arguments.seed))
    SLUICE_CHECK(demo::write_file(folder + "/bucket/orders_data/" + name, text));
  for (const auto& [name, text] : demo::shop_dimensions())
    SLUICE_CHECK(demo::write_file(folder + "/if_common/" + name, text));
  return {};
}

std::string exported(const std::string& folder) {
  std::string all;
  for (const char* table : tables) all += demo::text_of_file(folder + exports + table + ".csv");
  return all;
}

Result<Answer> demo_shop(const ShopArguments& arguments, const Session& session) {
  const std::string& folder = arguments.folder;
  SLUICE_CHECK(write_shop(arguments));
  Answer answer;
  answer.result["folder"] = folder;
  answer.result["runs"] = Json::array();
  answer.text = fmt::format(
      "Wrote a project into {}. In go, as CSV: bucket/orders_data/orders.csv, reviews.csv, shipment_deliveries.csv,\n"
      "and, as tables of the warehouse that are only read, if_common.dim_dates, dim_products and two more.\n",
      folder);
  SLUICE_TRY(Answer common, run_once(folder + "/if_common.yaml", {}, session));
  if (common.error) return common;

  std::string before;
  const auto run = [&](const std::string& title, const std::string& file,
                       std::vector<std::string> vars) -> Result<bool> {
    before = exported(folder);
    SLUICE_TRY(Answer ran, run_once(folder + "/" + file, vars, session));
    answer.text += title + demo::steps_text(ran.result);
    answer.result["runs"].push_back(ran.result);
    answer.error = std::move(ran.error);
    return !answer.error;
  };
  SLUICE_TRY(const bool first, run("\nFirst run: sluice run shop.yaml --var as_of=2022-09-05\n", "shop.yaml", {as_of}));
  if (!first) return answer;
  answer.text +=
      "\nOut come the tables of johndoex1234_analytics, and each as bucket/analytics_export/johndoex1234/TABLE.csv:\n";
  for (const char* table : tables) {
    answer.text +=
        fmt::format("\n{}.csv\n", table) + demo::upright(demo::text_of_file(folder + exports + table + ".csv"), 2);
  }

  SLUICE_TRY(const bool second, run("\nSecond run on the same day\n", "shop.yaml", {as_of}));
  if (!second) return answer;
  answer.text +=
      exported(folder) == before ? "  No row and no byte has changed.\n" : "  The day's rows have changed.\n";

  const demo::Day tomorrow =
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()) + std::chrono::days(1);
  const std::string date = "run_date=" + demo::iso(tomorrow);
  SLUICE_TRY(const bool third, run("\nAs if it were tomorrow: --var " + date + "\n", "shop.yaml", {as_of, date}));
  if (!third) return answer;
  answer.text += "  Each table and file has one row more.\n";
  answer.text += "\nNext:\n  cd " + folder +
                 "\n  sluice plan shop.yaml                # what waits for what\n"
                 "  sluice test shop.yaml                # its models on examples of a few rows\n"
                 "  sluice run shop.yaml --var as_of=2022-09-05\n"
                 "On PostgreSQL and S3 all but `connections:` is the same: examples/shop/shop.yaml\n";
  answer.summary = "the shop ran three times in " + folder;
  return answer;
}

}  // namespace

void add_demo_shop(Command demo, Session& session) {
  const Command command = demo.command("shop", "CSV files through SQL models to CSV files", "sluice demo shop my-shop");
  auto arguments = std::make_shared<ShopArguments>();
  command.option("DIR", arguments->folder, "where to write it").type("").shows_default();
  command.option("--seed", arguments->seed, "another one makes other files").type("N").shows_default();
  command.does(session, [arguments, &session] { return demo_shop(*arguments, session); });
}

}  // namespace sluice::cli
