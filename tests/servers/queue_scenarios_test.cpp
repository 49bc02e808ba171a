// What a standard queue does, told once and run three times: against our double by the JSON and by the
// query protocol, and against fauxqs, a server we did not write, which speaks JSON only.
//
// Where fauxqs is laxer or other than SQS, the case stands in queue_server_test.cpp: it refuses
// characters past U+FFFF, takes any text for a receipt handle, and names QueueAlreadyExists otherwise.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "digest.hpp"
#include "sqs_client.hpp"
#include "support/queue_server.hpp"

namespace sluice::servers {
namespace {

using support::QueueServer;

struct Setup {
  const char* name;
  bool fauxqs;
  bool json;
};

// One server of each kind serves the whole test binary; each scenario has a queue of its own.
QueueServer* server(bool fauxqs) {
  if (fauxqs) {
    static const auto other = QueueServer::start_fauxqs();
    return other.get();
  }
  static const auto ours = QueueServer::start();
  return ours.get();
}

class Scenario : public testing::TestWithParam<Setup> {
 protected:
  void SetUp() override {
    server_ = server(GetParam().fauxqs);
    if (server_ == nullptr) {
      std::fprintf(stderr, "SKIPPED LOUDLY: fauxqs or node not found in third_party/node_modules; run `make deps`\n");
      GTEST_SKIP() << "fauxqs does not start";
    }
    client_ = std::make_unique<SqsClient>(server_->endpoint(), GetParam().json);
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    queue_ = test.substr(0, 60) + (GetParam().json ? "-json" : "-query");
    for (char& c : queue_)
      if (c == '/') c = '-';
    url_ = server_->queue_url(queue_);
    ASSERT_TRUE(client_->call("CreateQueue", {{"QueueName", queue_}}).ok());
  }

  Answer call(const std::string& action, Json parameters = Json::object()) const {
    parameters["QueueUrl"] = url_;
    return client_->call(action, parameters);
  }
  void send(const std::string& body) const { ASSERT_TRUE(call("SendMessage", {{"MessageBody", body}}).ok()); }
  Json receive(Json parameters = Json::object()) const {
    if (!parameters.contains("MaxNumberOfMessages")) parameters["MaxNumberOfMessages"] = 10;
    const Answer answer = call("ReceiveMessage", parameters);
    EXPECT_EQ(answer.status, 200);
    return answer.body.value("Messages", Json::array());
  }
  void erase(const Json& message) const {
    EXPECT_TRUE(call("DeleteMessage", {{"ReceiptHandle", message["ReceiptHandle"]}}).ok());
  }
  std::string attribute(const std::string& name) const {
    return call("GetQueueAttributes", {{"AttributeNames", {name}}}).body["Attributes"].value(name, "");
  }

  QueueServer* server_ = nullptr;
  std::unique_ptr<SqsClient> client_;
  std::string queue_;
  std::string url_;
};

TEST_P(Scenario, a_message_is_received_with_its_digest_and_gone_when_deleted) {
  const Answer sent = call("SendMessage", {{"MessageBody", "hello"}});
  EXPECT_EQ(sent.body["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
  const Json messages = receive({{"AttributeNames", {"All"}}});
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0]["Body"], "hello");
  EXPECT_EQ(messages[0]["MD5OfBody"], "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(messages[0]["MessageId"], sent.body["MessageId"]);
  EXPECT_EQ(messages[0]["Attributes"]["ApproximateReceiveCount"], "1");
  EXPECT_EQ(messages[0]["Attributes"]["SentTimestamp"].get<std::string>().size(), 13U);
  EXPECT_EQ(messages[0]["Attributes"]["ApproximateFirstReceiveTimestamp"].get<std::string>().size(), 13U);
  EXPECT_EQ(attribute("ApproximateNumberOfMessagesNotVisible"), "1");
  erase(messages[0]);
  EXPECT_EQ(attribute("ApproximateNumberOfMessagesNotVisible"), "0");
  EXPECT_EQ(attribute("ApproximateNumberOfMessages"), "0");
}

TEST_P(Scenario, odd_text_comes_back_as_it_was_sent) {
  const std::string text = "{\"a\": \"<b>&amp;\\u0000\\\\\"}\n\t\xC3\xA9 +%20=&;";
  send(text);
  const Json messages = receive();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0]["Body"], text);
  EXPECT_EQ(messages[0]["MD5OfBody"], hex(md5(text)));
}

TEST_P(Scenario, a_message_is_hidden_until_its_visibility_ends) {
  send("one");
  const Json first = receive({{"VisibilityTimeout", 1}, {"AttributeNames", {"All"}}});
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(receive().empty());
  const Json second = receive({{"WaitTimeSeconds", 5}, {"AttributeNames", {"All"}}});
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0]["MessageId"], first[0]["MessageId"]);
  EXPECT_NE(second[0]["ReceiptHandle"], first[0]["ReceiptHandle"]);
  EXPECT_EQ(second[0]["Attributes"]["ApproximateReceiveCount"], "2");
  EXPECT_EQ(second[0]["Attributes"]["SentTimestamp"], first[0]["Attributes"]["SentTimestamp"]);
}

