// Every named crash point, at its first and at a later pass: killed there, the next run puts all right.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "login_flow.hpp"
#include "support/crash_points.hpp"

namespace sluice::faults {
namespace {

using crash_points = testing::TestWithParam<std::string>;

TEST_P(crash_points, killed_there_and_run_again_holds_each_message_once) {
  SLUICE_NEEDS_POSTGRES();
  SLUICE_NEEDS_CRASH_POINTS();
  FlowOptions options;
  // Few receives at a time, of a few milliseconds each: many small deliveries, and so many passes.
  options.queue_keys = ", wait: 0s, receives: 4";
  options.server_arguments = {"--delay", "4"};
  LoginFlow flow(options);
  flow.send(login_messages(300));

  const support::Ended crashed = flow.run({}, {{"SLUICE_CRASH_AT", GetParam()}});
  EXPECT_EQ(crashed.signal, SIGKILL) << crashed.err;
  const std::string name = GetParam().substr(0, GetParam().find(':'));
  EXPECT_NE(crashed.err.find("crash point " + name), std::string::npos) << crashed.err;

  flow.queue().advance(5);  // leases of the dead one end
  const support::Ended ended = flow.run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  flow.verdict();
}

std::vector<std::string> passes() {
  std::vector<std::string> all;
  for (const char* name : {"A1_received", "A2_in_transaction", "A2_rows_written", "A3_before_commit", "A3_commit_sent",
                           "A4_committed", "A4_before_delete", "A5_delete_half", "A7_deleted"}) {
    all.emplace_back(name);
    all.push_back(std::string(name) + ":4");
  }
  return all;
}

std::string with_underscore(const testing::TestParamInfo<std::string>& pass) {
  std::string name = pass.param;
  std::ranges::replace(name, ':', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(every, crash_points, testing::ValuesIn(passes()), with_underscore);

}  // namespace
}  // namespace sluice::faults
