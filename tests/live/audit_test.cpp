// Whoever looks at a value in clear is written down first, without the value; where that fails, nothing is shown.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/process.hpp"

namespace sluice::live {
namespace {

namespace fs = std::filesystem;
using support::Ended;

constexpr const char* message =
    R"({"user_id": "u1", "app_version": "2.3.0", "device_type": "ios", "ip": "no-address-7", "locale": null, "device_id": "1"})";

class audit_log : public testing::Test {
 protected:
  void SetUp() override {
    fs::copy(fs::path(SLUICE_SOURCE_DIR) / "tests/scenarios/project", folder_.path());
    ASSERT_EQ(run({"keys", "init", "keys.json"}).code, 0);
    tokens_ = shell("printf '203.0.113.7\\n203.0.113.8\\n' | " SLUICE_BINARY " mask --keys keys.json --domain ip");
    ASSERT_NE(tokens_, "");
  }

  std::string shell(const std::string& script) const {
    const Ended ended = support::run({{"/bin/sh", "-c", script}, {}, folder_.path().string()});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.out;
  }
  Ended run(std::vector<std::string> arguments,
            const std::map<std::string, std::optional<std::string>>& environment = {}) const {
    arguments.insert(arguments.begin(), SLUICE_BINARY);
    return support::run({arguments, environment, folder_.path().string()});
  }
  Ended unmask(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"unmask", "keys.json", "--domain", "ip", tokens_.substr(0, tokens_.find('\n'))};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  void refused(const Ended& ended, std::string_view words) const {
    EXPECT_EQ(ended.code, 3) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_NE(ended.err.find("nothing is shown"), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find(words), std::string::npos) << ended.err;
  }
  std::string path(const std::string& name) const { return folder_.path() / name; }
  std::string read(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::vector<nlohmann::json> entries(const std::string& name = "keys.json.audit") const {
    std::vector<nlohmann::json> out;
    std::ifstream in(path(name));
    for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line, nullptr, false));
    return out;
  }

