// A key replaced while messages keep coming: tokens of the old key are rewrapped by a process that is killed and begun
// again, beside runs that write to the same table.
#include <gtest/gtest.h>
#include <signal.h>

#include <sstream>

#include "login_flow.hpp"
#include "sluice/mask/keyring.hpp"
#include "sluice/mask/mask.hpp"
#include "support/crash_points.hpp"

namespace sluice::faults {
namespace {

std::vector<std::string> rewrap(const std::string& column, const std::string& domain) {
  return {"keys", "rewrap", "logins.yaml", "--column", column, "--domain", domain, "--batch", "50"};
}

class rewrap_flow : public testing::Test {
 protected:
  void SetUp() override { SLUICE_NEEDS_POSTGRES(); }
  // Tokens of a key in a column.
  static std::uint64_t of(const LoginFlow& flow, const std::string& id, const std::string& column = "masked_ip") {
    return std::stoull(flow.sql("select count(*) from user_logins where " + column + " like '" + id + ".%'"));
  }
  static void replace_key(LoginFlow& flow) {
    ASSERT_EQ(flow.sluice({"keys", "add", "keys.json"}).code, 0);
    ASSERT_EQ(flow.sluice({"keys", "promote", "keys.json", "k2"}).code, 0);
  }
};

TEST_F(rewrap_flow, goes_on_after_a_kill_at_each_step_while_runs_write_to_the_table) {
  SLUICE_NEEDS_POSTGRES();
  SLUICE_NEEDS_CRASH_POINTS();
  LoginFlow flow;
  flow.send(login_messages(500));
  ASSERT_EQ(flow.run().code, 0);
  replace_key(flow);
  flow.send(login_messages(200, 500));
  ASSERT_EQ(flow.run().code, 0);
  const std::uint64_t old = of(flow, "k1");
  EXPECT_GT(old, 400U);
  EXPECT_GT(of(flow, "k2"), 150U);

  std::uint64_t left = old;
  for (const char* point : {"rewrap_batch_made:2", "rewrap_batch_written:2"}) {
    const auto died = flow.sluice(rewrap("masked_ip", "ip"), {{"SLUICE_CRASH_AT", point}});
    EXPECT_EQ(died.signal, SIGKILL) << point << died.err;
    const std::uint64_t now = of(flow, "k1");
    EXPECT_EQ(now, left - (std::string(point) == "rewrap_batch_made:2" ? 50 : 100)) << point;
    left = now;
  }

  flow.send(login_messages(2000, 700));
  const auto running = flow.start();
  int beside = 0;  // how often one ended while the run still ran
  while (running->running()) {
    const auto ended =
        flow.sluice(rewrap(beside % 2 == 0 ? "masked_ip" : "masked_device_id", beside % 2 == 0 ? "ip" : "device"));
    EXPECT_EQ(ended.code, 0) << ended.err;
    if (running->running()) ++beside;
  }
  EXPECT_GT(beside, 0) << "the run was over before anything was rewrapped";
  const auto ended = running->wait(std::chrono::minutes(1));
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->code, 0) << ended->err;
  flow.keep(ended->out + ended->err);
  EXPECT_EQ(flow.sluice(rewrap("masked_ip", "ip")).code, 0);
  EXPECT_EQ(flow.sluice(rewrap("masked_device_id", "device")).code, 0);
  EXPECT_EQ(of(flow, "k1"), 0U);
  EXPECT_EQ(of(flow, "k1", "masked_device_id"), 0U);
  // Every token recovers its value, no row is missing or there twice, nothing is in clear.
  flow.verdict();
}

// A column of tokens that do not name their key, beside one that tells the same value.
struct Unnamed {
  std::string column;
  std::string function;
  std::vector<std::string> options;
  mask::MaskArguments arguments;
  std::string key_column;  // or ""
  std::string token;       // what `unmask` is given, in SQL
  std::string beside;      // tokens of mask_siv, or the value in clear
  std::string domain;      // of these tokens
};

class rewrap_without_ids : public rewrap_flow, public testing::WithParamInterface<Unnamed> {
 protected:
  static FlowOptions options() {
    FlowOptions out;
    out.columns =
        "mask_ip(ip, 'logins') as address, mask_key() as address_key, mask_fernet(device_id) as sealed, "
        "mask_date_shift(run_date(), user_id) as shifted, mask_key() as shifted_key, ";
    out.table_sql =
        "create table if not exists user_logins (user_id varchar(128), device_type varchar(32), masked_ip "
        "varchar(256), masked_device_id varchar(256), locale varchar(32), app_version integer, create_date date, "
        "address inet, address_key varchar(10), sealed text, shifted date, shifted_key text);";
    return out;
  }
  static std::vector<std::string> rewrap() {
    std::vector<std::string> out = {"keys",    "rewrap", "logins.yaml", "--column",         GetParam().column,
                                    "--batch", "50",     "--function",  GetParam().function};
    out.insert(out.end(), GetParam().options.begin(), GetParam().options.end());
    return out;
  }
  // Rows whose token gives another value under the primary key than the one beside it, or none.
  static std::size_t wrong(const LoginFlow& flow) {
    const Unnamed& one = GetParam();
    const auto keyring = mask::Keyring::load((flow.folder() / "keys.json").string());
    EXPECT_TRUE(keyring.has_value());
    auto known =
        mask::Unmasker::open(**mask::find_mask("mask_siv"), &*keyring, {one.domain.empty() ? "ip" : one.domain});
    auto others =
        mask::Unmasker::open(**mask::find_mask(one.function), &*keyring, one.arguments, keyring->primary_id());
    EXPECT_TRUE(known.has_value() && others.has_value());
    std::istringstream lines(flow.sql("select " + one.token + " || '|' || " + one.beside + " from user_logins"));
    std::size_t rows = 0;
    std::size_t same = 0;
    for (std::string line; std::getline(lines, line); ++rows) {
      const std::size_t bar = line.find('|');
      const auto value = others->unmask(line.substr(0, bar));
      const std::string told = line.substr(bar + 1);
      const Result<std::string> wanted = one.domain.empty() ? told : known->unmask(told);
      same += value && wanted && *value == *wanted ? 1 : 0;
    }
    EXPECT_GT(rows, 2000U);
    return rows - same;
  }
};

TEST_P(rewrap_without_ids, goes_on_after_a_kill_at_each_step_while_runs_write_to_the_table) {
  SLUICE_NEEDS_POSTGRES();
  SLUICE_NEEDS_CRASH_POINTS();
  LoginFlow flow(options());
  flow.send(login_messages(500));
  ASSERT_EQ(flow.run().code, 0);
  replace_key(flow);
  flow.send(login_messages(200, 500));
  ASSERT_EQ(flow.run().code, 0);
  flow.sql("create table before as select * from user_logins");
  // By the key where there is one: a date may be moved by as many days under both.
  const std::string looked = GetParam().key_column.empty() ? GetParam().column : GetParam().key_column;
  const auto changed = [&] {
    return flow.sql("select count(*) from user_logins u join before b using (user_id) where u." + looked + " <> b." +
                    looked);
  };
  std::string of_kill[2] = {"50", "150"};
  int kill = 0;
  for (const char* point : {"rewrap_batch_made:2", "rewrap_batch_written:2"}) {
    const auto died = flow.sluice(rewrap(), {{"SLUICE_CRASH_AT", point}});
    EXPECT_EQ(died.signal, SIGKILL) << point << died.err;
    EXPECT_EQ(changed(), of_kill[kill++]) << point;
  }

  flow.send(login_messages(2000, 700));
  const auto running = flow.start();
  int beside = 0;  // how often one ended while the run still ran
  while (running->running()) {
    const auto ended = flow.sluice(rewrap());
    EXPECT_EQ(ended.code, 0) << ended.err;
    if (running->running()) ++beside;
  }
  EXPECT_GT(beside, 0) << "the run was over before anything was rewrapped";
  const auto ended = running->wait(std::chrono::minutes(1));
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->code, 0) << ended->err;
  flow.keep(ended->out + ended->err);
  EXPECT_EQ(flow.sluice(rewrap()).code, 0);
  EXPECT_EQ(wrong(flow), 0U);
  // Of a Fernet token the time of when it was made stays.
  EXPECT_EQ(
      flow.sql("select count(*) from user_logins join before using (user_id) where left(user_logins.sealed, 12) <> "
               "left(before.sealed, 12)"),
      "0");
  if (!GetParam().key_column.empty()) {
    EXPECT_EQ(flow.sql("select count(*) from user_logins where " + GetParam().key_column + " <> 'k2'"), "0");
  }
  // Of each row of before the first kill that was not of the new key once, and no more, was made anew.
  EXPECT_EQ(changed(), flow.sql("select count(*) from user_logins where masked_ip like 'k1.%'"));
  flow.verdict();
}

INSTANTIATE_TEST_SUITE_P(
    tokens, rewrap_without_ids,
    testing::Values(Unnamed{"address",
                            "mask_ip",
                            {"--domain", "logins", "--key-column", "address_key"},
                            {"logins"},
                            "address_key",
                            "host(address)",
                            "masked_ip",
                            "ip"},
                    Unnamed{"shifted",
                            "mask_date_shift",
                            {"--key-column", "shifted_key", "--entity-column", "user_id"},
                            {},
                            "shifted_key",
                            "shifted::text || E'\\t' || user_id",
                            "create_date::text",
                            ""},
                    Unnamed{"sealed", "mask_fernet", {}, {}, "", "sealed", "masked_device_id", "device"}),
    [](const auto& one) { return one.param.function; });

}  // namespace
}  // namespace sluice::faults
