// PostgreSQL goes away in the middle of a run.
#include <gtest/gtest.h>
#include <signal.h>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

FlowOptions slowly() {
  FlowOptions options;
  options.queue_keys = ", wait: 0s, receives: 4";
  options.server_arguments = {"--delay", "10"};
  return options;
}

enum class Way { killed, stopped };
using database = testing::TestWithParam<Way>;

TEST_P(database, that_comes_back_is_waited_for_and_the_run_goes_on) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow(slowly());
  flow.fill(8000, 4, 30);
  const auto process = flow.start();
  for (std::uint64_t target : {500U, 2500U, 4500U}) {
    ASSERT_TRUE(wait_until([&] { return flow.rows() > target || !process->running(); }));
    ASSERT_TRUE(process->running()) << process->err();
    if (GetParam() == Way::killed) {
      postgres().kill();
    } else {
      postgres().stop();
    }
    std::this_thread::sleep_for(milliseconds(700));
    postgres().start_again();
  }
  const auto ended = process->wait(seconds(60));
  ASSERT_TRUE(ended) << "does not end: " << process->err();
  flow.keep(ended->out + ended->err);
  EXPECT_EQ(ended->code, 0) << ended->err;
  EXPECT_NE(ended->err.find("database away"), std::string::npos) << ended->err;
  flow.verdict();
}

INSTANTIATE_TEST_SUITE_P(in_the_middle, database, testing::Values(Way::killed, Way::stopped),
                         [](const testing::TestParamInfo<Way>& way) {
                           return way.param == Way::killed ? "killed" : "stopped";
                         });

TEST(database_away, for_too_long_ends_the_run_and_the_messages_are_given_back) {
  SLUICE_NEEDS_POSTGRES();
  FlowOptions options = slowly();
  options.visibility = 600;  // what is not given back is missed
  LoginFlow flow(options);
  flow.fill(6000, 5, 30);
  const auto process = flow.start({"--database-wait", "2s"});
  ASSERT_TRUE(wait_until([&] { return flow.rows() > 500; })) << process->err();
  postgres().kill();
  const auto ended = process->wait(seconds(20));
  postgres().start_again();
  ASSERT_TRUE(ended) << "does not end: " << process->err();
  flow.keep(ended->out + ended->err);
  EXPECT_EQ(ended->code, 3) << ended->err;
  EXPECT_NE(ended->err.find("PostgreSQL"), std::string::npos) << ended->err;
  const support::QueueStats stats = flow.queue().stats("login-queue");
  EXPECT_EQ(stats["in_flight"], 0U) << "not given back";
  EXPECT_GT(stats["visible"], 0U);
  EXPECT_LT(stats["received"], 6000U) << "receiving goes on while the database is away";

  const support::Ended again = flow.run();
  EXPECT_EQ(again.code, 0) << again.err;
  flow.verdict();
}

}  // namespace
}  // namespace sluice::faults
