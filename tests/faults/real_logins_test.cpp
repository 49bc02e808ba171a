// The real login events, where they lie beside the project: 100 received are 99 rows and 1 reject, and a second
// run, or the same messages once more, changes nothing that was written.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

std::string data_file() {
  const char* shared = std::getenv("SLUICE_SHARED");
  return (shared == nullptr ? std::string(SLUICE_SOURCE_DIR "/../shared") : std::string(shared)) +
         "/data/logins/messages.ndjson";
}

// M.m.p by the specification's formula, worked out apart from the product's own code.
std::string version_number(const std::string& text) {
  std::istringstream in(text);
  long number = 0;
  long unit = 1000000;
  for (std::string part; std::getline(in, part, '.'); unit /= 1000) number += std::stol(part) * unit;
  return std::to_string(number);
}

Sent sent_of(const std::string& body) {
  const auto event = nlohmann::json::parse(body);
  if (!event.contains("user_id")) return {body, "", {event["foo"].get<std::string>()}};
  const auto text = [&event](const char* name) { return event[name].get<std::string>(); };
  return {body,
          text("user_id") + "|" + text("device_type") + "|" + text("ip") + "|" + text("device_id") + "|" +
              (event["locale"].is_null() ? "NULL" : text("locale")) + "|" + version_number(text("app_version")),
          {text("ip"), text("device_id")}};
}

TEST(real_logins, are_99_rows_and_a_reject_and_stay_so) {
  SLUICE_NEEDS_POSTGRES();
  std::ifstream in(data_file());
  if (!in) GTEST_SKIP() << "SKIPPED LOUDLY: " << data_file() << " not found; the real login events were not run";
  std::vector<Sent> messages;
  for (std::string line; std::getline(in, line);) messages.push_back(sent_of(line));
  ASSERT_EQ(messages.size(), 100U);

  LoginFlow flow;
  flow.send(messages);
  const support::Ended first = flow.run({"--json"});
  ASSERT_EQ(first.code, 0) << first.err;
  const auto report = nlohmann::json::parse(first.out)["result"]["flows"][0];
  EXPECT_EQ(report["received"], 100);
  EXPECT_EQ(report["written"], 99);
  EXPECT_EQ(report["rejected"], 1);
  flow.verdict();

  const support::Ended second = flow.run({"--json"});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(nlohmann::json::parse(second.out)["result"]["flows"][0]["received"], 0);
  flow.verdict();
  EXPECT_EQ(flow.sql("select count(*) from user_logins where locale is null"), "29");
}

}  // namespace
}  // namespace sluice::faults
