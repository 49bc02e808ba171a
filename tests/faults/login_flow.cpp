#include "login_flow.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <unordered_set>

#include "sluice/mask/keyring.hpp"
#include "sluice/mask/mask.hpp"
#include "sluice/mask/seal.hpp"
#include "sluice/runtime/envelope.hpp"

namespace sluice::faults {
namespace {

using support::Ended;
using support::PostgresServer;

constexpr const char* usual_table = R"(CREATE TABLE IF NOT EXISTS user_logins(
    user_id varchar(128), device_type varchar(32), masked_ip varchar(256), masked_device_id varchar(256),
    locale varchar(32), app_version integer, create_date date);
)";

std::unique_ptr<PostgresServer>& server() {
  static std::unique_ptr<PostgresServer> one;
  return one;
}

std::string format(const char* pattern, auto... values) {
  char text[512];
  const int size = std::snprintf(text, sizeof text, pattern, values...);
  return {text, static_cast<std::size_t>(size)};
}

std::string project_text(const FlowOptions& options) {
  return "name: logins\nconnections:\n"
         "  queue: { sqs: login-queue, region: us-east-1, endpoint: \"${AWS_ENDPOINT_URL}\"" +
         options.queue_keys +
         " }\n"
         "  warehouse: { postgres: \"${DATABASE_URL}\"" +
         options.warehouse_keys +
         " }\n"
         "keys: keys.json\n"
         R"(
flows:
  user_logins:
    from: { queue: queue }
    record:
      user_id:     { type: text, max: 128 }
      app_version: text
      device_type: { type: text, max: 32 }
      ip:          { type: text, pii: ip }
      locale:      { type: text, null: true }
      device_id:   { type: text, pii: device }
    select: |
      select )" +
         options.columns + R"(user_id, device_type,
             mask_siv(ip, 'ip')            as masked_ip,
             mask_siv(device_id, 'device') as masked_device_id,
             locale, version_int(app_version) as app_version, run_date() as create_date
      from input
    into: { table: warehouse.user_logins, create: user_logins.sql }
    rejects: { table: warehouse.user_logins_rejects }
)" + options.flow_keys;
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out) throw std::runtime_error("cannot write " + file.string());
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// A valid message as it must come out. Written against the specification, not against our own functions.
Sent expected_of(const std::string& body) {
  Sent sent{body, {}, {}};
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("user_id")) return sent;
  unsigned major = 0, minor = 0, patch = 0;
  const std::string version = json["app_version"];
  if (std::sscanf(version.c_str(), "%u.%u.%u", &major, &minor, &patch) < 2) throw std::runtime_error("a version");
  const std::string ip = json["ip"];
  const std::string device = json["device_id"];
  sent.row = json["user_id"].get<std::string>() + "|" + json["device_type"].get<std::string>() + "|" + ip + "|" +
             device + "|" + (json["locale"].is_null() ? "NULL" : json["locale"].get<std::string>()) + "|" +
             std::to_string(major * 1000000 + minor * 1000 + patch);
  sent.personal = {ip, device};
  return sent;
}

bool is_token_char(char c) { return (c >= '0' && c <= '9') || c == '.' || c == '-'; }

// The difference of two sorted lists, a few of it.
std::string missing_from(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  std::vector<std::string> rest;
  std::ranges::set_difference(all, some, std::back_inserter(rest));
  std::string out = std::to_string(rest.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(rest.size(), 3); ++i) out += "\n    " + rest[i].substr(0, 200);
  return out;
}

void same(std::vector<std::string> expected, std::vector<std::string> found, const char* where) {
  std::ranges::sort(expected);
  std::ranges::sort(found);
  if (expected == found) return;
  ADD_FAILURE() << where << ": " << found.size() << " instead of " << expected.size() << "\n  missing "
                << missing_from(expected, found) << "\n  too many " << missing_from(found, expected);
}

}  // namespace

PostgresServer& postgres() {
  if (!server()) {
    // Its synchronous_commit is off, so that a run which relies on the server's default loses rows when the
    // server is killed; and it logs statements and their parameters, where a personal value could stand.
    PostgresServer::Options options;
    options.settings = {"log_statement=all"};
    server() = PostgresServer::start(options);
  }
  return *server();
}

void stop_postgres() { server().reset(); }

