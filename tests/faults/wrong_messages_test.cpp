// Messages that no producer should send: each is a reject, and the ones beside it are rows.
#include <gtest/gtest.h>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

std::string login_with(const std::string& field, const std::string& value) {
  std::string body =
      R"({"user_id": "u-1", "app_version": "1.2.3", "device_type": "ios", "ip": "242.1.2.3", "locale": null, "device_id": "901-37-9999"})";
  const std::size_t at = body.find("\"" + field + "\": ") + field.size() + 4;
  std::size_t end = body.find(", \"", at);
  if (end == std::string::npos) end = body.size() - 1;
  return body.replace(at, end - at, value);
}

Sent reject(std::string body) { return {std::move(body), "", {"242.1.2.3", "901-37-9999"}}; }

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

class wrong_messages : public testing::TestWithParam<std::string> {};  // the protocol

TEST_P(wrong_messages, are_rejects_beside_rows) {
  SLUICE_NEEDS_POSTGRES();
  FlowOptions options;
  options.queue_keys = ", wait: 0s, protocol: " + GetParam();
  LoginFlow flow(options);
  flow.send(login_messages(40));
  const std::string mebibyte = repeated("canary-1", 131000);
  for (const std::string& body : {
           std::string(),
           std::string(" \n\t "),
           std::string("null"),
           std::string("[1, 2]"),
           std::string("{\"ip\": \"242.1.2.3\""),
           std::string("canary-2 \xff\xfe 242.1.2.3"),
           login_with("user_id", "\"\xc3\x28\""),
           login_with("user_id", "\"a\\u0000b\""),
           login_with("user_id", "\"\\ud800\""),
           login_with("user_id", "7"),
           login_with("user_id", "1" + repeated("0", 400)),
           login_with("user_id", "\"" + repeated("x", 129) + "\""),
           login_with("user_id", "\"" + mebibyte + "\""),
           login_with("user_id", "\"twice\", \"user_id\": \"u-2\""),
           login_with("locale", repeated("[", 100000) + repeated("]", 100000)),
           login_with("ip", "\"256.1.1.1\""),
           login_with("ip", "\"canary-3\""),
           login_with("ip", "null"),
           login_with("app_version", "\"1.2.3.4\""),
           login_with("app_version", "\"1.1000\""),
           login_with("app_version", "\"canary-4\""),
       }) {
    flow.put(reject(body));
  }
  Sent big;  // valid, with 1 MiB that no column wants
  big.body = login_with("locale", "null, \"more\": \"" + repeated("canary-5", 130000) + "\"");
  big.row = "u-1|ios|242.1.2.3|901-37-9999|NULL|1002003";
  flow.put(big);
  const support::Ended ended = flow.run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  flow.verdict();
}

std::string protocol_name(const testing::TestParamInfo<std::string>& protocol) { return protocol.param; }

INSTANTIATE_TEST_SUITE_P(over, wrong_messages, testing::Values("json", "query", "auto"), protocol_name);

}  // namespace
}  // namespace sluice::faults
