// Options, both protocols, and the client against a small server that says what a test wants.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <utility>

#include "sluice/aws/signed_calls.hpp"
#include "sluice/aws/sqs_client.hpp"
#include "sluice/aws/sqs_queue.hpp"
#include "sluice/aws/test_server.hpp"

namespace sluice::aws {
namespace {

using std::chrono::seconds;

// MD5 of "hello" and of the empty text, as `md5sum` prints them.
constexpr auto md5_hello = "5d41402abc4b2a76b9719d911017c592";
constexpr auto md5_empty = "d41d8cd98f00b204e9800998ecf8427e";

std::string json_message(const std::string& body, const std::string& md5, const std::string& more = "") {
  return R"({"MessageId":"abc","ReceiptHandle":"h+/=","Body":")" + body + R"(","MD5OfBody":")" + md5 +
         R"(","Attributes":{"SentTimestamp":"1662460800123","ApproximateReceiveCount":"4"})" + more + "}";
}

Result<void> read_json(std::string answer, Received& received, KeyRule rule = {KeyRule::From::message_id}) {
  MessageReader reader(std::move(rule));
  return make_json_protocol()->read_received(answer, reader, received);
}
Result<void> read_xml(std::string answer, Received& received, KeyRule rule = {KeyRule::From::message_id}) {
  MessageReader reader(std::move(rule));
  return make_query_protocol()->read_received(answer, reader, received);
}

std::string hex(const Key& key) {
  std::string text;
  for (const std::uint8_t byte : key.bytes) {
    text += "0123456789abcdef"[byte >> 4U];
    text += "0123456789abcdef"[byte & 15U];
  }
  return text;
}

TEST(SqsMessages, json_and_xml_give_the_same_message_and_key) {
  Received json;
  ASSERT_TRUE(
      read_json(R"({"Messages":[)" +
                    json_message("hello", md5_hello,
                                 R"(,"MessageAttributes":{"a\"b":{"DataType":"String","StringValue":"x\ny"}})") +
                    "]}",
                json));
  Received xml;
  ASSERT_TRUE(read_xml(
      "<?xml version=\"1.0\"?><ReceiveMessageResponse><ReceiveMessageResult><Message><MessageId>abc</MessageId>"
      "<ReceiptHandle>h+/=</ReceiptHandle><MD5OfBody>" +
          std::string(md5_hello) +
          "</MD5OfBody><Body>hello</Body>"
          "<Attribute><Name>SentTimestamp</Name><Value>1662460800123</Value></Attribute>"
          "<Attribute><Name>ApproximateReceiveCount</Name><Value>4</Value></Attribute>"
          "<MessageAttribute><Name>a&quot;b</Name><Value><DataType>String</DataType><StringValue>x\ny</StringValue>"
          "</Value></MessageAttribute></Message></ReceiveMessageResult></ReceiveMessageResponse>",
      xml));
  for (const Received* received : {&json, &xml}) {
    ASSERT_EQ(received->messages.size(), 1U);
    const Message& message = received->messages[0];
    EXPECT_EQ(message.body, "hello");
    EXPECT_EQ(message.message_id, "abc");
    EXPECT_EQ(message.sent_at, 1662460800123000);
    EXPECT_EQ(message.receive_count, 4U);
    EXPECT_EQ(message.attributes, R"({"a\"b":"x\u000ay"})");
    EXPECT_EQ(received->handles[0], "h+/=");
    // 1662460800123 is 0x1831262ac7b; SHA-256("abc") begins with ba7816bf8f01cfea4141 (FIPS 180-4).
    EXPECT_EQ(hex(message.key), "01831262ac7bba7816bf8f01cfea4141");
  }
}

TEST(SqsMessages, a_configured_attribute_makes_the_key) {
  const KeyRule rule{KeyRule::From::attribute, "event"};
  Received received;
  ASSERT_TRUE(
      read_json(R"({"Messages":[)" +
                    json_message("hello", md5_hello,
                                 R"(,"MessageAttributes":{"event":{"DataType":"String","StringValue":"abc"}})") +
                    "," + json_message("hello", md5_hello) + "]}",
                received, rule));
  EXPECT_EQ(hex(received.messages[0].key), "ba7816bf8f01cfea414140de5dae2223");
  EXPECT_EQ(received.keyless, 1U);
  EXPECT_NE(received.messages[0].key, received.messages[1].key);
}

