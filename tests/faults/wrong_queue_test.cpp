// SQS that cannot be used, and SQS that errs: what a run says, and that each message arrives once all the same.
#include <gtest/gtest.h>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

using support::Ended;

TEST(wrong_queue, unreachable) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  flow.send(login_messages(20));
  const std::string port = std::to_string(support::free_port());
  flow.endpoint("http://127.0.0.1:" + port);
  flow.refused(flow.run({"--wait", "0"}), 3, {"login-queue", "127.0.0.1:" + port, "endpoint"});
}

TEST(wrong_queue, that_is_not_there_is_an_error_without_a_wait) {
  SLUICE_NEEDS_POSTGRES();
  FlowOptions options;
  options.make_queue = false;
  LoginFlow flow(options);
  flow.refused(flow.run({"--wait", "0"}), 3, {"there is no queue login-queue", "us-east-1", "check name"});
}

TEST(wrong_queue, that_comes_later_is_waited_for_and_a_line_says_so) {
  SLUICE_NEEDS_POSTGRES();
  FlowOptions options;
  options.make_queue = false;
  LoginFlow flow(options);
  const auto process = flow.start({"--wait", "10s"});
  EXPECT_TRUE(wait_until([&] { return process->err().find("waiting_for_queue") != std::string::npos; }))
      << process->err();
  flow.queue().create_queue("login-queue");
  flow.send(login_messages(50));
  const auto ended = process->wait(std::chrono::seconds(20));
  ASSERT_TRUE(ended);
  flow.keep(ended->out + ended->err);
  EXPECT_EQ(ended->code, 0) << ended->err;
  if (flow.waiting() != 0) {  // it may have found the queue before the messages came
    EXPECT_EQ(flow.run().code, 0);
  }
  flow.verdict();
}

// Errors that last ------------------------------------------------------------------------------------------

struct Lasting {
  std::string name;
  std::string fault;
  std::string parameters;
  int code;
  std::vector<std::string> says;
};

class wrong_queue_for_good : public testing::TestWithParam<std::tuple<Lasting, std::string>> {};

TEST_P(wrong_queue_for_good, ends_the_run_and_keeps_the_messages) {
  SLUICE_NEEDS_POSTGRES();
  const auto& [lasting, protocol] = GetParam();
  FlowOptions options;
  options.queue_keys = ", wait: 0s, retry_for: 1s, protocol: " + protocol;
  LoginFlow flow(options);
  flow.send(login_messages(20));
  flow.queue().fault(lasting.fault, lasting.parameters);
  const Ended ended = flow.run({"--wait", "0"});
  flow.queue().clear_faults();
  flow.queue().advance(60);
  flow.refused(ended, lasting.code, lasting.says);

  const Ended again = flow.run();
  EXPECT_EQ(again.code, 0) << again.err;
  flow.verdict();
}

const std::string in_receive = "action=ReceiveMessage";

INSTANTIATE_TEST_SUITE_P(
    wrong_queue, wrong_queue_for_good,
    testing::Combine(
        testing::Values(
            Lasting{"denied", "access_denied", "", 3, {"login-queue", "not allowed", "allow sqs:"}},
            Lasting{"denied_receive", "access_denied", in_receive, 3, {"not allowed", "allow sqs:ReceiveMessage"}},
            Lasting{"expired", "expired_token", "", 3, {"login-queue", "expired", "get new ones"}},
            Lasting{"bad_signature", "bad_signature", "", 3, {"login-queue", "signature", "secret access key"}},
            Lasting{"gone", "no_queue", in_receive, 3, {"there is no queue login-queue", "check name"}},
            Lasting{"broken", "500", in_receive, 3, {"login-queue", "ReceiveMessage", "for 1 s"}},
            Lasting{"busy", "503", "", 3, {"login-queue"}},
            Lasting{"throttled", "throttle", in_receive, 3, {"login-queue", "ReceiveMessage", "request rate"}},
            Lasting{"cut", "cut", in_receive, 3, {"login-queue", "ReceiveMessage"}},
            Lasting{"truncated", "truncated", in_receive, 3, {"login-queue", "ReceiveMessage"}},
            Lasting{"web_page", "not_json", "", 3, {"login-queue", "endpoint"}},
            Lasting{"web_page_for_receive", "not_json", in_receive, 3, {"login-queue", "ReceiveMessage"}},
            Lasting{"wrong_md5", "wrong_md5", in_receive, 1, {"login-queue", "MD5", "endpoint"}}),
        testing::Values("json", "query")),
    [](const testing::TestParamInfo<std::tuple<Lasting, std::string>>& one) {
      return std::get<0>(one.param).name + "_" + std::get<1>(one.param);
    });

// Errors that pass ------------------------------------------------------------------------------------------

struct Passing {
  std::string name;
  std::string fault;
  std::string parameters;
};

class wrong_queue_for_a_while : public testing::TestWithParam<std::tuple<Passing, std::string>> {};

TEST_P(wrong_queue_for_a_while, loses_nothing_and_doubles_nothing) {
  SLUICE_NEEDS_POSTGRES();
  const auto& [passing, protocol] = GetParam();
  FlowOptions options;
  options.visibility = 1;
  options.queue_keys = ", wait: 0s, protocol: " + protocol;
  LoginFlow flow(options);
  flow.send(login_messages(200));
  flow.queue().fault(passing.fault, passing.parameters);
  const Ended ended = flow.run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_GT(flow.queue().stats("login-queue").faults[passing.fault], 0U) << "the fault struck nothing";
  flow.verdict();
}

const std::string in_delete = "action=DeleteMessageBatch&count=3";

INSTANTIATE_TEST_SUITE_P(
    wrong_queue, wrong_queue_for_a_while,
    testing::Combine(testing::Values(Passing{"throttle", "throttle", "probability=0.2"},
                                     Passing{"broken", "500", "probability=0.2"},
                                     Passing{"busy", "503", "probability=0.2"},
                                     Passing{"cut", "cut", "probability=0.2"},
                                     Passing{"lost_receives", "lost_reply", in_receive + "&count=3"},
                                     Passing{"lost_deletes", "lost_reply", in_delete},
                                     Passing{"truncated_receives", "truncated", in_receive + "&count=3"},
                                     Passing{"truncated_deletes", "truncated", in_delete},
                                     Passing{"web_page_for_receives", "not_json", in_receive + "&count=2"},
                                     Passing{"web_page_for_deletes", "not_json", in_delete},
                                     Passing{"wrong_md5", "wrong_md5", in_receive + "&count=2"},
                                     Passing{"deletes_failed", "delete_failed", "count=8"},
                                     Passing{"entries_failed", "entries_failed", "count=8"},
                                     Passing{"over_limit", "over_limit", in_receive + "&count=1"},
                                     Passing{"handed_out_twice", "duplicate_delivery", "probability=0.5"},
                                     Passing{"foreign_url", "foreign_url", ""},
                                     Passing{"slow", "slow_body", "probability=0.3&ms=50"}),
                     testing::Values("json", "query")),
    [](const testing::TestParamInfo<std::tuple<Passing, std::string>>& one) {
      return std::get<0>(one.param).name + "_" + std::get<1>(one.param);
    });

}  // namespace
}  // namespace sluice::faults
