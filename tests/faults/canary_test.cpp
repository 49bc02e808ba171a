// Proof that nothing leaks: every command, every sink and a list of failures, with values that stand nowhere else in
// the world in each personal field, at the most verbose log level; then a search of everything that is left: what was
// said, tables, ledger and rejects, the servers' logs, objects, every file of the folder, temporary files, dumps, and
// environment and command line of the processes.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "login_flow.hpp"
#include "support/object_server.hpp"

namespace sluice::faults {
namespace {

namespace fs = std::filesystem;
using support::Ended;

constexpr const char* mark = "Zq7canary";  // of every personal text
// Of every address, device and number.
const std::vector<std::string> numbers{"241.77.", "2001:db8:77c0", "977-31-55", "+99977312"};

constexpr const char* project = R"(name: canary
keys: keys.json
connections:
  queue: { sqs: people, region: us-east-1, endpoint: "${SQS}", wait: 0s, retry_for: 3s }
  spool: { spool: spool }
  lake: { s3: lake, region: us-east-1, endpoint: "${S3}", path_style: true, retry_for: 3s }
  files: { files: files }
  warehouse: { postgres: "${DATABASE_URL}" }
  local: { duckdb: local.duckdb }
  bank: { duckdb: clear/bank.duckdb, personal_data: allowed }
)";

// The same record and select for every way in.
std::string flow(const std::string& name, const std::string& from, const std::string& into) {
  return "  " + name + ":\n    from: " + from + R"(
    record:
      id:     { type: text, max: 20 }
      name:   { type: text, pii: text, max: 80 }
      email:  { type: text, pii: email }
      ip:     { type: text, pii: ip }
      device: { type: text, pii: device, pattern: "[0-9-]+" }
      note:   { type: text, pii: text, null: true }
      age:    { type: int }
    select: |
      select id, mask_siv(name, 'name') as name, mask_email(email) as email, mask_ip(ip, 'ip') as ip,
             mask_hmac(device, 'device') as device, mask_seal(note, 'note') as note,
             case when id = 'bad-cast' then mask_hmac((name::int)::text, 'name') else 'x' end as tried, (100 / age)::int as rate
      from input
    into: )" +
         into + "\n";
}

std::string project_text() {
  return std::string(project) + "flows:\n" +
         flow("from_queue", "{ queue: queue }", "{ table: warehouse.people, create: people.sql }") +
         flow("from_spool", "{ queue: spool }", "{ table: local.people, create: true }") +
         flow("from_s3", "{ objects: lake, glob: 'in/*.csv' }",
              "{ table: warehouse.merged, create: people.sql, mode: append }") +
         flow("from_files", "{ objects: files, glob: 'in/*.json', format: json }",
              "{ table: local.loaded, create: true, mode: replace }") +
         R"(  to_bank:
    from: { objects: files, key: in/bank.csv }
    record: { id: int, name: { type: text, pii: text }, ip: { type: text, pii: ip } }
    into: { table: bank.person, create: true, mode: replace }
  to_s3:
    from: { database: bank, sql: "select id, name, ip from person order by id" }
    select: select id, mask_siv(name, 'name') as name, mask_ip(ip, 'ip') as ip from input
    into: { objects: lake, key: out/people.csv }
  to_files:
    from: { table: bank.person }
    select: select id, mask_fernet(name, 'name') as name from input
    into: { objects: files, prefix: out/, format: json }
  failing:
    from: { table: bank.person }
    select: select mask_ip(name, 'ip') as ip from input
    into: { objects: files, key: out/failing.csv }
)";
}

std::string person(int i, const std::string& change_key = "", const std::string& change_value = "") {
  const std::string n = std::to_string(i);
  nlohmann::ordered_json json{{"id", "p" + n},
                              {"name", mark + std::string("Name") + n},
                              {"email", "zq7canary" + n + "@example.org"},
                              {"ip", "241.77.0." + std::to_string(i % 250)},
                              {"device", "977-31-55" + n},
                              {"note", mark + std::string("Note") + n},
                              {"age", 20 + i}};
  std::string text = json.dump();
  if (change_key.empty()) return text;
  const std::string old = "\"" + change_key + "\":" + json[change_key].dump();
  return text.replace(text.find(old), old.size(), change_value);
}

