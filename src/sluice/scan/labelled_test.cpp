// Floors under the figures of docs/scan.md, and the set itself held against the published examples' checks.
#include "sluice/scan/labelled.hpp"

#include <gtest/gtest.h>

#include <map>

#include "sluice/scan/check_digits.hpp"

namespace sluice::scan {
namespace {

TEST(Labelled, recall_and_precision_stay_above_their_floors) {
  const Measured measured = measure(1, 10000);
  EXPECT_GT(measured.personal, 4000U);
  EXPECT_GT(measured.recall(), 0.81);
  EXPECT_GT(measured.precision(), 0.95);
}

TEST(Labelled, what_proves_itself_is_found_without_a_name) {
  const Measured measured = measure(2, 5000);
  for (const char* kind : {"Estonian personal code", "Finnish personal code", "German tax id", "IBAN", "payment card",
                           "Swedish personal number", "e-mail address", "IPv4 address", "IPv6 address", "MAC address",
                           "marked secret", "coordinates, a pair", "telephone, written"}) {
    const Measured::Count& count = measured.vaguely.at(kind);
    EXPECT_GT(count.columns, 10U) << kind;
    EXPECT_GE(static_cast<double>(count.right), 0.95 * static_cast<double>(count.columns)) << kind;
  }
}

TEST(Labelled, check_digits_of_the_set_are_right) {
  const std::map<std::string, bool (*)(std::string_view)> checks{{"Estonian personal code", is_isikukood},
                                                                 {"Finnish personal code", is_hetu},
                                                                 {"Swedish personal number", is_personnummer},
                                                                 {"German tax id", is_steuer_id},
                                                                 {"IBAN", is_iban},
                                                                 {"payment card", is_card}};
  std::map<std::string, int> right;
  std::map<std::string, int> values;
  make_columns(3, 2000, [&](const LabelledColumn& column) {
    const auto check = checks.find(column.kind);
    if (check == checks.end()) return;
    for (const std::string& value : column.values) {
      if (value.size() < 10) continue;  // none, or a slip that was put in on purpose
      ++values[column.kind];
      right[column.kind] += check->second(value) ? 1 : 0;
    }
  });
  for (const auto& [kind, check] : checks) {
    EXPECT_GT(values[kind], 500) << kind;
    EXPECT_EQ(right[kind], values[kind]) << kind;
  }
}

TEST(Labelled, a_seed_makes_the_same_columns_again) {
  const auto all_of = [](std::uint64_t seed) {
    std::string out;
    make_columns(seed, 50, [&](const LabelledColumn& column) {
      out += column.kind + column.name;
      for (const std::string& value : column.values) out += value;
    });
    return out;
  };
  EXPECT_EQ(all_of(7), all_of(7));
  EXPECT_NE(all_of(7), all_of(8));
}

}  // namespace
}  // namespace sluice::scan
