// Objects that are wrong, stores that fail, keys of every shape: both ways, on S3 and in a folder. Each ends in one
// clear line and the right exit code, and leaves nothing half-written.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "sluice/local/duckdb_database.hpp"
#include "support/object_server.hpp"
#include "support/process.hpp"
#include "wrong_contents.hpp"

namespace sluice::faults {
namespace {

namespace fs = std::filesystem;
using support::Ended;

constexpr const char* signing = "test:test";
constexpr const char* header = orders_header;

void write_file(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A project with a flow each way between a store and a DuckDB file.
class Orders {
 public:
  explicit Orders(bool s3, const std::vector<std::string>& server_arguments = {}) {
    if (s3) server_ = support::ObjectServer::start("lake", server_arguments);
    configure();
    make_database("w.duckdb");
    EXPECT_EQ(run({"keys", "init", "keys.json"}).code, 0);
  }

  // What the flow reads and writes, and other places that a test wants to change.
  std::string key = "in/orders.csv";
  std::string out_key = "out/orders.csv";
  std::string format = "csv";
  std::string rows = "1000";  // that the export writes
  std::string bucket = "lake";

  fs::path at(const std::string& name) const { return folder_.path() / name; }
  support::ObjectServer& server() const { return *server_; }

  void configure(const std::string& file = "p.yaml", const std::string& database = "w.duckdb") {
    const auto quoted = [](const std::string& text) {
      std::string out = "\"";
      for (const char c : text) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
      return out + "\"";
    };
    const std::string store = server_ ? "{ s3: " + bucket + ", region: us-east-1, endpoint: \"" + server_->endpoint() +
                                            "\", path_style: true, retry_for: 0s }"
                                      : "{ files: lake }";
    write_file(at(file), "name: p\nkeys: keys.json\nconnections:\n  lake: " + store + "\n  w: { duckdb: " + database +
                             " }\nflows:\n  load:\n    from: { objects: lake, key: " + quoted(key) +
                             ", format: " + format + " }\n    record: { order_id: int, customer: text }\n" +
                             "    into: { table: w.orders, create: true, mode: replace }\n" +
                             "  export:\n    from: { database: w, sql: \"select i as id, repeat('x', 40) as name from "
                             "range(" +
                             rows + ") r(i) order by i\" }\n    into: { objects: lake, key: " + quoted(out_key) +
                             " }\n" + "  files:\n    from: { database: w, sql: \"select " + rows +
                             " as n\" }\n    into: { objects: lake, prefix: set/, publish: manifest }\n");
  }

  support::Command command(std::vector<std::string> words) const {
    words.insert(words.begin(), SLUICE_BINARY);
    return {std::move(words),
            {{"AWS_ACCESS_KEY_ID", "test"}, {"AWS_SECRET_ACCESS_KEY", "test"}, {"AWS_EC2_METADATA_DISABLED", "true"}},
            folder_.path().string()};
  }
  Ended run(const std::vector<std::string>& words) const { return support::run(command(words)); }
  Ended load() { return flow("load"); }
  Ended move_out() { return flow("export"); }
  Ended flow(const std::string& name) {
    configure();
    return run({"run", "p.yaml", "--flow", name, "--database-wait", "0s"});
  }

  void put(const std::string& bytes) const {
    if (server_) return server_->put(key, bytes);
    write_file(at("lake/" + key), bytes);
  }
  std::string get(const std::string& name) const {
    return server_ ? server_->get(name) : read_file(at("lake/" + name));
  }
  // Empty: there is none, neither whole nor in part.
  std::string left(const std::string& name) const {
    if (!server_) {
      std::string found = fs::exists(at("lake/" + name)) ? "the object" : "";
      std::size_t parts = 0;
      if (fs::exists(at("lake/.sluice"))) {
        for (const auto& entry : fs::directory_iterator(at("lake/.sluice"))) parts += entry.path().filename() != "lock";
      }
      return parts == 0 ? found : found + " and " + std::to_string(parts) + " parts";
    }
    const auto stats = server_->stats();
    return stats.counts.at("objects") == 0 && stats.counts.at("uploads") == 0
               ? ""
               : std::to_string(stats.counts.at("objects")) + " objects, " +
                     std::to_string(stats.counts.at("uploads")) + " uploads";
  }

  // An export reads a file that is there.
  void make_database(const std::string& name) const {
    const auto database = open(name);
    ASSERT_TRUE(database) << database.error().text();
    const Result<void> made = (*database)->prepare({.project = "p",
                                                    .flow = "load",
                                                    .table = {"", "orders"},
                                                    .create = CreateTable{},
                                                    .columns = {{"order_id", {Kind::int32}}, {"customer", {}}},
                                                    .from_objects = true});
    EXPECT_TRUE(made) << made.error().text();
  }

  // "1|ann;2|bob", at most the first ten.
  std::string table() const {
    const auto database = open("w.duckdb");
    if (!database) return database.error().text();
    const auto found = (*database)->first_rows({"", "orders"}, 10);
    if (!found) return found.error().text();
    std::vector<std::string> lines;
    for (const Cells& cells : found->rows) lines.push_back(cells[0].value_or("NULL") + "|" + cells[1].value_or("NULL"));
    std::ranges::sort(lines);
    std::string out;
    for (const std::string& line : lines) out += (out.empty() ? "" : ";") + line;
    return out;
  }

 private:
  Result<std::unique_ptr<Database>> open(const std::string& name) const {
    Settings settings;
    settings.connection = "w";
    settings.folder = folder_.path().string();
    settings.values["duckdb"].text = name;
    return local::open_duckdb(settings, system_clock());
  }

  support::TempFolder folder_{"wrong_objects"};
  std::unique_ptr<support::ObjectServer> server_;
};

void expect_error(const Ended& ended, int code, std::string_view part) {
  EXPECT_EQ(ended.code, code) << ended.err;
  EXPECT_NE(ended.err.find(part), std::string::npos) << "no \"" << part << "\" in: " << ended.err;
  std::istringstream lines(ended.err);
  std::size_t count = 0;
  // What takes long says how far it is.
  for (std::string line; std::getline(lines, line);) count += line.find("event=progress") == std::string::npos ? 1 : 0;
  EXPECT_EQ(count, 1U) << ended.err;
}

void expect_done(const Ended& ended) { EXPECT_EQ(ended.code, 0) << ended.err; }

// What is in the object ---------------------------------------------------------------------------------------

const std::string before = "7|before";

std::vector<Content> contents() { return wrong_contents({}); }

using wrong_objects_content = testing::TestWithParam<std::tuple<bool, std::size_t>>;

TEST_P(wrong_objects_content, is_told_or_taken) {
  const auto [s3, number] = GetParam();
  const Content content = contents()[number];
  Orders orders(s3);
  orders.put(std::string(header) + "7,before\n");
  expect_done(orders.load());
  orders.key = content.key;
  orders.format = content.format;
  orders.put(bytes_of(content, std::string(std::size_t{50} << 20U, content.much_of)));
  const Ended ended = orders.load();
  if (content.error != nullptr) {
    expect_error(ended, 4, content.error);
    EXPECT_NE(ended.err.find(content.key), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("; "), std::string::npos) << "what to do: " << ended.err;
    EXPECT_EQ(ended.err.find("Annabel"), std::string::npos) << ended.err;
  } else {
    expect_done(ended);
    EXPECT_NE((ended.out + ended.err).find(content.said), std::string::npos) << ended.out << ended.err;
  }
  EXPECT_EQ(orders.table(), content.table);
}

INSTANTIATE_TEST_SUITE_P(of, wrong_objects_content,
                         testing::Combine(testing::Bool(), testing::Range(std::size_t{0}, contents().size())),
                         [](const auto& one) {
                           return std::string(std::get<0>(one.param) ? "s3_" : "folder_") +
                                  contents()[std::get<1>(one.param)].name;
                         });

// Where it stands ---------------------------------------------------------------------------------------------

class wrong_objects : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(of, wrong_objects, testing::Bool(),
                         [](const auto& one) { return std::string(one.param ? "s3" : "folder"); });

TEST_P(wrong_objects, keys_of_every_shape_go_both_ways_or_are_refused) {
  Orders orders(GetParam());
  for (const std::string name :
       {"with space", "plus+plus", "percent%2Fslash", "%", "two//slashes", "up/../and down", "colon:colon",
        "ümläut/日本語", "a=b&c=d", "ques?tion#hash", "quote'\"quote", "back\\slash", "star*[x]", "dollar$ {x}"}) {
    SCOPED_TRACE(name);
    orders.key = orders.out_key = "k/" + name;
    orders.rows = "1";
    const bool path = name.find("//") == std::string::npos && name.find("..") == std::string::npos;
    const Ended out = orders.move_out();
    if (!GetParam() && !path) {
      expect_error(out, 2, "so it is no file below the folder");
      expect_error(orders.load(), 2, "so it is no file below the folder");
      continue;
    }
    expect_done(out);
    EXPECT_EQ(orders.get(orders.key), "id,name\n0," + std::string(40, 'x') + "\n");
    orders.put(header + ("1," + std::to_string(name.size())) + "\n");
    const Ended in = orders.load();
    expect_done(in);
    EXPECT_NE(in.out.find("objects: 1 loaded"), std::string::npos) << in.out;
    EXPECT_EQ(orders.table(), "1|" + std::to_string(name.size()));
  }
}

TEST_P(wrong_objects, no_such_key_and_no_such_bucket) {
  Orders orders(GetParam());
  orders.put(std::string(header) + "7,before\n");
  expect_done(orders.load());
  orders.key = "in/nothing.csv";
  expect_error(orders.load(), 2, "there is no object ");
  EXPECT_EQ(orders.table(), before);
  if (!GetParam()) return;
  orders.bucket = "lagoon";
  expect_error(orders.load(), 3, "there is no bucket lagoon");
  expect_error(orders.move_out(), 3, "there is no bucket lagoon");
  EXPECT_EQ(orders.table(), before);
}

// A full disk under the folder, by a small file system where one can be made, else by a limit on the size of files.
TEST(wrong_objects_disk, that_fills_leaves_no_object_and_no_part) {
  Orders orders(false);
  orders.rows = "200000";  // 9 MB
  orders.configure();
  fs::create_directories(orders.at("lake"));
  const std::string lake = orders.at("lake").string();
  const bool mounted = mount("tmpfs", lake.c_str(), "tmpfs", 0, "size=1m") == 0;
  support::Command command = orders.command({"run", "p.yaml", "--flow", "export"});
  if (!mounted) {
    const std::string limited = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\"";
    command.arguments.insert(command.arguments.begin(), {"/bin/sh", "-c", limited});
  }
  const Ended ended = support::run(command);
  expect_error(ended, 3, orders.out_key + ": cannot write");
  expect_error(ended, 3, "free some disk space, then run again");
  EXPECT_EQ(orders.left(orders.out_key), "");
  if (mounted) umount(lake.c_str());
  expect_done(orders.move_out());
}

TEST(wrong_objects_disk, that_fills_under_the_table_leaves_it_as_it_was) {
  Orders orders(false);
  orders.put(std::string(header) + "7,before\n");
  expect_done(orders.load());
  std::string csv = header;
  std::uint32_t state = 1;
  for (int i = 0; i < 300000; ++i) {
    csv += std::to_string(i) + ",";
    for (int k = 0; k < 4; ++k) csv += std::to_string(state = state * 1664525U + 1013904223U);  // that packs badly
    csv += '\n';
  }
  orders.put(csv);
  support::Command command = orders.command({"run", "p.yaml", "--flow", "load", "--database-wait", "0s"});
  const std::string limited = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\"";
  command.arguments.insert(command.arguments.begin(), {"/bin/sh", "-c", limited});
  const Ended ended = support::run(command);
  expect_error(ended, 3, "free some disk space");
  EXPECT_EQ(orders.table(), before);
  expect_done(orders.load());
  EXPECT_NE(orders.table(), before);
}

// What S3 answers ---------------------------------------------------------------------------------------------

struct Answer {
  const char* fault;
  int load;       // exit codes, where the fault lasts
  int put;        // of a small export
  int multipart;  // of a large one
  const char* said;
  bool large = false;    // in parts, too
  bool unknown = false;  // what became of a write
};
const std::vector<Answer> answers{
    {"403", 3, 3, 3, "not allowed: ", true},           {"404", 2, 2, 2, "there is no object "},
    {"no_bucket", 3, 3, 3, "there is no bucket lake"}, {"409", 3, 3, 3, "ConditionalRequestConflict"},
    {"412", 2, 2, 2, "PreconditionFailed", true},      {"slow_down", 3, 3, 3, "S3 asks to go slower"},
    {"500", 3, 3, 3, "InternalError", true, true},     {"cut", 3, 3, 3, "lake", true, true},
};

TEST(wrong_objects_s3, an_answer_that_lasts_is_one_line_and_nothing_is_written) {
  const std::string large = "300000";  // 14 MB: two parts
  for (const Answer& answer : answers) {
    SCOPED_TRACE(answer.fault);
    Orders orders(true);
    orders.put(std::string(header) + "7,before\n");
    expect_done(orders.load());
    orders.put(std::string(header) + "8,after\n");
    orders.server().fault(answer.fault, "action=GetObject");
    expect_error(orders.load(), answer.load, answer.said);
    EXPECT_EQ(orders.table(), before);
    orders.server().reset();
    orders.server().fault(answer.fault, "action=PutObject");
    expect_error(orders.move_out(), answer.put, answer.said);
    EXPECT_EQ(orders.left(orders.out_key), "");
    if (!answer.large) continue;
    orders.rows = large;
    for (const char* action : {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}) {
      SCOPED_TRACE(action);
      orders.server().clear_faults();
      orders.server().fault(answer.fault, std::string("action=") + action);
      expect_error(orders.move_out(), answer.multipart, answer.said);
      // Nobody knows what became of a completion without an answer: it is not aborted, but left to `doctor`.
      const bool unknown = std::string(action) == "CompleteMultipartUpload" && answer.unknown;
      EXPECT_EQ(orders.left(orders.out_key), unknown ? "0 objects, 1 uploads" : "");
    }
  }
}

// A role that may put objects alone: there is nothing to compare with, and the object is handed out all the same.
TEST(wrong_objects_s3, who_may_not_look_at_a_key_may_still_write_it) {
  Orders orders(true);
  orders.server().fault("403", "action=HeadObject");
  expect_done(orders.move_out());
  expect_done(orders.move_out());
  EXPECT_NE(orders.left(orders.out_key), "");
}

TEST(wrong_objects_s3, an_answer_that_passes_or_is_lost_changes_nothing_of_an_export) {
  for (const char* rows : {"1000", "300000"}) {
    Orders plain(true);
    plain.rows = rows;
    expect_done(plain.move_out());
    const std::string wanted = plain.get(plain.out_key);
    EXPECT_GT(wanted.size(), 40000U);
    for (const char* fault : {"slow_down", "500", "cut", "lost_reply", "truncated", "error_in_200", "409"}) {
      for (const char* action : {"PutObject", "UploadPart", "CompleteMultipartUpload"}) {
        if (std::string(fault) == "error_in_200" && std::string(action) != "CompleteMultipartUpload") continue;
        SCOPED_TRACE(std::string(fault) + " " + action + " " + rows);
        Orders orders(true);
        orders.rows = rows;
        orders.server().fault(fault, std::string("count=1&action=") + action);
        expect_done(orders.move_out());
        EXPECT_TRUE(orders.get(orders.out_key) == wanted);
        EXPECT_EQ(orders.left(orders.out_key), "1 objects, 0 uploads");
      }
    }
  }
}

TEST(wrong_objects_s3, a_200_with_an_error_inside_that_lasts_publishes_nothing) {
  Orders orders(true);
  orders.rows = "300000";
  orders.server().fault("error_in_200", "action=CompleteMultipartUpload");
  expect_error(orders.move_out(), 3, "InternalError");
  EXPECT_EQ(orders.left(orders.out_key), "0 objects, 1 uploads");  // perhaps it goes on: nothing is aborted on a guess
}

TEST(wrong_objects_s3, a_bucket_in_another_region_is_followed_and_said_once) {
  Orders orders(true, {"--check-signature", signing, "--region", "eu-central-1"});
  orders.put(std::string(header) + "1,ann\n");
  for (const char* flow : {"load", "export"}) {
    const Ended ended = orders.flow(flow);
    expect_done(ended);
    const std::size_t said = ended.err.find("eu-central-1");
    EXPECT_NE(said, std::string::npos) << ended.err;
    EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
  }
  EXPECT_EQ(orders.table(), "1|ann");
}

TEST(wrong_objects_s3, a_clock_an_hour_off_is_corrected_both_ways) {
  for (const int seconds : {3600, -3600}) {
    Orders orders(true, {"--check-signature", signing});
    orders.put(std::string(header) + "1,ann\n");
    orders.server().advance(seconds);
    expect_done(orders.load());
    EXPECT_EQ(orders.table(), "1|ann");
    orders.rows = "300000";
    expect_done(orders.move_out());
  }
}

// An old writer wakes up after a new one has published: it stops, and what is there stays.
TEST(wrong_objects_s3, an_old_writer_of_a_manifest_stops_at_the_new_one) {
  Orders orders(true);
  orders.rows = "1";
  orders.configure();
  expect_done(orders.run({"run", "p.yaml", "--flow", "files"}));
  orders.rows = "2";
  orders.configure("old.yaml", "old.duckdb");
  orders.rows = "3";
  orders.configure("new.yaml", "new.duckdb");
  orders.make_database("old.duckdb");
  orders.make_database("new.duckdb");
  // It has read the manifest, and its file is on the way for a while.
  orders.server().fault("delay", "count=1&ms=3000&action=PutObject");
  support::Process old(orders.command({"run", "old.yaml", "--flow", "files"}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto delayed = [&] {
    const auto stats = orders.server().stats();
    return stats.faults.contains("delay") && stats.faults.at("delay") == 1;
  };
  while (!delayed() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_TRUE(delayed()) << old.err();
  expect_done(orders.run({"run", "new.yaml", "--flow", "files"}));
  const std::string manifest = orders.get("set/_manifest.json");
  const auto ended = old.wait(std::chrono::seconds(30));
  ASSERT_TRUE(ended);
  expect_error(*ended, 2, "was changed by another run meanwhile");
  EXPECT_EQ(orders.get("set/_manifest.json"), manifest);
}

}  // namespace
}  // namespace sluice::faults
