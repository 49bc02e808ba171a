// What only our double does: limits within reach, faults on demand, signatures checked, figures.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "sqs_client.hpp"
#include "support/queue_server.hpp"

namespace sluice::servers {
namespace {

using support::http;
using support::HttpReply;
using support::QueueServer;

int connected_to(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

class Double : public testing::Test {
 protected:
  Answer call(const std::string& action, Json parameters = Json::object()) const {
    parameters["QueueUrl"] = server_->queue_url("q");
    return SqsClient(server_->endpoint(), true).call(action, parameters);
  }
  Json receive(int count = 10) const {
    return call("ReceiveMessage", {{"MaxNumberOfMessages", count}}).body.value("Messages", Json::array());
  }
  Answer erase(const Json& messages) const {
    Json entries = Json::array();
    for (const Json& message : messages)
      entries.push_back({{"Id", std::to_string(entries.size())}, {"ReceiptHandle", message["ReceiptHandle"]}});
    return call("DeleteMessageBatch", {{"Entries", entries}});
  }
  HttpReply raw(const std::string& action) const {
    return server_->call(action, Json{{"QueueUrl", server_->queue_url("q")}}.dump());
  }

  std::unique_ptr<QueueServer> server_ = QueueServer::start({"--in-flight-max", "25"});
};

TEST_F(Double, fills_itself_with_the_same_events_for_the_same_seed) {
  const auto stats = server_->fill("q", 1000, 7, 3);
  EXPECT_EQ(stats["visible"], 1000U);
  const auto events = server_->events(1000, 7, 3);
  ASSERT_EQ(events.size(), 1000U);
  EXPECT_EQ(events, server_->events(1000, 7, 3));
  EXPECT_NE(events, server_->events(1000, 8, 3));
  std::set<std::string> ips;
  int malformed = 0;
  for (const std::string& text : events) {
    const Json event = Json::parse(text);
    if (event.contains("foo"))
      ++malformed;
    else
      ips.insert(event["ip"].get<std::string>());
  }
  EXPECT_EQ(malformed, 3);
  EXPECT_LT(ips.size(), 997U);  // some are shared
  EXPECT_EQ(receive(1)[0]["Body"], events[0]);
}

TEST_F(Double, counts_calls_and_messages) {
  server_->fill("q", 12);
  const Json messages = receive();
  erase(messages);
  erase(messages);
  const auto stats = server_->stats("q");
  EXPECT_EQ(stats["received"], 10U);
  EXPECT_EQ(stats["deleted"], 10U);
  EXPECT_EQ(stats["stale_deletes"], 10U);
  EXPECT_EQ(stats["visible"], 2U);
  EXPECT_EQ(stats["in_flight_peak"], 10U);
  EXPECT_EQ(stats.calls.at("ReceiveMessage"), 1U);
  EXPECT_EQ(stats.calls.at("DeleteMessageBatch"), 2U);
}

TEST_F(Double, refuses_to_have_too_many_messages_in_flight) {
  server_->fill("q", 40);
  std::size_t taken = 0;
  for (int i = 0; i < 3; ++i) taken += receive().size();
  EXPECT_EQ(taken, 25U);
  EXPECT_EQ(call("ReceiveMessage").error, "OverLimit");
}

TEST_F(Double, moves_its_clock_on_when_told) {
  server_->fill("q", 1);
  const Json first = receive();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(receive().empty());
  server_->advance(31);
  ASSERT_EQ(receive().size(), 1U);
  erase(first);
  EXPECT_EQ(server_->stats("q")["in_flight"], 1U);
}

TEST_F(Double, deletes_by_the_latest_handle_even_when_its_lease_has_ended) {
  server_->fill("q", 1);
  const Json messages = receive();
  server_->advance(31);
  erase(messages);
  EXPECT_EQ(server_->stats("q")["deleted"], 1U);
}

TEST_F(Double, refuses_to_change_the_visibility_of_what_is_not_in_flight) {
  server_->fill("q", 1);
  const Json messages = receive();
  const Json change{{"ReceiptHandle", messages[0]["ReceiptHandle"]}, {"VisibilityTimeout", 5}};
  server_->advance(31);
  EXPECT_EQ(call("ChangeMessageVisibility", change).error, "AWS.SimpleQueueService.MessageNotInflight");
  EXPECT_EQ(receive().size(), 1U);
  EXPECT_EQ(call("ChangeMessageVisibility", change).error, "InvalidParameterValue");
}

TEST_F(Double, gives_out_bodies_that_sqs_would_refuse) {
  server_->put("q", std::string_view("a\xff", 2));
  const HttpReply reply = raw("ReceiveMessage");
  EXPECT_NE(reply.body.find("\"Body\":\"a\xff\""), std::string::npos);
  EXPECT_EQ(call("SendMessage", {{"MessageBody", "a\x01"}}).error, "InvalidMessageContents");
  EXPECT_EQ(call("SendMessage", {{"MessageBody", ""}}).error, "MissingParameter");
}

TEST_F(Double, takes_characters_past_the_first_plane) {
  server_->create_queue("q");
  EXPECT_TRUE(call("SendMessage", {{"MessageBody", "\xF0\x9F\x98\x80"}}).ok());
  EXPECT_EQ(receive()[0]["Body"], "\xF0\x9F\x98\x80");
}

TEST_F(Double, fails_the_bad_entries_of_a_batch_by_either_protocol) {
  for (const bool json : {true, false}) {
    server_->reset("q");
    server_->fill("q", 1);
    const Json entries{{{"Id", "good"}, {"ReceiptHandle", receive()[0]["ReceiptHandle"]}},
                       {{"Id", "bad"}, {"ReceiptHandle", "nonsense"}}};
    const Answer answer =
        SqsClient(server_->endpoint(), json)
            .call("DeleteMessageBatch", {{"QueueUrl", server_->queue_url("q")}, {"Entries", entries}});
    ASSERT_EQ(answer.body["Successful"].size(), 1U);
    EXPECT_EQ(answer.body["Successful"][0]["Id"], "good");
    ASSERT_EQ(answer.body["Failed"].size(), 1U);
    EXPECT_EQ(answer.body["Failed"][0]["Id"], "bad");
    EXPECT_EQ(answer.body["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
  }
}

TEST_F(Double, names_a_queue_that_is_there_with_other_attributes) {
  server_->create_queue("q");
  const Json other{{"QueueName", "q"}, {"Attributes", {{"VisibilityTimeout", "7"}}}};
  EXPECT_EQ(SqsClient(server_->endpoint(), true).call("CreateQueue", other).error, "QueueAlreadyExists");
}

TEST_F(Double, purges_once_a_minute) {
  server_->fill("q", 3);
  EXPECT_TRUE(call("PurgeQueue").ok());
  EXPECT_EQ(call("PurgeQueue").error, "AWS.SimpleQueueService.PurgeQueueInProgress");
  server_->advance(61);
  EXPECT_TRUE(call("PurgeQueue").ok());
}

TEST_F(Double, answers_errors_on_demand) {
  server_->fill("q", 10);
  struct Row {
    const char* fault;
    int status;
    const char* code;
  };
  for (const Row& row :
       {Row{"throttle", 400, "RequestThrottled"}, Row{"500", 500, "InternalFailure"},
        Row{"503", 503, "ServiceUnavailable"}, Row{"access_denied", 403, "AccessDenied"},
        Row{"expired_token", 403, "ExpiredToken"}, Row{"bad_signature", 403, "SignatureDoesNotMatch"},
        Row{"no_queue", 400, "AWS.SimpleQueueService.NonExistentQueue"}, Row{"over_limit", 403, "OverLimit"}}) {
    server_->fault(row.fault, "count=1&action=ReceiveMessage");
    const Answer answer = call("ReceiveMessage");
    EXPECT_EQ(answer.status, row.status) << row.fault;
    EXPECT_EQ(answer.error, row.code) << row.fault;
  }
  EXPECT_EQ(receive().size(), 10U);  // each struck once, and did nothing
}

TEST_F(Double, a_fault_waits_for_its_action_skips_and_ends) {
  server_->fill("q", 40);
  server_->fault("500", "action=ReceiveMessage&skip=1&count=1");
  EXPECT_TRUE(call("GetQueueAttributes").ok());
  EXPECT_EQ(call("ReceiveMessage").status, 200);
  EXPECT_EQ(call("ReceiveMessage").status, 500);
  EXPECT_EQ(call("ReceiveMessage").status, 200);
  EXPECT_EQ(server_->stats("q").faults.at("500"), 1U);
  server_->fault("500");
  EXPECT_EQ(call("ReceiveMessage").status, 500);
  server_->clear_faults();
  EXPECT_EQ(call("ReceiveMessage").status, 200);
}

TEST_F(Double, loses_a_reply_after_doing_the_work_and_a_request_before) {
  server_->fill("q", 1);
  server_->fault("cut", "count=1");
  EXPECT_EQ(raw("ReceiveMessage").status, 0);
  EXPECT_EQ(server_->stats("q")["in_flight"], 0U);
  server_->fault("lost_reply", "count=1");
  EXPECT_EQ(raw("ReceiveMessage").status, 0);
  EXPECT_EQ(server_->stats("q")["in_flight"], 1U);
}

TEST_F(Double, cuts_spoils_and_slows_answers) {
  server_->fill("q", 10);
  server_->fault("truncated", "count=1");
  EXPECT_EQ(raw("ReceiveMessage").status, 0);
  server_->fault("not_json", "count=1");
  EXPECT_TRUE(raw("ReceiveMessage").body.starts_with("<html>"));
  server_->fault("wrong_md5", "count=1");
  const Json wrong = receive(1)[0];
  EXPECT_EQ(wrong["MD5OfBody"].get<std::string>().size(), 32U);
  server_->advance(31);
  const auto md5_of = [this](const Json& message) {
    for (const Json& each : receive())
      if (each["MessageId"] == message["MessageId"]) return each["MD5OfBody"];
    return Json();
  };
  const Json right = md5_of(wrong);
  EXPECT_FALSE(right.is_null());
  EXPECT_NE(right, wrong["MD5OfBody"]);
  server_->fault("slow_body", "count=1&ms=160");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(raw("GetQueueAttributes").status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(15));
}

TEST_F(Double, fails_entries_of_a_batch_without_doing_them) {
  server_->fill("q", 4);
  const Json messages = receive();
  server_->fault("delete_failed", "count=1");
  const Answer answer = erase(messages);
  ASSERT_EQ(answer.body["Failed"].size(), 2U);
  EXPECT_EQ(answer.body["Failed"][0]["Id"], "0");
  EXPECT_EQ(answer.body["Failed"][0]["SenderFault"], false);
  EXPECT_EQ(answer.body["Successful"].size(), 2U);
  EXPECT_EQ(server_->stats("q")["in_flight"], 2U);
}

TEST_F(Double, delivers_a_message_twice_even_after_its_delete) {
  server_->fill("q", 1);
  server_->fault("duplicate_delivery", "count=1");
  const Json first = receive();
  ASSERT_EQ(first.size(), 1U);
  erase(first);
  const Json second = receive();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0]["MessageId"], first[0]["MessageId"]);
  EXPECT_EQ(second[0]["Body"], first[0]["Body"]);
  erase(second);
  EXPECT_TRUE(receive().empty());
}

TEST_F(Double, comes_back_empty_though_messages_are_there) {
  server_->fill("q", 1);
  server_->fault("empty_receive", "count=1");
  EXPECT_TRUE(receive().empty());
  EXPECT_EQ(receive().size(), 1U);
}

TEST_F(Double, a_long_poll_ends_as_soon_as_a_message_is_sent) {
  server_->create_queue("q");
  Json polled;
  const auto start = std::chrono::steady_clock::now();
  {
    const std::jthread reader([&] {
      polled = call("ReceiveMessage", {{"WaitTimeSeconds", 20}}).body.value("Messages", Json::array());
    });
    while (server_->stats("q").calls.count("ReceiveMessage") == 0) std::this_thread::yield();
    server_->send("q", {"one"});
  }
  EXPECT_EQ(polled.size(), 1U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(Double, a_client_that_leaves_its_long_poll_takes_no_message_with_it) {
  server_->create_queue("q");
  const int fd = connected_to(server_->port());
  const std::string request = "GET /000000000000/q?Action=ReceiveMessage&WaitTimeSeconds=20 HTTP/1.1\r\n\r\n";
  ASSERT_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  while (server_->stats("q").calls.count("ReceiveMessage") == 0) std::this_thread::yield();
  close(fd);
  server_->send("q", {"one"});
  EXPECT_EQ(receive().size(), 1U);
}

TEST_F(Double, answers_requests_sent_in_one_piece_in_their_order) {
  const int fd = connected_to(server_->port());
  const std::string requests =
      "POST /?Action=CreateQueue&QueueName=one HTTP/1.1\r\n\r\n"
      "POST /?Action=CreateQueue&QueueName=two HTTP/1.1\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(send(fd, requests.data(), requests.size(), 0), static_cast<ssize_t>(requests.size()));
  std::string answers;
  char piece[4096];
  for (ssize_t count = 0; (count = recv(fd, piece, sizeof piece, 0)) > 0;)
    answers.append(piece, static_cast<std::size_t>(count));
  close(fd);
  const std::size_t one = answers.find("/000000000000/one<");
  const std::size_t two = answers.find("/000000000000/two<");
  ASSERT_NE(one, std::string::npos);
  ASSERT_NE(two, std::string::npos);
  EXPECT_LT(one, two);
}

TEST(DoubleWithAFaultFromTheStart, strikes_as_its_command_line_says) {
  const auto server = QueueServer::start({"--fault", "throttle,count=1", "--fault", "delay,ms=1"});
  EXPECT_EQ(server->call("ListQueues", "{}").status, 400);
  EXPECT_EQ(server->call("ListQueues", "{}").status, 200);
}

TEST_F(Double, names_a_queue_at_another_host) {
  server_->create_queue("q");
  server_->fault("foreign_url", "action=GetQueueUrl");
  const Answer answer = SqsClient(server_->endpoint(), true).call("GetQueueUrl", {{"QueueName", "q"}});
  EXPECT_EQ(answer.body["QueueUrl"], "http://queue.elsewhere.invalid:4566/000000000000/q");
}

TEST_F(Double, says_what_is_missing_or_malformed) {
  server_->create_queue("q");
  EXPECT_EQ(call("DeleteMessage").error, "MissingParameter");
  EXPECT_EQ(call("ChangeMessageVisibility", {{"ReceiptHandle", "x"}}).error, "MissingParameter");
  EXPECT_EQ(call("DeleteMessage", {{"ReceiptHandle", "x"}}).error, "ReceiptHandleIsInvalid");
  EXPECT_EQ(call("ReceiveMessage", {{"MaxNumberOfMessages", "10"}}).error, "MalformedInput");
  EXPECT_EQ(call("GetQueueAttributes", {{"AttributeNames", {"Colour"}}}).error, "InvalidAttributeName");
  EXPECT_EQ(server_->call("ReceiveMessage", "{}").status, 400);
  EXPECT_EQ(server_->call("ReceiveMessage", "[1").status, 400);
}

TEST(DoubleThatChecksSignatures, takes_the_right_key_and_refuses_any_other) {
  const auto server = QueueServer::start({"--check-signature", "AKIDEXAMPLE:wJalrXUtnFEMI"});
  EXPECT_EQ(server->call("ListQueues", "{}", "AKIDEXAMPLE:wJalrXUtnFEMI").status, 200);
  const auto code = [&](const std::string& signing) {
    const HttpReply reply = server->call("ListQueues", "{}", signing);
    EXPECT_EQ(reply.status, 403);
    const std::size_t at = reply.headers.find("x-amzn-query-error: ") + 20;
    return reply.headers.substr(at, reply.headers.find(';', at) - at);
  };
  EXPECT_EQ(code("AKIDEXAMPLE:wrong"), "SignatureDoesNotMatch");
  EXPECT_EQ(code("AKIDOTHER:wJalrXUtnFEMI"), "InvalidClientTokenId");
  EXPECT_EQ(code(""), "MissingAuthenticationToken");
  server->advance(3600);
  EXPECT_EQ(code("AKIDEXAMPLE:wJalrXUtnFEMI"), "SignatureDoesNotMatch");
}

TEST(DoubleThatDelays, answers_later_but_many_at_once) {
  const auto server = QueueServer::start({"--delay", "50"});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(server->call("ListQueues", "{}").status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
}

}  // namespace
}  // namespace sluice::servers