std::vector<Sent> login_messages(std::size_t count, std::uint64_t first) {
  std::vector<Sent> out;
  for (std::uint64_t i = first; i < first + count; ++i) {
    const auto a = static_cast<unsigned>(i >> 16U & 255U), b = static_cast<unsigned>(i >> 8U & 255U),
               c = static_cast<unsigned>(i & 255U);
    const std::string ip = format("241.%u.%u.%u", a, b, c);
    const std::string device =
        format("%03u-%02u-%04u", static_cast<unsigned>(i % 1000), 37U, static_cast<unsigned>(i / 1000 % 10000));
    const std::string canary = format("canary-%u-", static_cast<unsigned>(i)) + "Zq";
    const auto body = [&](const std::string& the_ip, const std::string& version, const std::string& locale) {
      return format(R"({"user_id": "u-%06u", "app_version": "%s", "device_type": "%s", "ip": "%s", "locale": %s, )"
                    R"("device_id": "%s"})",
                    static_cast<unsigned>(i), version.c_str(), i % 2 == 0 ? "ios" : "android", the_ip.c_str(),
                    locale.c_str(), device.c_str());
    };
    Sent sent;
    if (i % 10 != 3) {
      sent = expected_of(body(ip, format("%u.%u", static_cast<unsigned>(i % 7), static_cast<unsigned>(i % 100)),
                              i % 3 == 0 ? "null" : "\"DE\""));
    } else if (i % 50 == 3) {
      sent.body = R"({"foo": "oops_wrong_msg_type", "bar": ")" + canary + R"(", "ip": ")" + ip + "\"}";
    } else if (i % 50 == 13) {
      sent.body = "not JSON but " + canary + " at " + ip;
    } else if (i % 50 == 23) {
      sent.body = body(canary, "1.2.3", "null");  // refused by the mask
    } else if (i % 50 == 33) {
      sent.body = body(ip, "1.2.3.4", "null");  // refused by an expression
    } else {
      sent.body = body(ip, "1.2.3", "{\"deep\": \"" + canary + "\"}");
    }
    sent.personal = {ip, device, canary};
    out.push_back(std::move(sent));
  }
  return out;
}

LoginFlow::LoginFlow(const FlowOptions& options)
    : folder_("faults"), queue_(support::QueueServer::start(options.server_arguments)) {
  static int number = 0;
  database_ = "logins_" + std::to_string(++number);
  postgres().make_database(database_);
  url_ = postgres().url(database_, options.user);
  endpoint_ = queue_->endpoint();
  if (options.make_queue) {
    queue_->call("CreateQueue", R"({"QueueName":"login-queue","Attributes":{"VisibilityTimeout":")" +
                                    std::to_string(options.visibility) + "\"}}");
  }
  configure(options);
  const Ended made = support::run({{SLUICE_BINARY, "keys", "init", (folder_.path() / "keys.json").string()}, {}, {}});
  if (made.code != 0) throw std::runtime_error("keys init: " + made.err);
}

LoginFlow::~LoginFlow() = default;

void LoginFlow::configure(const FlowOptions& options) {
  write(folder_.path() / "logins.yaml", project_text(options));
  write(folder_.path() / "user_logins.sql", options.table_sql.empty() ? usual_table : options.table_sql);
}

void LoginFlow::expect(const Sent& message) {
  (message.row.empty() ? refused_ : rows_).push_back(message.row.empty() ? message.body : message.row);
  personal_.insert(personal_.end(), message.personal.begin(), message.personal.end());
}

void LoginFlow::send(const std::vector<Sent>& messages) {
  std::vector<std::string> bodies;
  for (const Sent& message : messages) {
    expect(message);
    bodies.push_back(message.body);
  }
  queue_->send("login-queue", bodies);
}

void LoginFlow::put(const Sent& message) {
  expect(message);
  queue_->put("login-queue", message.body);
}

void LoginFlow::fill(std::uint64_t count, std::uint64_t seed, std::uint64_t malformed) {
  queue_->fill("login-queue", count, seed, malformed);
  for (const std::string& body : queue_->events(count, seed, malformed)) expect(expected_of(body));
}

