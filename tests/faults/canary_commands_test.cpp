// Every command there is, with the canary's data: a command that is added later and not driven here fails the test.
#include <signal.h>

#include <nlohmann/json.hpp>

#include "canary_flow.hpp"

namespace sluice::faults {
namespace {

using support::Ended;

constexpr const char* file = "canary.yaml";

class canary_commands : public CanaryFlow {
 protected:
  void look_around();
  void move();
  void handle_rejects();
  void mask_and_unmask();
  void change_keys();
  void serve();
};

void canary_commands::look_around() {
  EXPECT_EQ(drive({"validate", file, "--json"}).code, 0);
  for (const char* format : {"", "--json", "--dot"})
    EXPECT_EQ(
        drive(*format == 0 ? std::vector<std::string>{"plan", file} : std::vector<std::string>{"plan", file, format})
            .code,
        0);
  drive({"doctor", file});
  for (const char* what : {"from_queue", "from_spool", "from_s3", "from_files", "events", "orders", "wishes", "drawer",
                           "to_s3", "bank.person", "vault.person", "lake/in/people.csv"}) {
    EXPECT_EQ(drive({"scan", file, what}).code, 0) << what;
    EXPECT_EQ(drive({"scan", file, what, "--json"}).code, 0) << what;
  }
  EXPECT_NE(drive({"scan", file, "from_parquet"}).code, 0);
  drive({"schema"});
  drive({"completion", "bash"});
  for (const char* flow : {"from_queue", "from_spool", "from_s3", "from_files", "from_parquet", "events", "orders"})
    EXPECT_EQ(drive({"preview", file, flow, "--rows", "1000"}).code, 0) << flow;
  // A scan without the tags, which puts them into the file.
  std::string untagged = canary_yaml();
  for (std::size_t at = 0; (at = untagged.find(", pii: ")) != std::string::npos;)
    untagged.erase(at, untagged.find_first_of(",}", at + 2) - at);
  untagged.replace(untagged.find("  spool: {"), 0, "  # the tags are to come\n");
  write("untagged.yaml", untagged);
  drive({"scan", "untagged.yaml", "from_s3", "--write"});
  EXPECT_NE(read_file(at("untagged.yaml")).find("pii: "), std::string::npos);
}

void canary_commands::move() {
  const Ended ran = drive({"run", file, "--log-format", "json", "--database-wait", "0s"});
  EXPECT_EQ(ran.code, 4) << ran.err;  // the exports that fail on purpose
  EXPECT_NE(sql("select count(*) from people"), "0");
  EXPECT_NE(sql("select count(*) from packed"), "0");
  EXPECT_EQ(sql("select count(distinct reason) > 20 from sluice.reject"), "t")
      << sql("select distinct reason from sluice.reject") << ran.out;
  EXPECT_EQ(vault("select count(distinct reason) > 4 from sluice.reject"), "t")
      << vault("select distinct reason from sluice.reject");
  // What may be written in clear is not shown.
  for (const char* flow : {"to_s3", "to_s3_files", "to_s3_grown", "to_files", "to_parquet", "to_open_files"}) {
    for (const char* format : {"-q", "--json"}) EXPECT_EQ(drive({"preview", file, flow, format}).code, 0) << flow;
  }
  queue_->put("wishes", one_person("new"));
  write("drawer/more.ndjson", one_person("new") + "\n");
  for (const char* flow : {"to_vault", "to_bank"}) {
    const Ended seen = drive({"preview", file, flow, "--json"});
    EXPECT_NE(seen.out.find("\"new\""), std::string::npos) << seen.out << seen.err;
    drive({"preview", file, flow});
  }
  for (const char* flow : {"failing_mask", "failing_cast"}) EXPECT_NE(drive({"preview", file, flow}).code, 0);
  drive({"run", file, "--json", "--full-refresh", "--database-wait", "0s"});
  drive({"runs", file});
  drive({"runs", file, "--json"});
  EXPECT_EQ(drive({"presign", file, "to_s3"}).code, 0);
}

// Names and reasons for everyone, payloads for whoever holds the key.
void canary_commands::handle_rejects() {
  for (const char* flow : {"from_queue", "from_spool", "from_s3", "from_files", "from_parquet", "events", "to_vault",
                           "to_bank", "from_chunks"}) {
    SCOPED_TRACE(flow);
    const Ended listed = drive({"rejects", "list", file, "--flow", flow, "--json", "--most", "1000"});
    drive({"rejects", "list", file, "--flow", flow});
    const auto json = nlohmann::json::parse(listed.out, nullptr, false);
    ASSERT_TRUE(json.is_object() && !json["result"]["rejects"].empty()) << listed.out << listed.err;
    std::vector<std::string> all{"rejects", "show", file, "--flow", flow};
    for (const auto& reject : json["result"]["rejects"]) all.push_back(reject["id"]);
    // Without the key, an error; with it, a line of the audit log, of which who, when and what are searched, too.
    write("other.yaml", canary_yaml().replace(canary_yaml().find("keys.json"), 9, "other.json"));
    std::vector<std::string> without = all;
    without[2] = "other.yaml";
    EXPECT_NE(drive(without).code, 0);
    const std::size_t audited = read_file(at("keys.json.audit")).size();
    const Ended shown = drive(all, {.gives_values = true});
    EXPECT_EQ(shown.code, 0) << shown.err;
    EXPECT_TRUE(mark_in(shown.out)) << "the search would find nothing, either";
    EXPECT_GT(read_file(at("keys.json.audit")).size(), audited);
    drive({"rejects", "replay", file, "--flow", flow});
    drive({"rejects", "drop", file, all.back(), "--flow", flow});
  }
}

void canary_commands::mask_and_unmask() {
  const std::string canary(mark);
  const auto words = [](const char* command, std::vector<std::string> more) {
    std::vector<std::string> all{command};
    if (std::string(command) == "mask") all.emplace_back("--keys");
    all.emplace_back("keys.json");
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::vector<std::string> siv{"--function", "siv", "--domain", "name"};
  const Ended masked = drive(words("mask", siv), {.input = canary + "1\n" + canary + "2\n"});
  EXPECT_EQ(masked.code, 0) << masked.err;
  const std::size_t audited = read_file(at("keys.json.audit")).size();
  const Ended clear = drive(words("unmask", siv), {.gives_values = true, .input = masked.out});
  EXPECT_TRUE(mark_in(clear.out)) << clear.err;
  EXPECT_GT(read_file(at("keys.json.audit")).size(), audited);
  EXPECT_NE(drive(words("unmask", siv), {.input = canary + "\n"}).code, 0);
  // A column of a file: tokens, and what should be tokens.
  const std::string token = masked.out.substr(0, masked.out.find('\n'));
  const std::vector<std::string> csv{"--csv", "table.csv", "--column", "name", "--domain", "name"};
  write("table.csv", "id,name\n1," + token + "\n2,\n");
  const Ended whole = drive(words("unmask", csv), {.gives_values = true});
  EXPECT_EQ(whole.code, 0) << whole.err;
  EXPECT_TRUE(mark_in(whole.out)) << whole.out;
  for (const std::string& rows :
       {"1," + canary + "\n", "1,\"" + canary + "\n", "1,k1." + canary + canary + canary + "\n",
        "1,k9." + canary + "\n", "1,\"" + canary + "\"x\n"}) {
    write("table.csv", "id,name\n" + rows);
    EXPECT_NE(drive(words("unmask", csv)).code, 0) << rows;
  }
  write("table.csv", canary + ",other\n1,2\n");
  EXPECT_NE(drive(words("unmask", csv)).code, 0);
  // Each mask refuses something.
  for (const char* function : {"ip", "ip_prefix", "truncate_ip", "fpe", "date_shift", "email", "sha256"}) {
    std::vector<std::string> more{"--function", function};
    if (std::string(function) == "fpe") more.insert(more.end(), {"--alphabet", "digits"});
    if (std::string(function) == "truncate_ip") more.insert(more.end(), {"--bits", "8"});
    if (std::string(function) == "sha256") more.insert(more.end(), {"--salt", "s"});
    EXPECT_NE(drive(words("mask", more), {.input = canary + "\xff\n"}).code, 0) << function;
  }
}

void canary_commands::change_keys() {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"list", "keys.json"},
                                             {"add", "keys.json"},
                                             {"check", "keys.json"},
                                             {"check", "keys.json", "--project", file},
                                             {"promote", "keys.json", "k2"},
                                             {"rewrap", file, "from_queue", "--column", "name", "--domain", "name"},
                                             {"disable", "keys.json", "k1"},
                                             {"enable", "keys.json", "k1"}}) {
    std::vector<std::string> all{"keys"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(drive(all).code, 0) << words[0];
  }
  // A column that holds no tokens.
  for (const char* flow : {"to_vault", "to_bank"}) {
    for (const char* function : {"siv", "fernet", "seal"})
      EXPECT_NE(
          drive({"keys", "rewrap", file, flow, "--column", "name", "--domain", "name", "--function", function}).code, 0)
          << flow;
  }
  EXPECT_EQ(drive({"keys", "export-fernet", "keys.json", "--domain", "name"}, {.gives_values = true}).code, 0);
  EXPECT_NE(drive({"keys", "import-fernet", "keys.json", "--domain", "name"}, {.input = std::string(mark) + "\n"}).code,
            0);
}

// A server tells its figures to whoever asks.
void canary_commands::serve() {
  driven_.insert("serve");
  const int port = support::free_port();
  support::Process server(command({"serve", file, "--listen", "127.0.0.1:" + std::to_string(port)}, {}));
  fill();
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  EXPECT_TRUE(wait_until([&] { return queue_->stats("people")["visible"] == 0; }));
  EXPECT_TRUE(wait_until([&] { return support::http("GET", url + "/readyz").status == 200; }));
  look_at(server);
  std::string pages;
  for (const char* page : {"/metrics", "/healthz", "/readyz", "/"}) pages += support::http("GET", url + page).body;
  EXPECT_NE(pages.find("sluice_"), std::string::npos);
  expect_no_mark("a server's pages", pages);
  server.send_signal(SIGTERM);
  const auto ended = server.wait(std::chrono::seconds(30));
  ASSERT_TRUE(ended);
  look_at("serve", *ended);
}

TEST_F(canary_commands, leave_no_mark) {
  drive({"keys", "init", "other.json"});
  fill();
  fill_clear();
  look_around();
  move();
  handle_rejects();
  mask_and_unmask();
  change_keys();
  serve();
  for (const char* connection : {"bank", "vault"}) {
    const std::string models = std::string("models_") + connection + ".yaml";
    EXPECT_EQ(drive({"test", models}).code, 4);
  }
  drive({"demo", "demo"});
  drive({"demo", "shop", "shop"});
  drive({"demo", "loans", "loans"});
  EXPECT_EQ(driven_, all_commands()) << "a command is not driven";
  search_all();
}

}  // namespace
}  // namespace sluice::faults