TEST(SqsMessages, a_body_with_another_md5_is_not_handed_over) {
  Received received;
  ASSERT_TRUE(read_json(
      R"({"Messages":[)" + json_message("hellp", md5_hello) + "," + json_message("", md5_empty) + "]}", received));
  EXPECT_EQ(received.answered, 2U);
  EXPECT_EQ(received.damaged, 1U);
  EXPECT_EQ(received.damaged_receives_max, 4U);
  ASSERT_EQ(received.messages.size(), 1U);
  EXPECT_EQ(received.messages[0].body, "");
}

TEST(SqsMessages, answers_that_are_none_are_transient_errors) {
  const std::string good = R"({"Messages":[)" + json_message("hello", md5_hello) + "]}";
  Received received;
  ASSERT_TRUE(read_json(good, received));
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto read = read_json(good.substr(0, size), received);
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().fault, Fault::transient);
  }
  for (const std::string answer : {"<html>busy</html>", "[]", "{\"Messages\":{}}", "{\"Messages\":[1]}", "nul",
                                   "{\"Messages\":[{\"MessageId\":\"abc\"}]}"}) {
    EXPECT_FALSE(read_json(answer, received)) << answer;
    EXPECT_FALSE(read_xml(answer, received)) << answer;
  }
}

TEST(SqsMessages, a_body_that_is_no_utf8_comes_as_it_is_and_leaves_the_others_readable) {
  Received received;
  // The MD5 of: caf, 0xE9, a space, and the first two of the bytes that strays are marked with.
  ASSERT_TRUE(read_json(R"({"Messages":[)" + json_message("hello", md5_hello) + "," +
                            json_message("caf\xe9 \xf4\x8f", "f9c3855636b14461e5fec9a19a97e5e6") + "," +
                            json_message("h\xff\xfe\xfdo", md5_hello) + "]}",
                        received));
  EXPECT_EQ(received.answered, 3U);
  EXPECT_EQ(received.damaged, 1U);
  ASSERT_EQ(received.messages.size(), 2U);
  EXPECT_EQ(received.messages[0].body, "hello");
  EXPECT_EQ(received.messages[1].body, "caf\xe9 \xf4\x8f");
}

TEST(SqsMessages, an_empty_queue_is_no_error) {
  Received received;
  EXPECT_TRUE(read_json("{}", received));
  EXPECT_TRUE(read_json(R"({"Messages":null})", received));
  EXPECT_TRUE(read_json(R"({"Messages":[]})", received));
  EXPECT_TRUE(read_xml("<ReceiveMessageResponse><ReceiveMessageResult/></ReceiveMessageResponse>", received));
  EXPECT_EQ(received.answered, 0U);
}

TEST(SqsBatchAnswers, name_the_failed_entries_and_must_speak_of_all) {
  std::string json =
      R"({"Successful":[{"Id":"0"}],"Failed":[{"Id":"1","SenderFault":true,"Code":"ReceiptHandleIsInvalid"}]})";
  std::string xml =
      "<DeleteMessageBatchResponse><DeleteMessageBatchResult><DeleteMessageBatchResultEntry><Id>0</Id>"
      "</DeleteMessageBatchResultEntry><BatchResultErrorEntry><Id>1</Id><SenderFault>true</SenderFault>"
      "<Code>ReceiptHandleIsInvalid</Code></BatchResultErrorEntry></DeleteMessageBatchResult></"
      "DeleteMessageBatchResponse>";
  for (const bool query : {false, true}) {
    const auto protocol = query ? make_query_protocol() : make_json_protocol();
    std::string copy = query ? xml : json;
    const auto failures = protocol->read_batch(copy, 2);
    ASSERT_TRUE(failures) << failures.error().text();
    ASSERT_EQ(failures->size(), 1U);
    EXPECT_EQ(failures->front().entry, 1U);
    EXPECT_TRUE(failures->front().sender_fault);
    copy = query ? xml : json;
    EXPECT_FALSE(protocol->read_batch(copy, 3));
    copy = query ? xml : json;
    EXPECT_FALSE(protocol->read_batch(copy, 1));
  }
}

