#include "canary_flow.hpp"

#include <duckdb.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace sluice::faults {
namespace {

namespace fs = std::filesystem;
using support::Ended;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Whatever the file's kind packs.
std::string unpacked(const fs::path& file) {
  const std::string name = file.string();
  const auto via = [&](const std::string& program) {
    const Ended ended = support::run({{program, "-dcq", name}, {}, {}});
    EXPECT_EQ(ended.code, 0) << name << ended.err;
    return ended.out;
  };
  if (name.ends_with(".gz")) return via("gzip");
  if (name.ends_with(".parquet")) return in_duckdb(nullptr, "select * from '" + name + "'");
  return {};
}

// Sources, and what may hold persons in clear.
constexpr const char* clear_places[] = {"spool", "drawer", "files/in", "clear", "input.txt", "table.csv"};

constexpr std::uintmax_t duckdb_least = 12288;  // three headers; below that a full disk left no database

}  // namespace

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string in_duckdb(const char* file, const std::string& sql) {
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  duckdb_result result;
  std::string out;
  if (duckdb_open(file, &database) != DuckDBSuccess || duckdb_connect(database, &connection) != DuckDBSuccess) {
    ADD_FAILURE() << "cannot open " << (file == nullptr ? "a DuckDB" : file);
  } else {
    EXPECT_EQ(duckdb_query(connection, sql.c_str(), &result), DuckDBSuccess) << sql << duckdb_result_error(&result);
    for (idx_t row = 0; row < duckdb_row_count(&result); ++row) {
      for (idx_t column = 0; column < duckdb_column_count(&result); ++column) {
        char* text = duckdb_value_varchar(&result, column, row);
        out.append(text == nullptr ? "" : text).append(column + 1 < duckdb_column_count(&result) ? "\t" : "\n");
        duckdb_free(text);
      }
    }
    duckdb_destroy_result(&result);
  }
  duckdb_disconnect(&connection);
  duckdb_close(&database);
  return out;
}

std::set<std::string> all_commands() {
  const Ended completion = support::run({{SLUICE_BINARY, "completion", "bash"}, {}, {}});
  std::set<std::string> names;
  for (const std::string& line : lines_of(completion.out)) {
    const std::size_t begin = line.find('"') + 1;
    const std::size_t end = line.find("\") words=\"");
    if (end == std::string::npos || end <= begin) continue;
    const std::string name = line.substr(begin, end - begin);
    // A group that does nothing by itself begins with the names of its commands; `demo` does something.
    const bool group = name != "demo" && line[end + std::string("\") words=\"").size()] != '-';
    if (!group) names.insert(name);
  }
  EXPECT_GT(names.size(), 25U) << completion.out;
  return names;
}

void CanaryFlow::SetUpTestSuite() {
  if (!support::postgres_binaries()) return;
  postgres_ = support::PostgresServer::start(
      {.settings = {"log_statement=all", "log_min_messages=debug1", "log_error_verbosity=verbose",
                    "log_line_prefix=[%d] ", "log_parameter_max_length_on_error=-1"}});
}

void CanaryFlow::TearDownTestSuite() { postgres_.reset(); }

void CanaryFlow::SetUp() {
  SLUICE_NEEDS_POSTGRES();
  const std::string number = std::to_string(++databases_);
  database_ = "tokens_" + number;
  vault_ = "vault_" + number;
  postgres().make_database(database_);
  postgres().make_database(vault_);
  queue_ = support::QueueServer::start();
  // What a process that died had taken comes back soon.
  for (const std::string queue : {"people", "events", "wishes"})
    queue_->call("CreateQueue", R"({"QueueName":")" + queue + R"(","Attributes":{"VisibilityTimeout":"5"}})");
  store_ = support::ObjectServer::start("lake");
  for (const char* folder : {"tmp", "clear", "spool", "drawer", "files/in"}) fs::create_directories(at(folder));
  write("canary.yaml", canary_yaml());
  write("people.sql", people_sql());
  write("bank.sql", bank_sql());
  write("vault.sql", vault_sql());
  drive({"keys", "init", "keys.json"});
}

void CanaryFlow::write(const std::string& name, const std::string& text) const {
  fs::create_directories(at(name).parent_path());
  std::ofstream(at(name), std::ios::binary) << text;
}