// Good ones, and one for each way to go wrong that may quote a value.
std::vector<std::string> messages() {
  std::vector<std::string> out;
  for (int i = 0; i < 20; ++i) out.push_back(person(i));
  const std::string canary(mark);
  out.push_back(person(30, "ip", "\"ip\":\"241.77.999." + canary + "\""));
  out.push_back(person(31, "ip", "\"ip\":\"2001:db8:77c0::1%eth0\""));
  out.push_back(person(32, "device", "\"device\":\"" + canary + "\""));
  out.push_back(person(33, "email", "\"email\":\"" + canary + " without at\""));
  out.push_back(person(34, "age", "\"age\":\"" + canary + "\""));
  out.push_back(person(35, "age", "\"age\":0"));
  out.push_back(person(36, "id", "\"id\":\"bad-cast\""));
  out.push_back(person(37, "id", "\"id\":\"" + canary + "-which-is-longer-than-the-field\""));
  out.push_back(person(38, "name", "\"nome\":\"" + canary + "\""));
  out.push_back(person(39, "name", "\"name\":\"" + canary + "\",\"" + canary + "\":1,\"name\":2"));
  out.push_back(person(40, "id", "\"id\":\"refused\""));  // by a CHECK of the table
  out.push_back("{\"name\": \"" + canary);
  out.push_back(canary + " is no JSON");
  out.push_back("[\"" + canary + "\"]");
  return out;
}

constexpr const char* people_sql = R"(
create table if not exists people(id text primary key check (id <> 'refused'), name text, email text, ip text,
  device text, note text, tried text, rate integer);
create table if not exists merged(id text check (id <> 'refused'), name text, email text, ip text, device text, note text,
  tried text, rate integer);
)";

std::string people_csv() {
  std::string text = "id,name,email,ip,device,note,age\n";
  const std::string canary(mark);
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    text += "c" + n + "," + canary + n + ",zq7canary" + n + "@example.org,241.77.1." + n + ",977-31-55" + n + ",\"" +
            canary + "\n" + n + "\"," + std::to_string(i + 1) + "\n";
  }
  text += "short," + canary + "\n";
  text += "long," + canary + ",a@b.c,241.77.1.1,977-31-55,x,1," + canary + "\n";
  text += "c40," + canary + "," + canary + ",241.77.1.1,977-31-55,x," + canary + "\n";
  text += "refused," + canary + ",a@example.org,241.77.1.1,977-31-55,x,1\n";
  text += "c41,\"" + canary + "\"trailing,a@example.org,241.77.1.1,977-31-55,x,1\n";
  return text;
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string hex_of(const std::string& text) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += digits[static_cast<unsigned char>(c) >> 4U];
    out += digits[static_cast<unsigned char>(c) & 15U];
  }
  return out;
}

class canary : public testing::Test {
 protected:
  void SetUp() override {
    SLUICE_NEEDS_POSTGRES();
    database_ = std::string("canary_") + std::to_string(++databases_);
    postgres().make_database(database_);
    queue_ = support::QueueServer::start();
    queue_->create_queue("people");
    store_ = support::ObjectServer::start("lake");
    write(at("canary.yaml"), project_text());
    write(at("people.sql"), people_sql);
    fill_sources();
    drive({"keys", "init", "keys.json"});
    fs::create_directories(at("tmp"));
    fs::create_directories(at("clear"));
  }

  fs::path at(const std::string& name) const { return folder_.path() / name; }

  void fill_sources() {
    queue_->send("people", messages());
    std::string lines;
    for (const std::string& message : messages()) lines += message + "\n";
    write(at("spool/messages.ndjson"), lines);
    write(at("files/in/people.json"), lines);
    store_->put("in/people.csv", people_csv());
    write(at("files/in/bank.csv"), std::string("id,name,ip\n1,") + mark + "Bank,241.77.3.3\n");
    for (const char* source : {"spool", "files/in", "clear", "input.txt"}) sources_.insert(at(source));
  }