Settings settings_of(std::initializer_list<std::pair<const char*, std::string>> values) {
  Settings settings;
  settings.connection = "queue";
  for (const auto& [name, text] : values) settings.values[name] = Setting{text, {}, {"logins.yaml", 4, 12}};
  return settings;
}

TEST(SqsOptionsTest, a_queue_is_given_by_name_url_or_arn) {
  const auto name = read_sqs_options(
      settings_of({{"sqs", "logins"}, {"region", "eu-west-1"}, {"endpoint", "http://localhost:4566/"}}));
  ASSERT_TRUE(name) << name.error().text();
  EXPECT_EQ(name->endpoint, "http://localhost:4566");
  const auto arn = read_sqs_options(
      settings_of({{"sqs", "arn:aws:sqs:eu-west-3:123456789012:logins"}, {"endpoint", "https://sqs.example"}}));
  ASSERT_TRUE(arn) << arn.error().text();
  EXPECT_EQ(arn->name, "logins");
  EXPECT_EQ(arn->account, "123456789012");
  EXPECT_EQ(arn->region, "eu-west-3");
  const auto url = read_sqs_options(settings_of(
      {{"sqs", "https://sqs.eu-central-1.amazonaws.com/123456789012/logins"}, {"endpoint", "https://sqs.example"}}));
  ASSERT_TRUE(url) << url.error().text();
  EXPECT_EQ(url->name, "logins");
  EXPECT_EQ(url->region, "eu-central-1");
}

TEST(SqsOptionsTest, wrong_values_name_the_key_and_its_place) {
  const std::pair<const char*, const char*> wrong[] = {
      {"endpoint", "localhost"},
      {"endpoint", "http://example.com"},
      {"protocol", "soap"},
      {"wait", "21s"},
      {"visibility", "13h"},
      {"key", "body"},
      {"receives", "0"},
      {"region", "EU West"},
      {"sqs", "arn:aws:s3:::logs"},
      {"sqs", ""},
  };
  for (const auto& [key, text] : wrong) {
    Settings settings = settings_of({{"sqs", "logins"}, {"region", "eu-west-1"}, {"endpoint", "https://sqs.example"}});
    settings.values[key] = Setting{text, {}, {"logins.yaml", 4, 12}};
    const auto options = read_sqs_options(settings);
    ASSERT_FALSE(options) << key << ' ' << text;
    EXPECT_EQ(options.error().fault, Fault::config);
    EXPECT_NE(options.error().message.find("logins.yaml:4:12: '" + std::string(key)), std::string::npos)
        << options.error().message;
  }
}

// The machine's clock, on which sleep() takes no time.
class SleepingClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override { return std::chrono::system_clock::now(); }
  std::chrono::steady_clock::time_point steady() const override { return std::chrono::steady_clock::now() + slept_; }
  void sleep(std::chrono::milliseconds time) const override { slept_ += time; }

 private:
  mutable std::chrono::milliseconds slept_{0};
};

class SqsServerTest : public testing::Test {
 protected:
  using Handler = std::function<void(const std::string& action, const httplib::Request&, httplib::Response&)>;

