// A key replaced while messages keep coming: tokens of the old key are rewrapped by a process that is killed and begun
// again, beside runs that write to the same table.
#include <gtest/gtest.h>
#include <signal.h>

#include "login_flow.hpp"

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
#ifndef SLUICE_CRASH_POINTS
  GTEST_SKIP() << "this build has no crash points";
#endif
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

}  // namespace
}  // namespace sluice::faults
