#include "load_flow.hpp"

#include <atomic>
#include <fstream>

namespace sluice::faults {
namespace {

std::string next_database() {
  static std::atomic<int> number{0};
  return "load" + std::to_string(++number);
}

std::string project_text(const LoadOptions& options) {
  return R"(name: orders
connections:
  lake: { s3: lake, region: us-east-1, endpoint: "${AWS_ENDPOINT_URL}", retry_for: 10s }
  warehouse: { postgres: "${DATABASE_URL}" }
keys: keys.json
flows:
  orders:
    from: { objects: lake, )" +
         options.objects + R"( }
    record: { order_id: int, customer: text, amount: int, ip: { type: text, pii: ip } }
    select: select order_id, customer, amount, mask_siv(ip, 'ip') as ip from input
    into: { table: warehouse.)" +
         options.table + R"(, create: true, mode: )" + options.mode + options.into_keys + R"( }
)";
}

}  // namespace

LoadFlow::LoadFlow(const LoadOptions& options)
    : folder_("load"),
      store_(support::ObjectServer::start("lake", options.server_arguments)),
      database_(next_database()) {
  postgres().make_database(database_);
  configure(options);
  support::run(command({"keys", "init", "keys.json"}, {}));
}

void LoadFlow::configure(const LoadOptions& options) {
  url_ = postgres().url(database_, options.user);
  std::ofstream(folder_.path() / "orders.yaml") << project_text(options);
}

support::Command LoadFlow::command(const std::vector<std::string>& arguments, const Environment& environment) const {
  support::Command command;
  command.arguments = {SLUICE_BINARY};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  command.folder = folder_.path();
  command.environment = {{"AWS_ENDPOINT_URL", store_->endpoint()},
                         {"AWS_ACCESS_KEY_ID", "test"},
                         {"AWS_SECRET_ACCESS_KEY", "test"},
                         {"AWS_REGION", "us-east-1"},
                         {"AWS_CONFIG_FILE", "/nonexistent"},
                         {"AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"},
                         {"DATABASE_URL", url_}};
  for (const auto& [name, value] : environment) command.environment[name] = value;
  return command;
}

support::Ended LoadFlow::run(const std::vector<std::string>& arguments, const Environment& environment) const {
  std::vector<std::string> all{"run", "orders.yaml"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return support::run(command(all, environment));
}

std::unique_ptr<support::Process> LoadFlow::start(const Environment& environment) const {
  return std::make_unique<support::Process>(command({"run", "orders.yaml"}, environment));
}

std::string LoadFlow::rows() const {
  return sql(
      "select coalesce(string_agg(concat_ws('|', order_id, customer, amount), ';' order by order_id, customer), '') "
      "from orders");
}

std::string LoadFlow::ledger() const {
  return sql("select (select count(*) from sluice.object) || ' ' || (select count(*) from sluice.reject)");
}

std::string orders_csv(int first, int count, int amount) {
  std::string csv = "order_id,customer,amount,ip\n";
  for (int id = first; id < first + count; ++id) {
    csv += std::to_string(id) + ",c" + std::to_string(id) + "," + std::to_string(amount) + ",242.1." +
           std::to_string(id / 256 % 256) + "." + std::to_string(id % 256) + "\n";
  }
  return csv;
}

}  // namespace sluice::faults
