#include "job_flow.hpp"

#include <array>
#include <atomic>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace sluice::faults {
namespace {

namespace fs = std::filesystem;

const std::string examples = SLUICE_SOURCE_DIR "/examples/";
constexpr const char* shop_role = "johndoex1234";
constexpr const char* exports = "analytics_export/johndoex1234/";
constexpr std::array tables_of_shop{"agg_public_holiday", "agg_shipments", "best_performing_product"};
constexpr std::array features{"paid_loans_count", "days_since_last_late_payment", "profit_in_last_90_days_rate"};

std::string next_database(const std::string& name) {
  static std::atomic<int> number{0};
  return name + std::to_string(++number);
}

void must(const support::Ended& ended, const std::string& what) {
  if (ended.code != 0) throw std::runtime_error(what + " failed: " + ended.err);
}

void make_role(const std::string& name) {
  if (postgres().sql("select count(*) from pg_roles where rolname = '" + name + "'") == "0") postgres().make_user(name);
}

}  // namespace

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

Files expected(std::vector<std::string> arguments, std::size_t out_at) {
  const support::TempFolder out("expected");
  arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(out_at), out.path());
  arguments.insert(arguments.begin(), {"/usr/bin/python3", SLUICE_SOURCE_DIR "/tests/jobs/expected.py"});
  must(support::run({arguments, {}, {}}), "expected.py");
  Files files;
  for (const auto& entry : fs::directory_iterator(out.path())) files[entry.path().stem()] = text_of(entry.path());
  return files;
}

Job::Job(const std::string& name, const std::string& role, const std::vector<std::string>& server_arguments)
    : role_(role),
      database_(next_database(name)),
      store_(support::ObjectServer::start("the-bucket", server_arguments)) {
  postgres().make_database(database_);
  make_role(role_);
  sql("revoke create on schema public from public");
  superuser(false);
}

support::Command Job::command(std::vector<std::string> arguments, const Environment& environment) const {
  arguments.insert(arguments.begin(), SLUICE_BINARY);
  support::Command command{std::move(arguments),
                           {{"AWS_ENDPOINT_URL", store_->endpoint()},
                            {"AWS_ACCESS_KEY_ID", "test"},
                            {"AWS_SECRET_ACCESS_KEY", "test"},
                            {"AWS_REGION", "us-east-1"},
                            {"AWS_CONFIG_FILE", "/nonexistent"},
                            {"AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"},
                            {"DATABASE_URL", url_}},
                           {}};
  for (const auto& [name, value] : environment) command.environment[name] = value;
  return command;
}

support::Ended Job::sluice(std::vector<std::string> arguments, const Environment& environment) const {
  return support::run(command(std::move(arguments), environment));
}

ShopJob::ShopJob() : Job("shop", shop_role, {}), folder_("shop_job") {
  const fs::path demo = folder_.path() / "demo";
  must(sluice({"demo", "shop", demo}), "sluice demo shop");
  // Its CSV files, and the example's own project to fill a PostgreSQL warehouse with them.
  fs::copy_file(examples + "shop/if_common.yaml", demo / "if_common.yaml", fs::copy_options::overwrite_existing);
  superuser(true);
  must(sluice({"run", demo / "if_common.yaml"}), "if_common.yaml");
  superuser(false);
  const std::string role = shop_role;
  sql("create schema " + role + "_staging authorization " + role + "; create schema " + role +
      "_analytics authorization " + role + "; grant usage on schema if_common to " + role +
      "; grant select on all tables in schema if_common to " + role);
  store().put("orders_data/", "");  // a folder marker, and what somebody else has exported
  store().put("orders_data/analytics_export/other1234/orders.csv", "a,b\n1,2\n");
  fs::create_directories(folder_.path() / "orders_data");
  for (const char* name : {"orders.csv", "reviews.csv", "shipment_deliveries.csv"})
    put(name, text_of(demo / "bucket" / "orders_data" / name));
}

void ShopJob::put(const std::string& name, const std::string& bytes) {
  files_[name] = bytes;
  store().put("orders_data/" + name, bytes);
  std::ofstream(folder_.path() / "orders_data" / name, std::ios::binary) << bytes;
}