void CanaryFlow::fill(std::size_t every) {
  std::string lines;
  std::size_t i = 0;
  for (const std::string& message : people()) {
    if (i++ % every != 0) continue;
    lines += message + "\n";
    queue_->put("people", message);
  }
  write("spool/messages.ndjson", lines);
  write("files/in/people.json", lines);
  lines.clear();
  for (const std::string& message : vault_people()) {
    if (i++ % every != 0) continue;
    lines += message + "\n";
    queue_->put("wishes", message);
  }
  write("drawer/messages.ndjson", lines);
  store_->put("in/people.csv", people_csv());
  const std::string csv = people_csv();
  store_->put("chunks/people.csv", csv);
  for (const std::string& body : wrong_bodies(marked_person())) queue_->put("events", body);
  queue_->put("events", big_body(marked_person()));
  write("files/in/orders.csv", std::string(orders_header) + "1," + marked_customers().ann + "\n");
  in_duckdb(nullptr, "copy (select * from '" + at("files/in/orders.csv").string() + "') to '" +
                         at("files/in/orders.csv.gz").string() +
                         "' (format csv); copy (select order_id::int as order_id, " + "customer from '" +
                         at("files/in/orders.csv").string() + "') to '" + at("files/in/a.parquet").string() +
                         "' (format parquet)");
  for (const char* key : {"in/orders.csv", "in/orders.csv.gz", "in/a.parquet"})
    store_->put(key, read_file(at("files") / key));
  fill_parquet();
}

void CanaryFlow::fill_parquet() const {
  std::string good;
  for (const std::string& message : people()) {
    if (message.ends_with("}") && message.starts_with("{\"id\":\"p")) good += message + "\n";
  }
  write("clear/good.json", good);
  in_duckdb(nullptr,
            "copy (select id, name, email, ip, device, phone, born::date as born, card::bigint as card, note, "
            "age::int as age from read_json('" +
                at("clear/good.json").string() +
                "') union all select 'p' || "
                "i, name, case i % 2 when 0 then email end, ip, device, phone, born::date, card::bigint, repeat(note, "
                "30), age::int from read_json('" +
                at("clear/good.json").string() + "'), range(300) r(i)) to '" + at("files/in/people.parquet").string() +
                "' (format parquet)");
}

void CanaryFlow::fill_clear() {
  for (int i = 0; i < 20; ++i) {
    const std::string message = one_person("v" + std::to_string(i));
    queue_->put("wishes", message);
    write("drawer/messages.ndjson", read_file(at("drawer/messages.ndjson")) + message + "\n");
  }
  EXPECT_EQ(run({"to_vault", "to_bank"}).code, 0);
  EXPECT_EQ(vault("select count(*) > 9 from person"), "t");
  for (const char* connection : {"bank", "vault"}) {
    write(std::string("models_") + connection + ".yaml", models_yaml(connection));
    for (const NamedText& file : model_files(connection)) write(file.name, file.text);
  }
}

CanaryFlow::Environment CanaryFlow::environment() const {
  return {{"DATABASE_URL", postgres().url(database_)},
          {"VAULT_URL", postgres().url(vault_)},
          {"SQS", queue_->endpoint()},
          {"S3", store_->endpoint()},
          {"AWS_ACCESS_KEY_ID", "test"},
          {"AWS_SECRET_ACCESS_KEY", "test"},
          {"AWS_EC2_METADATA_DISABLED", "true"},
          {"TMPDIR", at("tmp").string()}};
}

support::Command CanaryFlow::command(const std::vector<std::string>& words, const How& how) const {
  std::vector<std::string> all{SLUICE_BINARY};
  all.insert(all.end(), words.begin(), words.end());
  all.insert(all.end(), {"-v", "-v", "-v"});
  if (!how.shell.empty() || !how.input.empty()) {
    const std::string input = how.input.empty() ? "" : " < input.txt";
    all.insert(all.begin(),
               {"/bin/sh", "-c", how.shell + (how.shell.empty() ? "" : "; ") + "exec \"$0\" \"$@\"" + input});
  }
  support::Command made{all, environment(), folder_.path().string()};
  for (const auto& [name, value] : how.environment) made.environment[name] = value;
  return made;
}

Ended CanaryFlow::drive(std::vector<std::string> words, const How& how) {
  static const std::set<std::string> commands = all_commands();
  const std::string two = words.size() > 1 ? words[0] + " " + words[1] : words[0];
  driven_.insert(commands.contains(two) ? two : words[0]);
  if (!how.input.empty()) write("input.txt", how.input);
  support::Process process(command(words, how));
  look_at(process);
  auto ended = process.wait(std::chrono::seconds(150));
  EXPECT_TRUE(ended) << two << " goes on and on: " << process.err();
  if (!ended) return {};
  Ended said = *ended;
  if (how.gives_values) said.out.clear();
  look_at(two, said);
  return *ended;
}

