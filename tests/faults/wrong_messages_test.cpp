// Messages that no producer should send: each is a reject, and the ones beside it are rows.
#include <gtest/gtest.h>

#include "login_flow.hpp"
#include "wrong_bodies.hpp"

namespace sluice::faults {
namespace {

Sent reject(std::string body) { return {std::move(body), "", {"242.1.2.3", "901-37-9999"}}; }

class wrong_messages : public testing::TestWithParam<std::string> {};  // the protocol

TEST_P(wrong_messages, are_rejects_beside_rows) {
  SLUICE_NEEDS_POSTGRES();
  FlowOptions options;
  options.queue_keys = ", wait: 0s, protocol: " + GetParam();
  LoginFlow flow(options);
  flow.send(login_messages(40));
  for (const std::string& body : wrong_bodies({})) flow.put(reject(body));
  Sent big;
  big.body = big_body({});
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