std::vector<std::string> ShopJob::arguments(const std::string& run_date) const {
  return {"run",   examples + "shop/shop.yaml", "--var", "bucket=the-bucket",   "--var", "your_id=johndoex1234",
          "--var", "as_of=2022-09-05",          "--var", "run_date=" + run_date};
}

support::Ended ShopJob::run(const std::string& run_date, const Environment& environment) const {
  return sluice(arguments(run_date), environment);
}

Files ShopJob::objects() const {
  Files files;
  for (const char* table : tables_of_shop) files[table] = store().get(std::string(exports) + table + ".csv");
  return files;
}

Files ShopJob::expected_objects(const std::vector<std::string>& days) const {
  std::vector<std::string> arguments{"shop", folder_.path() / "orders_data", folder_.path() / "demo" / "if_common",
                                     "2022-09-05"};
  arguments.insert(arguments.end(), days.begin(), days.end());
  return expected(std::move(arguments), 3);
}

std::string ShopJob::tables() const {
  std::string all;
  for (const char* table : tables_of_shop) {
    all +=
        sql("select coalesce(string_agg(t.xmin || ' ' || t.ctid || ' ' || t, ';' order by ingestion_date), '') from " +
            std::string(shop_role) + "_analytics." + table + " t") +
        "\n";
  }
  return all;
}

std::string ShopJob::row_counts() const {
  std::string all;
  for (const char* table : tables_of_shop)
    all += sql("select count(*) from " + std::string(shop_role) + "_analytics." + table) + " ";
  return all;
}

std::string ShopJob::contents() const {
  const std::string staging = std::string(shop_role) + "_staging.";
  std::string all;
  for (const std::string table : {"orders", "reviews", "shipments_deliveries"}) {
    all += table + ": " +
           sql("select coalesce(md5(string_agg(t::text, ';' order by t::text)), '') || ' ' || count(*) from " +
               staging + table + " t") +
           "\n";
  }
  for (const std::string table : tables_of_shop) {
    all += table + ": " +
           sql("select coalesce(string_agg(t::text, ';' order by t::text), '') from " + std::string(shop_role) +
               "_analytics." + table + " t") +
           "\n";
  }
  return all + "objects, chunks, rejects: " +
         sql("select concat_ws(' ', (select count(*) from " + staging + "sluice_object), (select count(*) from " +
             staging + "sluice_chunk), (select count(*) from " + staging + "sluice_reject))") +
         "\n";
}

LoansJob::LoansJob(const std::vector<std::string>& server_arguments)
    : Job("loans", "clerk", server_arguments), folder_("loans_job") {
  const fs::path demo = folder_.path() / "demo";
  must(sluice({"demo", "loans", demo, "--users", "3000"}), "sluice demo loans");
  sql(R"(
    create table "user" (id serial primary key, created_on date, first_name varchar, last_name varchar,
                         birth_date date, personal_code varchar);
    create table loan (id serial primary key, client_id integer, amount double precision, created_on date,
                       duration bigint, matured_on date, status varchar, updated_on date);
    create table payment (id serial primary key, loan_id bigint, amount double precision, principle double precision,
                          interest double precision, status varchar, created_on date);
    grant select on "user", loan, payment to clerk;
    alter role clerk set default_transaction_read_only = on)");
  for (const char* table : {"user", "loan", "payment"}) {
    const fs::path csv = demo / "book" / (std::string(table) + ".csv");
    must(support::run({{"psql", "-X", "-q", "-d", postgres().url(database()), "-c",
                        "\\copy \"" + std::string(table) + "\" from '" + csv.string() + "' csv header"},
                       {},
                       {}}),
         "psql");
  }
}

std::vector<std::string> LoansJob::arguments(const std::string& as_of) const {
  return {"run", examples + "loans/loans.yaml", "--var", "bucket=the-bucket", "--var", "as_of=" + as_of};
}

support::Ended LoansJob::run(const std::string& as_of, const Environment& environment) const {
  return sluice(arguments(as_of), environment);
}

Files LoansJob::objects() const {
  Files files;
  for (const char* feature : features) files[feature] = store().get(std::string("loans/") + feature + ".csv");
  return files;
}

Files LoansJob::expected_objects(const std::string& as_of) const {
  return expected({"loans", folder_.path() / "demo" / "book", as_of}, 2);
}

}  // namespace sluice::faults
