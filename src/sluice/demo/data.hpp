// What the generators of demo data share: a seeded random source that is the same with every library, and dates.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>

namespace sluice::demo {

using Day = std::chrono::sys_days;

constexpr Day day(int year, unsigned month, unsigned day_of_month) {
  return Day(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day_of_month));
}

inline std::string iso(Day date) {
  const std::chrono::year_month_day parts(date);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(parts.year()), static_cast<unsigned>(parts.month()),
                     static_cast<unsigned>(parts.day()));
}

// Not std::uniform_int_distribution: its results differ between libraries. Draw into variables, one a statement: the
// order in which arguments are evaluated differs between compilers.
class Random {
 public:
  explicit Random(std::uint32_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t most) { return static_cast<std::uint32_t>(random_()) % most; }
  std::uint32_t between(std::uint32_t first, std::uint32_t last) { return first + below(last - first + 1); }
  bool chance(std::uint32_t in_ten_thousand) { return below(10000) < in_ten_thousand; }
  Day between(Day first, Day last) {
    return first + std::chrono::days(below(static_cast<std::uint32_t>((last - first).count()) + 1));
  }

 private:
  std::mt19937 random_;
};

}  // namespace sluice::demo