  void SetUp() override {
    setenv("SLUICE_TEST_KEY", "AKIDEXAMPLE", 1);
    setenv("SLUICE_TEST_SECRET", "secret", 1);
    server_.on.Post(".*", [this](const httplib::Request& request, httplib::Response& response) {
      const std::string target = request.get_header_value("X-Amz-Target");
      std::string action = target.empty() ? request.get_param_value("Action") : target.substr(target.find('.') + 1);
      const std::lock_guard lock(mutex_);
      ++asked_[action];
      handler_(action, request, response);
    });
    server_.start();
  }
  std::unique_ptr<Queue> queue(Handler handler, const std::string& protocol = "json") {
    handler_ = std::move(handler);
    auto queue = open_sqs(settings_of({{"sqs", "logins"},
                                       {"region", "eu-west-1"},
                                       {"endpoint", server_.url()},
                                       {"access_key_id_env", "SLUICE_TEST_KEY"},
                                       {"secret_access_key_env", "SLUICE_TEST_SECRET"},
                                       {"wait", "0s"},
                                       {"protocol", protocol}}),
                          clock_);
    EXPECT_TRUE(queue) << queue.error().text();
    return std::move(*queue);
  }
  int asked(const std::string& action) {
    const std::lock_guard lock(mutex_);
    return asked_[action];
  }
  static void answer(httplib::Response& response, int status, const std::string& body) {
    response.status = status;
    response.set_header("x-amzn-RequestId", "r-1");
    response.set_content(body, "application/x-amz-json-1.0");
  }
  // One message, received once.
  Handler one_message() {
    return [this](const std::string& action, const httplib::Request& request, httplib::Response& response) {
      if (action == "GetQueueUrl")
        return answer(response, 200, R"({"QueueUrl":"http://unreachable.invalid:9/1/logins"})");
      EXPECT_NE(request.body.find("http://unreachable.invalid:9/1/logins"), std::string::npos);
      if (action == "GetQueueAttributes") {
        return answer(response, 200,
                      R"({"Attributes":{"VisibilityTimeout":"45","ApproximateNumberOfMessages":")" +
                          std::string(deleted_ ? "0" : "1") + "\"}}");
      }
      if (action == "ReceiveMessage") {
        const bool hidden = std::exchange(received_, true);
        return answer(response, 200, hidden ? "{}" : R"({"Messages":[)" + json_message("hello", md5_hello) + "]}");
      }
      EXPECT_EQ(action, "DeleteMessageBatch");
      deleted_ = true;
      answer(response, 200, R"({"Successful":[{"Id":"0"}],"Failed":[]})");
    };
  }

  SleepingClock clock_;

 private:
  TestServer<> server_;
  std::mutex mutex_;
  Handler handler_;
  std::map<std::string, int> asked_;
  bool received_ = false;
  bool deleted_ = false;
};

TEST_F(SqsServerTest, the_host_of_a_returned_queue_url_is_never_called) {
  const auto logins = queue(one_message(), "auto");
  const auto facts = logins->facts(seconds(0));
  ASSERT_TRUE(facts) << facts.error().text();
  EXPECT_EQ(facts->visibility, seconds(45));
  EXPECT_EQ(facts->depth.visible, 1U);
  auto source = logins->open_source();
  ASSERT_TRUE(source) << source.error().text();
  std::optional<Delivery> delivery;
  while (!delivery) {
    auto next = (*source)->next({});
    ASSERT_TRUE(next) << next.error().text();
    delivery = std::move(next->delivery);
  }
  EXPECT_EQ(delivery->messages[0].body, "hello");
  ASSERT_TRUE((*source)->settle(delivery->receipt));
  ASSERT_TRUE((*source)->flush());
  EXPECT_EQ(asked("DeleteMessageBatch"), 1);
}

TEST_F(SqsServerTest, a_server_that_only_knows_the_query_protocol_is_found_out) {
  const auto logins = queue(
      [](const std::string& action, const httplib::Request& request, httplib::Response& response) {
        if (!request.get_header_value("X-Amz-Target").empty()) {
          return answer(response, 400, "<ErrorResponse><Error><Code>MissingAction</Code></Error></ErrorResponse>");
        }
        EXPECT_EQ(request.get_param_value("Version"), "2012-11-05");
        if (action == "GetQueueUrl") {
          return answer(response, 200,
                        "<GetQueueUrlResponse><GetQueueUrlResult><QueueUrl>http://elsewhere:4566/1/logins"
                        "</QueueUrl></GetQueueUrlResult></GetQueueUrlResponse>");
        }
        EXPECT_EQ(request.path, "/1/logins");
        answer(response, 200,
               "<GetQueueAttributesResponse><GetQueueAttributesResult><Attribute><Name>VisibilityTimeout"
               "</Name><Value>12</Value></Attribute></GetQueueAttributesResult></GetQueueAttributesResponse>");
      },
      "auto");
  const auto facts = logins->facts(seconds(0));
  ASSERT_TRUE(facts) << facts.error().text();
  EXPECT_EQ(facts->visibility, seconds(12));
}