  // What a command says is searched, unless giving out values is what it is for: then what it logs is.
  Ended drive(std::vector<std::string> words, bool gives_values = false, const std::string& input = {},
              const std::map<std::string, std::optional<std::string>>& more = {}) {
    driven_.insert(words.front());
    words.insert(words.begin(), {SLUICE_BINARY});
    words.insert(words.end(), {"-v", "-v", "-v"});
    support::Command command{words, environment(), folder_.path().string()};
    for (const auto& [name, value] : more) command.environment[name] = value;
    if (!input.empty()) {
      write(at("input.txt"), input);
      std::string line = "exec \"$0\" \"$@\" < input.txt";
      command.arguments.insert(command.arguments.begin(), {"/bin/sh", "-c", line});
    }
    support::Process process(command);
    const std::string proc = "/proc/" + std::to_string(process.pid());
    said_ += read(proc + "/cmdline") + read(proc + "/environ");
    const auto ended = process.wait(std::chrono::seconds(60));
    EXPECT_TRUE(ended) << words[1];
    if (!ended) return {};
    said_ += ended->err;
    if (!gives_values) said_ += ended->out;
    look(words[1]);
    return *ended;
  }

  std::map<std::string, std::optional<std::string>> environment() const {
    return {{"DATABASE_URL", postgres().url(database_)},
            {"SQS", queue_->endpoint()},
            {"S3", store_->endpoint()},
            {"AWS_ACCESS_KEY_ID", "test"},
            {"AWS_SECRET_ACCESS_KEY", "test"},
            {"AWS_EC2_METADATA_DISABLED", "true"},
            {"TMPDIR", at("tmp").string()}};
  }

  // A personal value in `text`: as it is, in another letter case, or as the hex digits of its bytes.
  static void search(const std::string& where, const std::string& text) {
    const std::string small = lower(text);
    std::vector<std::string> wanted{lower(mark), hex_of(mark), hex_of("zq7canary")};
    for (const std::string& number : numbers) wanted.insert(wanted.end(), {number, hex_of(number)});
    for (const std::string& one : wanted) {
      const std::size_t found = small.find(one);
      if (found == std::string::npos) continue;
      const std::size_t from = found < 200 ? 0 : found - 200;
      ADD_FAILURE() << where << ": \"" << one << "\" in clear: ..." << text.substr(from, 400);
    }
  }

  void look(const std::string& after) {
    search("said by " + after, said_);
    said_.clear();
  }

  // Everything that the commands left behind.
  void search_all(bool exported) {
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      const bool source = std::ranges::any_of(
          sources_, [&](const fs::path& one) { return entry.path().string().starts_with(one.string()); });
      if (entry.is_regular_file() && !source) search(entry.path().string(), read(entry.path()));
    }
    const std::string tables = postgres().sql(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in "
        "('pg_catalog', 'information_schema')",
        database_);
    std::istringstream lines(tables);
    std::size_t count = 0;
    for (std::string table; std::getline(lines, table); ++count)
      search("table " + table, postgres().sql("select t::text from " + table + " t", database_));
    EXPECT_GE(count, 6U) << tables;
    search("PostgreSQL's log", postgres().log());
    if (exported) search("the object", store_->get("out/people.csv"));
    for (const std::string& line : store_->log()) search("the S3 server's log", line);
  }

  // As the binary's own help lists them.
  static std::set<std::string> commands() {
    const Ended help = support::run({.arguments = {SLUICE_BINARY, "--help"}});
    std::set<std::string> names;
    std::istringstream lines(help.out.substr(help.out.find("Subcommands:")));
    for (std::string text; std::getline(lines, text);) {
      if (text.size() > 3 && text.starts_with("  ") && text[2] != ' ')
        names.insert(text.substr(2, text.find(' ', 2) - 2));
    }
    return names;
  }

  static inline int databases_ = 0;
  support::TempFolder folder_{"canary"};
  std::string database_;
  std::unique_ptr<support::QueueServer> queue_;
  std::unique_ptr<support::ObjectServer> store_;
  std::set<fs::path> sources_;
  std::set<std::string> driven_;
  std::string said_;
};