support::Command LoginFlow::command(const std::vector<std::string>& arguments, const Environment& environment) const {
  std::vector<std::string> all{"run", "logins.yaml"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return any_command(all, environment);
}

support::Command LoginFlow::any_command(const std::vector<std::string>& arguments,
                                        const Environment& environment) const {
  support::Command command;
  command.arguments = {SLUICE_BINARY};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  command.folder = folder_.path();
  command.environment = {{"DATABASE_URL", url_},
                         {"AWS_ENDPOINT_URL", endpoint_},
                         {"AWS_ACCESS_KEY_ID", "test"},
                         {"AWS_SECRET_ACCESS_KEY", "test"},
                         {"AWS_EC2_METADATA_DISABLED", "true"},
                         {"AWS_CONFIG_FILE", "/dev/null"},
                         {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"},
                         {"AWS_PROFILE", std::nullopt},
                         {"AWS_SESSION_TOKEN", std::nullopt}};
  for (const auto& [name, value] : environment) command.environment[name] = value;
  return command;
}

Ended LoginFlow::run(const std::vector<std::string>& arguments, const Environment& environment) {
  Ended ended = support::run(command(arguments, environment));
  keep(ended.out + ended.err);
  return ended;
}

Ended LoginFlow::sluice(const std::vector<std::string>& arguments, const Environment& environment) {
  Ended ended = support::run(any_command(arguments, environment));
  keep(ended.out + ended.err);
  return ended;
}

std::unique_ptr<support::Process> LoginFlow::start(const std::vector<std::string>& arguments,
                                                   const Environment& environment) const {
  return std::make_unique<support::Process>(command(arguments, environment));
}

std::uint64_t LoginFlow::rows() const {
  if (sql("select count(*) from pg_class where relname in ('user_logins', 'user_logins_rejects')") != "2") return 0;
  return std::stoull(sql("select (select count(*) from user_logins) + (select count(*) from user_logins_rejects)"));
}

std::uint64_t LoginFlow::waiting() const {
  const support::QueueStats stats = queue_->stats("login-queue");
  return stats["visible"] + stats["in_flight"];
}

// Rows of the table with their masks undone.
std::vector<std::string> LoginFlow::written() const {
  const auto keyring = mask::Keyring::load((folder_.path() / "keys.json").string());
  if (!keyring) throw std::runtime_error(keyring.error().text());
  const mask::MaskKind& kind = **mask::find_mask("mask_siv");
  auto ips = mask::Unmasker::open(kind, &*keyring, {"ip"});
  auto devices = mask::Unmasker::open(kind, &*keyring, {"device"});
  if (!ips || !devices) throw std::runtime_error("mask_siv has no way back");
  std::vector<std::string> rows;
  for (const std::string& line : lines_of(
           sql("select concat_ws('|', user_id, device_type, masked_ip, masked_device_id, coalesce(locale, 'NULL'), "
               "app_version) from user_logins"))) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, '|');) cells.push_back(cell);
    if (cells.size() != 6) throw std::runtime_error("a row of another shape");
    const auto ip = ips->unmask(cells[2]);
    const auto device = devices->unmask(cells[3]);
    if (!ip || !device) throw std::runtime_error("a mask that cannot be undone");
    rows.push_back(cells[0] + "|" + cells[1] + "|" + *ip + "|" + *device + "|" + cells[4] + "|" + cells[5]);
  }
  return rows;
}

// Bodies of the rejects, unsealed.
std::vector<std::string> LoginFlow::rejected() const {
  const auto keyring = mask::Keyring::load((folder_.path() / "keys.json").string());
  if (!keyring) throw std::runtime_error(keyring.error().text());
  std::vector<std::string> bodies;
  for (const std::string& hex : lines_of(sql("select encode(payload, 'hex') from user_logins_rejects"))) {
    std::string sealed;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
      sealed += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
    const auto packed = mask::unseal(*keyring, sealed, "user_logins");
    if (!packed) throw std::runtime_error(packed.error().text());
    const auto envelope = runtime::unpack(*packed);
    if (!envelope) throw std::runtime_error(envelope.error().text());
    bodies.push_back(envelope->body);
  }
  return bodies;
}

void LoginFlow::refused(const Ended& ended, int code, const std::vector<std::string>& parts) const {
  EXPECT_EQ(ended.code, code) << ended.out << ended.err;
  std::vector<std::string> errors;
  for (const std::string& line : lines_of(ended.err)) {
    if (line.starts_with("sluice: error:")) errors.push_back(line);
  }
  ASSERT_EQ(errors.size(), 1U) << ended.err;
  EXPECT_TRUE(ended.err.ends_with(errors[0] + "\n")) << "the line is not the last: " << ended.err;
  for (const std::string& part : parts) EXPECT_NE(errors[0].find(part), std::string::npos) << part << "\n" << errors[0];
  const support::QueueStats stats = queue_->stats("login-queue");
  EXPECT_EQ(stats["visible"], rows_.size() + refused_.size()) << "not in the queue";
  EXPECT_EQ(stats["in_flight"], 0U) << "not given back";
  nothing_in_clear();
}

void LoginFlow::verdict() {
  same(rows_, written(), "table");
  same(refused_, rejected(), "rejects");
  EXPECT_EQ(waiting(), 0U) << "messages are left in the queue";
  nothing_in_clear();
}

void LoginFlow::nothing_in_clear() const {
  std::string all = said_ + postgres().log();
  for (const std::string& table :
       lines_of(sql("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in "
                    "('pg_catalog', 'information_schema')"))) {
    all += sql("select t::text from " + table + " t");
    all += '\n';
  }
  const std::unordered_set<std::string_view> personal(personal_.begin(), personal_.end());
  for (std::size_t at = 0; at < all.size();) {  // addresses and devices: digits, dots, dashes
    const std::size_t start = at;
    while (at < all.size() && is_token_char(all[at])) ++at;
    std::string_view token(all.data() + start, at - start);
    while (token.ends_with('.')) token.remove_suffix(1);
    if (token.size() >= 7 && personal.contains(token)) {
      const std::size_t from = start < 100 ? 0 : start - 100;
      ADD_FAILURE() << "a personal value in clear: ..." << all.substr(from, 200);
      return;
    }
    if (at == start) ++at;
  }
  for (const std::string_view canary : {"canary-", "63616e6172792d" /* the same as bytea shows it */}) {
    const std::size_t at = all.find(canary);
    EXPECT_EQ(at, std::string::npos) << "in clear: ..." << all.substr(at < 100 ? 0 : at - 100, 200);
  }
}

}  // namespace sluice::faults