  support::TempFolder folder_{"audit"};
  std::string tokens_;
};

TEST_F(audit_log, unmask_says_who_when_where_and_how_many) {
  std::ofstream(path("tokens.txt")) << tokens_;
  EXPECT_EQ(shell(SLUICE_BINARY " unmask keys.json --domain ip < tokens.txt"), "203.0.113.7\n203.0.113.8\n");
  const auto all = entries();
  ASSERT_EQ(all.size(), 1U);
  const nlohmann::json& entry = all[0];
  EXPECT_EQ(entry["command"], "unmask");
  EXPECT_EQ(entry["uid"], getuid());
  EXPECT_EQ(entry["user"], getuid() == 0 ? "root" : entry["user"]);
  EXPECT_NE(entry["host"], "");
  EXPECT_EQ(entry["at"].get<std::string>().size(), 20U);
  EXPECT_EQ(entry["keyring"], path("keys.json"));
  EXPECT_EQ(entry["function"], "mask_siv");
  EXPECT_EQ(entry["domain"], "ip");
  EXPECT_EQ(entry["tokens"], 2);
  const std::string text = read("keys.json.audit");
  EXPECT_EQ(text.find("203.0.113"), std::string::npos);
  EXPECT_EQ(text.find(tokens_.substr(3, 20)), std::string::npos);
  struct stat facts {};
  ASSERT_EQ(stat(path("keys.json.audit").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0600U);
}

TEST_F(audit_log, rejects_show_names_project_flow_and_ids) {
  fs::create_directories(path("queue"));
  std::ofstream(path("queue/messages.ndjson")) << message << "\n";
  ASSERT_EQ(run({"run", "logins.yaml"}).code, 0);
  const auto listed = nlohmann::json::parse(run({"--json", "rejects", "list", "logins.yaml"}).out);
  const std::string id = listed["result"]["rejects"][0]["id"];
  EXPECT_EQ(entries().size(), 0U) << "a list shows no value";

  const std::vector<std::string> show{"rejects", "show", "logins.yaml", id};
  Ended ended = run(show);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("no-address-7"), std::string::npos);
  ASSERT_EQ(entries().size(), 1U);
  EXPECT_EQ(entries()[0]["command"], "rejects show");
  EXPECT_EQ(entries()[0]["project"], "logins");
  EXPECT_EQ(entries()[0]["flow"], "user_logins");
  EXPECT_EQ(entries()[0]["rejects"], nlohmann::json::array({id}));
  EXPECT_EQ(read("keys.json.audit").find("no-address-7"), std::string::npos);

  refused(run(show, {{"SLUICE_AUDIT_LOG", "nowhere/audit"}}), "No such file or directory");
  EXPECT_EQ(run(show, {{"SLUICE_AUDIT_LOG", "elsewhere"}}).code, 0);
  EXPECT_EQ(entries("elsewhere").size(), 1U);
  EXPECT_EQ(entries().size(), 1U);
}

TEST_F(audit_log, that_cannot_be_written_or_trusted_shows_nothing) {
  refused(unmask({"--audit-log", "nowhere/audit"}), "No such file or directory");
  refused(unmask({"--audit-log", "/dev/full"}), "not a regular file");
  fs::create_directory(path("keys.json.audit"));
  refused(unmask(), "Is a directory");
  fs::remove(path("keys.json.audit"));
  fs::create_symlink("/dev/null", path("keys.json.audit"));
  refused(unmask(), "symbolic links");
  fs::remove(path("keys.json.audit"));
  ASSERT_EQ(mkfifo(path("keys.json.audit").c_str(), 0600), 0);
  refused(unmask(), "not a regular file");
  fs::remove(path("keys.json.audit"));
  std::ofstream(path("keys.json.audit")) << "";
  ASSERT_EQ(chmod(path("keys.json.audit").c_str(), 0622), 0);
  refused(unmask(), "chmod 600");
}

// A limit on the size of files stands for a full disk.
TEST_F(audit_log, that_is_cut_off_by_a_full_disk_shows_nothing_and_goes_on_later) {
  std::ofstream(path("tokens.txt")) << tokens_;
  ASSERT_EQ(unmask().code, 0);
  ASSERT_EQ(chmod(path("keys.json.audit").c_str(), 0600), 0);
  std::string filler = read("keys.json.audit");
  while (filler.size() < 1000) filler += "{}\n";
  filler.resize(1000, '\n');
  std::ofstream(path("keys.json.audit")) << filler;
  const Ended ended = support::run(
      {{"/bin/sh", "-c", "trap '' XFSZ; ulimit -f 2; exec " SLUICE_BINARY " unmask keys.json --domain ip < tokens.txt"},
       {},
       folder_.path().string()});
  refused(ended, "File too large");
  ASSERT_EQ(unmask().code, 0);
  const auto all = entries();
  EXPECT_EQ(all.back()["command"], "unmask");
}

TEST_F(audit_log, of_a_column_of_a_file_names_file_and_column) {
  const std::string token = tokens_.substr(0, tokens_.find('\n'));
  std::ofstream(path("logins.csv")) << "user,masked_ip\nu1," << token << "\nu2,\n";
  const std::vector<std::string> arguments{"unmask", "keys.json",  "--domain", "ip",
                                           "--csv",  "logins.csv", "--column", "masked_ip"};
  const Ended ended = run(arguments);
  EXPECT_EQ(ended.out, "user,masked_ip\nu1,203.0.113.7\nu2,\n") << ended.err;
  ASSERT_EQ(entries().size(), 1U);
  EXPECT_EQ(entries()[0]["csv"], "logins.csv");
  EXPECT_EQ(entries()[0]["column"], "masked_ip");
  refused(run(arguments, {{"SLUICE_AUDIT_LOG", "nowhere/audit"}}), "No such file or directory");
  std::ofstream(path("logins.csv")) << "user,masked_ip\nu1,203.0.113.9\n";
  const Ended wrong = run(arguments);
  EXPECT_EQ(wrong.code, 4);
  EXPECT_EQ(wrong.err.find("203.0.113.9"), std::string::npos) << wrong.err;
}

// The key that is given away opens the tokens of its domain, by another implementation, and no others.
TEST_F(audit_log, of_an_exported_fernet_key_that_python_can_use) {
  if (std::system("/usr/bin/env python3 -c 'import cryptography' 2> /dev/null") != 0) {
    std::fprintf(stderr, "SKIPPED LOUDLY: Python's cryptography not found\n");
    GTEST_SKIP() << "Python's cryptography not found";
  }
  EXPECT_EQ(shell("key=$(" SLUICE_BINARY " keys export-fernet keys.json --domain email); "
                  "echo ann@example.com | " SLUICE_BINARY " mask --keys keys.json --function fernet --domain email | "
                  "python3 -c 'import sys; from cryptography.fernet import Fernet; "
                  "print(Fernet(sys.argv[1]).decrypt(sys.stdin.read().strip()).decode())' \"$key\""),
            "ann@example.com\n");
  ASSERT_EQ(entries().size(), 1U);
  EXPECT_EQ(entries()[0]["command"], "keys export-fernet");
  EXPECT_EQ(entries()[0]["domain"], "email");
  EXPECT_EQ(run({"keys", "export-fernet", "keys.json", "--domain", "email", "--key", "k9"}).code, 2);
}

TEST_F(audit_log, nothing_is_lost_silently_when_stdout_cannot_be_written) {
  std::ofstream(path("tokens.txt")) << tokens_;
  for (const std::string command : {"mask --keys keys.json --domain name < tokens.txt", "keys list keys.json",
                                    "unmask keys.json --domain ip < tokens.txt", "validate logins.yaml --json"}) {
    const Ended ended =
        support::run({{"/bin/sh", "-c", SLUICE_BINARY " " + command + " > /dev/full"}, {}, folder_.path().string()});
    EXPECT_EQ(ended.code, 3) << command;
    EXPECT_NE(ended.err.find("could not be written"), std::string::npos) << ended.err;
  }
}

TEST_F(audit_log, of_many_at_once_has_a_line_of_each) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([this] { EXPECT_EQ(unmask().code, 0); });
  }
  const auto all = entries();
  EXPECT_EQ(all.size(), 8U);
  EXPECT_TRUE(std::ranges::all_of(all, [](const auto& entry) { return entry.is_object() && entry["tokens"] == 1; }));
}

}  // namespace
}  // namespace sluice::live