TEST_P(Scenario, a_stale_handle_succeeds_and_deletes_nothing) {
  send("one");
  const Json first = receive();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(
      call("ChangeMessageVisibility", {{"ReceiptHandle", first[0]["ReceiptHandle"]}, {"VisibilityTimeout", 0}}).ok());
  const Json second = receive();
  ASSERT_EQ(second.size(), 1U);
  erase(first[0]);
  EXPECT_EQ(attribute("ApproximateNumberOfMessagesNotVisible"), "1");
  erase(second[0]);
  EXPECT_EQ(attribute("ApproximateNumberOfMessagesNotVisible"), "0");
  erase(second[0]);
}

TEST_P(Scenario, batches_of_ten_are_sent_and_deleted) {
  Json entries = Json::array();
  for (int i = 0; i < 10; ++i)
    entries.push_back({{"Id", "m" + std::to_string(i)}, {"MessageBody", "b" + std::to_string(i)}});
  const Answer sent = call("SendMessageBatch", {{"Entries", entries}});
  EXPECT_EQ(sent.body["Successful"].size(), 10U);
  const Json messages = receive();
  ASSERT_EQ(messages.size(), 10U);
  Json handles = Json::array();
  for (std::size_t i = 0; i < messages.size(); ++i)
    handles.push_back({{"Id", std::to_string(i)}, {"ReceiptHandle", messages[i]["ReceiptHandle"]}});
  EXPECT_EQ(call("DeleteMessageBatch", {{"Entries", handles}}).body["Successful"].size(), 10U);
  EXPECT_EQ(attribute("ApproximateNumberOfMessagesNotVisible"), "0");
}