TEST_F(canary, is_found_nowhere_but_at_its_source) {
  const std::string file = "canary.yaml";
  // Looking.
  EXPECT_EQ(drive({"validate", file, "--json"}).code, 0);
  drive({"plan", file});
  drive({"plan", file, "--json"});
  drive({"plan", file, "--dot"});
  drive({"doctor", file});
  drive({"scan", file});
  drive({"scan", file, "--json"});
  drive({"schema"});
  drive({"completion", "bash"});
  for (const char* flow : {"from_queue", "from_spool", "from_s3", "from_files"}) drive({"preview", file, flow});
  // A preview's messages are given back; a scan's, too. Both are visible again at once.
  // Moving: good rows, and rows of every kind of fault.
  const Ended ran = drive({"run", file, "--log-format", "json"});
  EXPECT_EQ(ran.code, 4) << ran.err;  // the flow that fails on purpose
  EXPECT_NE(postgres().sql("select count(*) from people", database_), "0");
  EXPECT_EQ(postgres().sql("select count(distinct reason) > 9 from sluice.reject", database_), "t") << ran.out;
  drive({"preview", file, "to_s3"});
  drive({"run", file, "--json", "--full-refresh"});
  drive({"runs", file});
  // Rejects: names and reasons for everyone, payloads for whoever holds the key.
  const Ended listed = drive({"rejects", "list", file, "--flow", "from_queue", "--json"});
  const auto rejects = nlohmann::json::parse(listed.out, nullptr, false);
  ASSERT_TRUE(rejects.is_object()) << listed.out << listed.err;
  const std::string id = rejects["result"]["rejects"][0]["id"];
  const Ended shown = drive({"rejects", "show", file, id, "--flow", "from_queue"}, true);
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_NE(lower(shown.out).find("canary"), std::string::npos) << "the search would find nothing, either";
  drive({"rejects", "replay", file, "--flow", "from_queue"});
  drive({"rejects", "drop", file, id, "--flow", "from_queue"});
  // Masks in a shell.
  const Ended masked = drive({"mask", "--keys", "keys.json", "--function", "siv", "--domain", "name"}, false,
                             std::string(mark) + "1\n" + mark + "2\n");
  EXPECT_EQ(masked.code, 0) << masked.err;
  const Ended clear = drive({"unmask", "keys.json", "--function", "siv", "--domain", "name"}, true, masked.out);
  EXPECT_NE(clear.out.find(mark), std::string::npos) << clear.err;
  EXPECT_NE(
      drive({"mask", "--keys", "keys.json", "--function", "ip", "--domain", "ip"}, false, std::string(mark) + "\n")
          .code,
      0);
  EXPECT_NE(
      drive({"unmask", "keys.json", "--function", "siv", "--domain", "name"}, false, std::string(mark) + "\n").code, 0);
  drive({"keys", "list", "keys.json"});
  drive({"keys", "add", "keys.json"});
  drive({"keys", "check", "keys.json"});
  EXPECT_EQ(drive({"keys", "promote", "keys.json", "k2"}).code, 0);
  drive({"keys", "rewrap", file, "from_queue", "--column", "name", "--domain", "name"});
  drive({"keys", "export-fernet", "keys.json", "--domain", "name"}, true);
  EXPECT_NE(drive({"keys", "import-fernet", "keys.json", "--domain", "name"}, false, std::string(mark) + "\n").code, 0);
  EXPECT_EQ(drive({"keys", "disable", "keys.json", "k1"}).code, 0);
  EXPECT_EQ(drive({"keys", "enable", "keys.json", "k1"}).code, 0);
  drive({"presign", file, "to_s3"});
  drive({"test", file});
  drive({"demo", "demo"});
  // A server tells its figures to whoever asks.
  {
    const int port = support::free_port();
    support::Command command{
        {SLUICE_BINARY, "serve", file, "--listen", "127.0.0.1:" + std::to_string(port), "-v", "-v"},
        environment(),
        folder_.path().string()};
    support::Process server(command);
    queue_->send("people", messages());
    const std::string url = "http://127.0.0.1:" + std::to_string(port);
    EXPECT_TRUE(wait_until([&] { return queue_->stats("people")["visible"] == 0; }));
    EXPECT_TRUE(wait_until([&] { return support::http("GET", url + "/readyz").status == 200; }));
    for (const char* page : {"/metrics", "/healthz", "/readyz", "/"}) said_ += support::http("GET", url + page).body;
    EXPECT_NE(said_.find("sluice_"), std::string::npos);
    server.send_signal(SIGTERM);
    const auto ended = server.wait(std::chrono::seconds(30));
    ASSERT_TRUE(ended);
    said_ += ended->out + ended->err;
    driven_.insert("serve");
    look("serve");
  }
  EXPECT_EQ(driven_, commands());
  search_all(true);
}

