// SIGTERM: what is open is committed or given back, and the exit code is 0.
#include <gtest/gtest.h>
#include <signal.h>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

using std::chrono::seconds;

TEST(stop, in_the_middle_commits_what_is_open_and_gives_the_rest_back) {
  SLUICE_NEEDS_POSTGRES();
  FlowOptions options;
  options.visibility = 600;  // what is not given back is missed
  options.server_arguments = {"--delay", "20"};
  options.queue_keys = ", wait: 0s, receives: 4";
  LoginFlow flow(options);
  flow.fill(6000, 3, 20);
  const auto process = flow.start();
  ASSERT_TRUE(wait_until([&] { return flow.rows() > 300; })) << process->err();
  process->send_signal(SIGTERM);
  const auto ended = process->wait(seconds(20));
  ASSERT_TRUE(ended) << "does not end";
  flow.keep(ended->out + ended->err);
  EXPECT_EQ(ended->code, 0) << ended->err;
  const support::QueueStats stats = flow.queue().stats("login-queue");
  EXPECT_GT(stats["visible"], 0U) << "it was not in the middle";
  EXPECT_EQ(stats["in_flight"], 0U) << "not given back";
  EXPECT_EQ(flow.rows() + stats["visible"], 6000U);
  EXPECT_NE(ended->out.find("stopped before the queue was drained"), std::string::npos) << ended->out;

  const support::Ended again = flow.run();
  EXPECT_EQ(again.code, 0) << again.err;
  flow.verdict();
}

TEST(stop, while_the_database_is_away_ends_soon_and_gives_all_back) {
  SLUICE_NEEDS_POSTGRES();
  FlowOptions options;
  options.visibility = 600;
  LoginFlow flow(options);
  flow.send(login_messages(50));
  ASSERT_EQ(flow.run().code, 0);
  flow.send(login_messages(400, 50));
  auto locker = std::thread([&] {
    try {
      flow.sql("begin; lock table user_logins in exclusive mode; select pg_sleep(30)");
    } catch (const std::exception&) {  // the server is killed under it
    }
  });
  wait_until([&] {
    return flow.sql(
               "select count(*) from pg_locks where mode = 'ExclusiveLock' and relation = 'user_logins'::regclass") !=
           "0";
  });
  const auto process = flow.start();
  const bool waits = wait_until([&] {
    return flow.sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = '" +
                    flow.database() + "'") != "0";
  });
  postgres().kill();
  locker.join();
  EXPECT_TRUE(waits);
  const bool told = wait_until([&] { return process->err().find("database away") != std::string::npos; });
  process->send_signal(SIGTERM);
  const auto ended = process->wait(seconds(10));
  postgres().start_again();
  EXPECT_TRUE(told);
  ASSERT_TRUE(ended) << "does not end: " << process->err();
  flow.keep(ended->out + ended->err);
  EXPECT_EQ(ended->code, 0) << ended->err;
  EXPECT_EQ(flow.queue().stats("login-queue")["in_flight"], 0U) << "not given back";

  const support::Ended again = flow.run();
  EXPECT_EQ(again.code, 0) << again.err;
  flow.verdict();
}

}  // namespace
}  // namespace sluice::faults
