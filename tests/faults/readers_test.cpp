// Several processes on one queue.
#include <gtest/gtest.h>
#include <signal.h>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

using std::chrono::seconds;

void ends_well(LoginFlow& flow, support::Process& process) {
  const auto ended = process.wait(seconds(60));
  ASSERT_TRUE(ended) << "does not end: " << process.err();
  flow.keep(ended->out + ended->err);
  EXPECT_EQ(ended->code, 0) << ended->err;
}

TEST(readers, two_that_start_on_an_empty_database_share_the_work) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  flow.fill(6000, 1, 20);
  const auto one = flow.start();
  const auto two = flow.start();  // both make the ledger and the table
  ends_well(flow, *one);
  ends_well(flow, *two);
  flow.verdict();
}

TEST(readers, messages_handed_out_twice_are_written_once) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  flow.queue().fault("duplicate_delivery", "probability=0.2&action=ReceiveMessage");
  flow.fill(5000, 2, 20);
  const auto one = flow.start();
  const auto two = flow.start();
  // Leases of what they hold end again and again: each gets what the other works on.
  for (int i = 0; i < 20 && (one->running() || two->running()); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    flow.queue().advance(2);
  }
  flow.queue().clear_faults();
  ends_well(flow, *one);
  ends_well(flow, *two);
  EXPECT_GT(flow.queue().stats("login-queue")["copied"], 100U);
  flow.verdict();
}

TEST(readers, one_that_is_stopped_in_a_transaction_loses_its_leases_to_another) {
  SLUICE_NEEDS_POSTGRES();
  FlowOptions options;
  options.visibility = 1;
  LoginFlow flow(options);
  flow.send(login_messages(200));
  ASSERT_EQ(flow.run().code, 0);  // makes the tables
  // The table is locked, so that the first one stops inside its transaction, with the keys in the ledger.
  const std::string held =
      "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = '" + flow.database() + "'";
  flow.send(login_messages(300, 200));
  auto locker =
      std::thread([&] { flow.sql("begin; lock table user_logins in exclusive mode; select pg_sleep(4); commit"); });
  const bool locked = wait_until([&] {
    return flow.sql(
               "select count(*) from pg_locks where mode = 'ExclusiveLock' and relation = 'user_logins'::regclass") !=
           "0";
  });
  const auto one = flow.start();
  const bool waits = wait_until([&] { return std::stoi(flow.sql(held)) >= 1; }, seconds(3));
  one->send_signal(SIGSTOP);
  flow.queue().advance(3);
  const auto two = flow.start();
  const bool both_wait = wait_until([&] { return std::stoi(flow.sql(held)) >= 2; }, seconds(3));
  one->send_signal(SIGCONT);
  locker.join();
  EXPECT_TRUE(locked && waits && both_wait);
  ends_well(flow, *one);
  ends_well(flow, *two);
  flow.verdict();
}

}  // namespace
}  // namespace sluice::faults
