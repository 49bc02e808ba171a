// What the commands print and the demo's data; the commands themselves are told in tests/scenarios.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "sluice/cli/cells.hpp"
#include "sluice/cli/demo_events.hpp"
#include "sluice/cli/reject_source.hpp"
#include "sluice/cli/table.hpp"

namespace sluice::cli {
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

TEST(Table, is_as_wide_as_its_widest_cell_and_counts_characters) {
  Table table({"name", "n"});
  table.align_right({1});
  table.add({"Müller", "7"});
  table.add({"x", "1,000"});
  EXPECT_EQ(table.text(), "  name        n\n  ------  -----\n  Müller      7\n  x       1,000\n");
}

TEST(Table, numbers_have_thousands_and_text_from_outside_cannot_draw) {
  EXPECT_EQ(thousands(0), "0");
  EXPECT_EQ(thousands(999), "999");
  EXPECT_EQ(thousands(1234567), "1,234,567");
  EXPECT_EQ(printable("a\x1b[2Jb\n", 60), "a?[2Jb?");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

TEST(Cells, of_each_kind_read_as_people_write_them) {
  const Int128 lowest = -(static_cast<Int128>(1) << 126) * 2;
  const auto cell = [](Type type, const auto& value) {
    Batch batch;
    batch.schema = std::make_shared<Schema>(Schema{{"c", type}});
    batch.vectors.push_back({&value, nullptr});
    batch.rows = 1;
    return cell_text(batch, 0, 0).value_or("NULL");
  };
  EXPECT_EQ(cell({Kind::decimal, 10, 2}, Int128{-5}), "-0.05");
  EXPECT_EQ(cell({Kind::decimal, 38, 0}, lowest), "-170141183460469231731687303715884105728");
  EXPECT_EQ(cell({Kind::date}, std::int32_t{19000}), "2022-01-08");
  EXPECT_EQ(cell({Kind::timestamp}, std::int64_t{-1}), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(cell({Kind::boolean}, std::uint8_t{1}), "true");
  EXPECT_EQ(cell({Kind::bytes}, Text(std::string_view("\x00\xff", 2))), "00ff");
}

TEST(RejectSource, hands_over_each_reject_once_and_again_only_after_a_release) {
  std::vector<StoredReject> stored(3);
  for (std::size_t i = 0; i < stored.size(); ++i) stored[i].envelope.body = "body " + std::to_string(i);
  RejectSource source(std::move(stored));
  Wanted wanted;
  wanted.rows_max = 2;
  const auto first = source.next(wanted);
  ASSERT_TRUE(first && first->delivery);
  EXPECT_EQ(first->delivery->messages.size(), 2U);
  EXPECT_EQ(first->delivery->proof, Proof::reject_ids);
  EXPECT_EQ(first->delivery->messages[1].body, "body 1");
  ASSERT_TRUE(source.release(first->delivery->receipt));
  std::size_t seen = 0;
  for (auto next = source.next(wanted); next && !next->ended; next = source.next(wanted)) {
    seen += next->delivery->messages.size();
    ASSERT_TRUE(source.settle(next->delivery->receipt));
  }
  EXPECT_EQ(seen, 3U);
}

}  // namespace
}  // namespace sluice::cli
