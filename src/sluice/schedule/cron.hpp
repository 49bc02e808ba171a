// The five fields of a cron line, as Vixie cron reads them: lists, ranges, steps, names, @daily and the like.
//
// A day is due if the month fits and, where both day fields are restricted, one of them fits; else both must. A field
// that begins with * is not restricted in this sense, whatever step it has.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/core/result.hpp"

namespace sluice::schedule {

// A time as the clock on the wall shows it, without a zone.
using LocalTime = std::chrono::local_seconds;

struct Cron {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;  // from 1
  std::bitset<13> months;
  std::bitset<7> weekdays;  // from Sunday
  bool any_day = false;
  bool any_weekday = false;

  // The first due time that is `from` or later; empty only beyond the ninth year, which parse_cron() rules out.
  std::optional<LocalTime> first_from(LocalTime from) const;
};

// Errors (config) name the field, without a place. A line that is never due ("0 0 31 2 *") is one, too.
Result<Cron> parse_cron(std::string_view text);

}  // namespace sluice::schedule