TEST_P(Scenario, bad_batches_are_refused_whole) {
  const auto batch = [this](int count, const std::string& id) {
    Json entries = Json::array();
    for (int i = 0; i < count; ++i)
      entries.push_back({{"Id", id.empty() ? "m" + std::to_string(i) : id}, {"MessageBody", "b"}});
    return call("SendMessageBatch", {{"Entries", entries}}).error;
  };
  EXPECT_EQ(batch(11, ""), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
  EXPECT_EQ(batch(2, "same"), "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
  EXPECT_EQ(batch(0, ""), "AWS.SimpleQueueService.EmptyBatchRequest");
  EXPECT_EQ(attribute("ApproximateNumberOfMessages"), "0");
}

TEST_P(Scenario, a_receive_asks_for_ten_messages_at_most) {
  for (const int count : {0, 11}) EXPECT_EQ(call("ReceiveMessage", {{"MaxNumberOfMessages", count}}).status, 400);
  EXPECT_EQ(call("ReceiveMessage", {{"WaitTimeSeconds", 21}}).status, 400);
}

TEST_P(Scenario, a_queue_that_is_not_there_is_named_so) {
  url_ = server_->queue_url("nowhere");
  EXPECT_EQ(call("ReceiveMessage").error, "AWS.SimpleQueueService.NonExistentQueue");
  EXPECT_EQ(client_->call("GetQueueUrl", {{"QueueName", "nowhere"}}).error, "AWS.SimpleQueueService.NonExistentQueue");
}

TEST_P(Scenario, an_unknown_action_is_refused) { EXPECT_EQ(call("MakeCoffee").status, 400); }

TEST_P(Scenario, a_long_poll_ends_when_a_delayed_message_is_due) {
  ASSERT_TRUE(call("SendMessage", {{"MessageBody", "later"}, {"DelaySeconds", 1}}).ok());
  EXPECT_TRUE(receive().empty());
  EXPECT_EQ(attribute("ApproximateNumberOfMessagesDelayed"), "1");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(receive({{"WaitTimeSeconds", 10}}).size(), 1U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST_P(Scenario, message_attributes_come_back_when_asked_for) {
  const Json attributes{{"kind", {{"DataType", "String"}, {"StringValue", "login"}}},
                        {"raw", {{"DataType", "Binary"}, {"BinaryValue", "AAEC"}}}};
  const Answer sent = call("SendMessage", {{"MessageBody", "b"}, {"MessageAttributes", attributes}});
  const Json messages = receive({{"MessageAttributeNames", {"All"}}});
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0]["MessageAttributes"]["kind"]["StringValue"], "login");
  EXPECT_EQ(messages[0]["MessageAttributes"]["raw"]["BinaryValue"], "AAEC");
  EXPECT_EQ(messages[0]["MD5OfMessageAttributes"], sent.body["MD5OfMessageAttributes"]);
  // Made by hand in Python: sorted names, 4-byte lengths, transport type 1 or 2.
  EXPECT_EQ(sent.body["MD5OfMessageAttributes"], "f61b4bb840de571a1a75b09388fedbfd");
}

TEST_P(Scenario, making_a_queue_twice_with_other_attributes_is_refused) {
  EXPECT_TRUE(client_->call("CreateQueue", {{"QueueName", queue_}}).ok());
  const Json other{{"QueueName", queue_}, {"Attributes", {{"VisibilityTimeout", "7"}}}};
  EXPECT_EQ(client_->call("CreateQueue", other).status, 400);
  EXPECT_TRUE(call("SetQueueAttributes", {{"Attributes", {{"VisibilityTimeout", "7"}}}}).ok());
  EXPECT_EQ(attribute("VisibilityTimeout"), "7");
}

TEST_P(Scenario, purge_empties_the_queue) {
  send("one");
  EXPECT_TRUE(call("PurgeQueue").ok());
  EXPECT_EQ(attribute("ApproximateNumberOfMessages"), "0");
}

TEST_P(Scenario, a_message_received_too_often_goes_to_the_dead_letter_queue) {
  const std::string dead = "dead-" + queue_;
  ASSERT_TRUE(client_->call("CreateQueue", {{"QueueName", dead}}).ok());
  const std::string policy =
      R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:)" + dead + R"(","maxReceiveCount":"2"})";
  ASSERT_TRUE(call("SetQueueAttributes", {{"Attributes", {{"RedrivePolicy", policy}}}}).ok());
  send("poison");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(receive({{"VisibilityTimeout", 0}, {"MaxNumberOfMessages", 1}}).size(), 1U);
  EXPECT_TRUE(receive().empty());
  url_ = server_->queue_url(dead);
  EXPECT_EQ(receive().size(), 1U);
}

TEST_P(Scenario, a_body_of_one_mebibyte_passes_and_a_longer_one_does_not) {
  const std::string longest(1U << 20U, 'x');
  EXPECT_TRUE(call("SendMessage", {{"MessageBody", longest}}).ok());
  EXPECT_EQ(call("SendMessage", {{"MessageBody", longest + "x"}}).status, 400);
  const Json messages = receive();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0]["Body"].get<std::string>().size(), longest.size());
}

INSTANTIATE_TEST_SUITE_P(Servers, Scenario,
                         testing::Values(Setup{"double_json", false, true}, Setup{"double_query", false, false},
                                         Setup{"fauxqs", true, true}),
                         [](const auto& setup) { return setup.param.name; });

}  // namespace
}  // namespace sluice::servers