TEST_F(canary, is_found_nowhere_after_a_fault_of_a_far_end) {
  const std::string file = "canary.yaml";
  using Environment = std::map<std::string, std::optional<std::string>>;
  // Nobody there, nobody who may, and a table of another shape.
  drive({"run", file, "--database-wait", "0s"}, false, {}, Environment{{"DATABASE_URL", "postgresql://127.0.0.1:1/x"}});
  drive({"run", file}, false, {}, Environment{{"DATABASE_URL", postgres().url(database_, "nobody")}});
  drive({"run", file, "--wait", "0s"}, false, {}, Environment{{"SQS", "http://127.0.0.1:1"}});
  drive({"run", file}, false, {}, Environment{{"S3", "http://127.0.0.1:1"}});
  postgres().sql("drop table if exists people; create table people(id text, name integer, email text)", database_);
  drive({"run", file, "--flow", "from_queue"});
  postgres().sql("drop table people", database_);
  // A trigger that quotes the row, a constraint that does, a column that is too narrow.
  postgres().sql(std::string("drop table if exists merged;") + people_sql + R"(
    create function refuse() returns trigger language plpgsql as
      $$begin if new.id = 'p3' then raise exception 'no % here', new using detail = new.name; end if; return new; end$$;
    create trigger refuse before insert on people for each row execute function refuse();
    alter table merged add constraint c check (rate < 5), alter column name type varchar(20))",
                 database_);
  drive({"run", file, "--flow", "from_queue", "--flow", "from_s3"});
  // An object that is none of what it should be.
  for (const std::string& bytes :
       {people_csv() + "c42,\"" + mark + " never closed,a@example.org", std::string(mark) + ",no,header\n1,2,3\n",
        std::string("\x1f\x8b") + mark, std::string(mark), std::string()}) {
    store_->put("in/people.csv", bytes);
    drive({"run", file, "--flow", "from_s3"});
    drive({"preview", file, "from_s3"});
    drive({"scan", file, "from_s3"});
  }
  store_->put("in/people.csv", people_csv());
  for (const char* fault : {"cut", "flipped", "error_in_200", "500"}) {
    store_->fault(fault, "count=3");
    drive({"run", file, "--flow", "from_s3"});
    store_->clear_faults();
  }
  search_all(false);
}

#ifdef SLUICE_CRASH_POINTS
TEST_F(canary, is_found_nowhere_after_a_death_in_the_middle) {
  // Whoever started us may allow dumps: they are off all the same.
  rlimit limit{};
  getrlimit(RLIMIT_CORE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_CORE, &limit);
  const std::string file = "canary.yaml";
  for (const char* point : {"A2_in_transaction", "A4_committed"})
    drive({"run", file, "--flow", "from_queue"}, false, {}, {{"SLUICE_CRASH_AT", point}});
  for (const char* point : {"C1_rows_written", "C3_committed"})
    drive({"run", file, "--flow", "from_s3"}, false, {}, {{"SLUICE_CRASH_AT", point}});
  drive({"run", file, "--flow", "to_bank"});
  drive({"run", file, "--flow", "to_s3"}, false, {}, {{"SLUICE_CRASH_AT", "B2_object_published"}});
  // Signals that dump core by default.
  for (const int number : {SIGABRT, SIGSEGV, SIGQUIT}) {
    support::Command command{
        {SLUICE_BINARY, "run", file, "--flow", "from_queue", "-v", "-v", "-v"}, environment(), folder_.path().string()};
    support::Process process(command);
    const auto received = queue_->stats("people")["received"];
    queue_->send("people", messages());
    EXPECT_TRUE(wait_until([&] { return queue_->stats("people")["received"] > received; }));
    process.send_signal(number);
    const auto ended = process.wait(std::chrono::seconds(30));
    ASSERT_TRUE(ended);
    said_ += ended->out + ended->err;
    look("a run that died");
  }
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with("core")) << entry.path();
  search_all(true);
}
#endif

}  // namespace
}  // namespace sluice::faults