Ended CanaryFlow::run(const std::vector<std::string>& flows, const How& how, const std::string& file) {
  std::vector<std::string> words{"run", file, "--database-wait", "0s", "--wait", "0s"};
  for (const std::string& flow : flows) words.insert(words.end(), {"--flow", flow});
  return drive(words, how);
}

void CanaryFlow::look_at(const support::Process& process) {
  const std::string proc = "/proc/" + std::to_string(process.pid());
  expect_no_mark("a command line", read_file(proc + "/cmdline"));
  expect_no_mark("an environment", read_file(proc + "/environ"));
}

void CanaryFlow::look_at(const std::string& what, const Ended& ended) {
  expect_no_mark("stdout of " + what, ended.out);
  expect_no_mark("stderr of " + what, ended.err);
}

void CanaryFlow::search_all() {
  search_files();
  search_tables(database_, {});
  search_tables(vault_, {"public.person", "mart."});
  search_objects();
  search_log();
}

void CanaryFlow::search_files() const {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
    const std::string name = fs::relative(entry.path(), folder_.path()).string();
    if (!entry.is_regular_file()) continue;
    EXPECT_FALSE(entry.path().filename().string().starts_with("core")) << name;
    if (std::ranges::any_of(clear_places, [&](const char* one) { return name.starts_with(one); })) continue;
    expect_no_mark(name, read_file(entry.path()));
    expect_no_mark(name + ", unpacked", unpacked(entry.path()));
    ++count;
  }
  EXPECT_GT(count, 4U);
  // Rows as SQL shows them: DuckDB packs texts. Of the bank, ledger and rejects.
  for (const char* file : {"local.duckdb", "clear/bank.duckdb"}) {
    if (!fs::exists(at(file)) || fs::file_size(at(file)) < duckdb_least) continue;
    const std::string path = at(file).string();
    for (const std::string& table : lines_of(in_duckdb(
             path.c_str(),
             "select '\"' || table_schema || '\".\"' || table_name || '\"' from information_schema.tables"))) {
      const bool clear =
          file != std::string("local.duckdb") && (table == R"("main"."person")" || table.starts_with("\"mart\""));
      if (!clear) expect_no_mark(table, in_duckdb(path.c_str(), "select t::text from " + table + " t"));
    }
  }
}

void CanaryFlow::search_tables(const std::string& database, const std::set<std::string>& clear) const {
  for (const std::string& table : lines_of(postgres().sql(
           "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', "
           "'information_schema')",
           database))) {
    if (table == "public.known_device" ||
        std::ranges::any_of(clear, [&](const std::string& one) { return table.starts_with(one); }))
      continue;
    expect_no_mark("table " + table, postgres().sql("select t::text from " + table + " t", database));
  }
  expect_no_mark("pg_stat_activity", postgres().sql("select application_name from pg_stat_activity", database));
}

void CanaryFlow::search_objects() const {
  std::set<std::string> keys;
  for (const std::string& line : store_->log()) {
    expect_no_mark("the S3 server's log", line);
    std::istringstream words(line);
    std::string action;
    std::string key;
    words >> action >> key;
    if (action == "PutObject" || action == "CompleteMultipartUpload") keys.insert(key);
  }
  for (const std::string& key : keys) {
    if (!key.starts_with("out/")) continue;
    const std::string bytes = store_->get(key);
    expect_no_mark("object " + key, bytes);
    if (bytes.empty() || (!key.ends_with(".gz") && !key.ends_with(".parquet"))) continue;
    const fs::path copy = at("object" + fs::path(key).extension().string());
    std::ofstream(copy, std::ios::binary) << bytes;
    expect_no_mark("object " + key + ", unpacked", unpacked(copy));
  }
}

void CanaryFlow::search_log() const {
  // "[database] LEVEL:  text", and lines that go on with a tab.
  const std::string vaults = "[vault_";
  bool allowed = false;
  std::string wanted;
  for (const std::string& line : lines_of(postgres().log())) {
    if (!line.starts_with("\t")) {
      const bool in_vault = line.starts_with(vaults);
      const auto is = [&](const char* level) {
        return line.find(std::string("] ") + level + ":  ") != std::string::npos;
      };
      // What belongs to an error that the server tells of the clear database: its message, what it adds.
      if (is("ERROR") || is("WARNING") || is("FATAL")) {
        allowed = in_vault;
      } else if (!is("DETAIL") && !is("CONTEXT") && !is("QUERY") && !is("HINT") && !is("LOCATION")) {
        allowed = false;
      }
    }
    if (!allowed) wanted.append(line).append("\n");
  }
  EXPECT_NE(wanted.find("LOG:  "), std::string::npos) << "the log is not read as it is written";
  expect_no_mark("PostgreSQL's log", wanted);
}

}  // namespace sluice::faults
