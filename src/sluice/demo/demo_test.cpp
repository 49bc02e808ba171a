#include "sluice/demo/events.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace sluice::demo {
namespace {

TEST(DemoEvents, are_the_same_for_one_seed_and_have_the_traits_that_the_demo_shows) {
  const auto bodies = login_events(100, 20);
  EXPECT_EQ(bodies, login_events(100, 20));
  EXPECT_NE(bodies, login_events(100, 21));
  std::size_t malformed = 0;
  std::size_t without_locale = 0;
  std::multiset<std::string> addresses;
  for (const std::string& body : bodies) {
    const auto event = nlohmann::json::parse(body);
    if (!event.contains("ip")) {
      ++malformed;
      continue;
    }
    addresses.insert(event["ip"].get<std::string>());
    without_locale += event["locale"].is_null() ? 1U : 0U;
    EXPECT_EQ(event["user_id"].get<std::string>().size(), 36U);
  }
  EXPECT_EQ(malformed, 1U);
  EXPECT_GT(without_locale, 20U);
  EXPECT_LT(std::set<std::string>(addresses.begin(), addresses.end()).size(), addresses.size());
}

}  // namespace
}  // namespace sluice::demo
