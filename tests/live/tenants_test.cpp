// A keyring a tenant, in one database: the recipe of docs/privacy.md as it stands there.
#include <gtest/gtest.h>

#include <fstream>

#include "support/postgres_server.hpp"

namespace sluice::live {
namespace {

namespace fs = std::filesystem;
using support::Ended;

std::string read(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The block of YAML below the recipe's heading.
std::string recipe() {
  const std::string page = read(fs::path(SLUICE_SOURCE_DIR) / "docs/privacy.md");
  const std::string fence = "```yaml\n";
  const std::size_t heading = page.find("### A keyring a tenant");
  const std::size_t begin = page.find(fence, heading) + fence.size();
  EXPECT_NE(heading, std::string::npos);
  return page.substr(begin, page.find("```", begin) - begin);
}

class tenants : public testing::Test {
 protected:
  void write_project(const std::string& from = {}, const std::string& to = {}) const {
    std::string project = recipe();
    if (!from.empty()) {
      const std::size_t at = project.find(from);
      ASSERT_NE(at, std::string::npos) << project;
      project.replace(at, from.size(), to);
    }
    std::ofstream(folder_.path() / "tenants.yaml") << project;
  }
  Ended run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), SLUICE_BINARY);
    return support::run({arguments, environment_, folder_.path().string()});
  }
  void good(const std::vector<std::string>& arguments) const {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
  }
  void send(const std::string& tenant, const std::string& body) {
    const fs::path inbox = folder_.path() / ("inbox_" + tenant);
    fs::create_directories(inbox);
    std::ofstream(inbox / ".new") << body << '\n';
    fs::rename(inbox / ".new", inbox / (std::to_string(++sent_) + ".ndjson"));
  }
  // Two tenants in turns; the first again when the ledger knows both.
  void both_run() {
    for (const char* tenant : {"acme", "globex"}) good({"keys", "init", std::string("keys_") + tenant + ".json"});
    int number = 0;
    for (const char* tenant : {"acme", "globex", "acme"}) {
      send(tenant, R"({"user_id": "u)" + std::to_string(++number) + R"(", "ip": "203.0.113.7"})");
      const std::string given = std::string("tenant=") + tenant;
      const Ended ended = run({"run", "tenants.yaml", "--var", given});
      EXPECT_EQ(ended.code, 0) << tenant << ": " << ended.err;
      EXPECT_NE(ended.out.find("1 received"), std::string::npos) << ended.out << ended.err;
      good({"keys", "check", std::string("keys_") + tenant + ".json", "--project", "tenants.yaml", "--var", given});
    }
  }

  support::TempFolder folder_{"tenants"};
  int sent_ = 0;
  std::map<std::string, std::optional<std::string>> environment_;
};

TEST_F(tenants, share_a_duckdb_file_by_the_recipe) {
  write_project();
  both_run();
}

TEST_F(tenants, share_a_postgres_database_by_the_recipe) {
  SLUICE_NEEDS_POSTGRES();
  const auto server = support::PostgresServer::start();
  environment_["DATABASE_URL"] = server->url();
  write_project("duckdb: warehouse.duckdb", "postgres: \"${DATABASE_URL}\"");
  both_run();
  EXPECT_EQ(server->sql("select count(*) || ' ' || count(distinct masked_ip) from logins_acme"), "2 1");
  EXPECT_EQ(server->sql("select count(*) from logins_globex join logins_acme using (masked_ip)"), "0");
}

// Without it: a second keyring is refused, in words that say so.
TEST_F(tenants, of_one_ledger_are_refused_and_told_of_the_other) {
  write_project(", ledger: \"sluice_${tenant}\"", "");
  for (const char* tenant : {"acme", "globex"}) {
    good({"keys", "init", std::string("keys_") + tenant + ".json"});
    send(tenant, R"({"user_id": "u", "ip": "203.0.113.7"})");
  }
  good({"run", "tenants.yaml", "--var", "tenant=acme"});
  const Ended refused = run({"run", "tenants.yaml", "--var", "tenant=globex"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("key 'k1' is not the one that the ledger knows"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("a second keyring needs a ledger of its own"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace sluice::live