TEST_F(SqsServerTest, a_queue_that_is_not_there_yet_is_waited_for) {
  int asked_for = 0;
  const auto then = one_message();
  const auto logins =
      queue([&](const std::string& action, const httplib::Request& request, httplib::Response& response) {
        if (++asked_for <= 3) return answer(response, 400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist"})");
        then(action, request, response);
      });
  const auto without_waiting = logins->facts(seconds(0));
  ASSERT_FALSE(without_waiting);
  EXPECT_EQ(without_waiting.error().fault, Fault::denied);
  EXPECT_NE(without_waiting.error().message.find("there is no queue logins in region eu-west-1"), std::string::npos);
  EXPECT_FALSE(without_waiting.error().hint.empty());
  EXPECT_TRUE(logins->facts(seconds(60)));
}

TEST_F(SqsServerTest, a_missing_right_is_named) {
  const auto logins = queue([](const std::string&, const httplib::Request&, httplib::Response& response) {
    answer(response, 403, R"({"__type":"com.amazon.coral.service#AccessDeniedException","message":"secret detail"})");
  });
  const auto facts = logins->facts(seconds(60));
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().fault, Fault::denied);
  EXPECT_EQ(facts.error().message,
            "sqs logins: not allowed: GetQueueUrl: AccessDeniedException (region eu-west-1, request r-1)");
  EXPECT_NE(facts.error().hint.find("sqs:GetQueueUrl"), std::string::npos);
  EXPECT_EQ(asked("GetQueueUrl"), 1) << "a retry does not help";
}

TEST_F(SqsServerTest, an_expired_token_is_renewed_once) {
  const auto logins = queue([](const std::string&, const httplib::Request&, httplib::Response& response) {
    answer(response, 403, R"({"__type":"ExpiredToken"})");
  });
  EXPECT_FALSE(logins->facts(seconds(0)));
  EXPECT_EQ(asked("GetQueueUrl"), 2);
}

TEST_F(SqsServerTest, a_clock_that_is_wrong_is_corrected_from_the_date_header) {
  std::vector<std::string> dates;
  const auto then = one_message();
  const auto logins =
      queue([&](const std::string& action, const httplib::Request& request, httplib::Response& response) {
        dates.push_back(request.get_header_value("X-Amz-Date"));
        if (dates.size() > 1) return then(action, request, response);
        response.set_header("Date", "Wed, 21 Oct 2015 07:28:00 GMT");
        answer(response, 403, R"({"__type":"RequestTimeTooSkewed"})");
      });
  EXPECT_TRUE(logins->facts(seconds(0)));
  ASSERT_GE(dates.size(), 2U);
  EXPECT_TRUE(dates[1].starts_with("20151021T072")) << dates[1];
}

TEST_F(SqsServerTest, throttling_is_tried_again_and_at_last_an_error) {
  int left = 2;
  const auto then = one_message();
  const auto logins =
      queue([&](const std::string& action, const httplib::Request& request, httplib::Response& response) {
        if (left-- > 0) return answer(response, 400, R"({"__type":"RequestThrottled"})");
        then(action, request, response);
      });
  EXPECT_TRUE(logins->facts(seconds(0)));
  left = 1000;
  const auto facts = logins->facts(seconds(0));
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().fault, Fault::transient);
}

TEST_F(SqsServerTest, probe_says_what_cannot_be_tried_and_warns_of_the_redrive_policy) {
  const auto then = one_message();
  const auto logins = queue([&](const std::string& action, const httplib::Request& request,
                                httplib::Response& response) {
    if (action != "GetQueueAttributes") return then(action, request, response);
    answer(
        response, 200,
        R"({"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-west-1:1:dead\",\"maxReceiveCount\":\"2\"}"}})");
  });
  std::string all;
  int warnings = 0;
  for (const Finding& finding : logins->probe()) {
    all += finding.what + "\n";
    warnings += finding.level == Finding::Level::warning ? 1 : 0;
  }
  EXPECT_EQ(warnings, 2) << all;
  EXPECT_NE(all.find("maxReceiveCount is 2"), std::string::npos);
  EXPECT_NE(all.find("new MessageId"), std::string::npos);
  EXPECT_NE(all.find("cannot be tried"), std::string::npos);
}

TEST(SqsDates, are_those_of_http) {
  EXPECT_EQ(parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT"), 1445412480);
  EXPECT_FALSE(parse_http_date("yesterday"));
}

}  // namespace
}  // namespace sluice::aws
