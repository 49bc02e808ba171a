// When a flow or a project is due: by a cron line in a time zone, or at every so many seconds. Pure functions of time.
//
// On the day the clock is put forward, a time that does not exist is due once, the moment after the gap. On the day it
// is put back, a time that occurs twice is due once, the first time. A cron line of every hour goes by elapsed time
// instead: "every 15 minutes" stays that on both days.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sluice/schedule/cron.hpp"
#include "sluice/schedule/zone.hpp"

namespace sluice::schedule {

// What becomes of a time that is due while the last run is still at work.
enum class Overlap {
  skip,   // it is left out
  queue,  // it runs when that one has ended; several are one
};

struct Schedule {
  std::optional<Cron> cron{};     // empty: `every`
  std::chrono::seconds every{0};  // at its multiples since 1970, so that all servers mean the same times
  Zone zone{};
  Overlap overlap = Overlap::skip;
};

// The first due time after `after`.
SystemTime next_after(const Schedule& schedule, SystemTime after);
// The last due time up to `now` and after `since`; empty: there is none.
std::optional<SystemTime> last_due(const Schedule& schedule, SystemTime since, SystemTime now);

// Days since 1970, on the wall of the zone.
std::int32_t local_day(const Zone& zone, SystemTime time);
// "2022-09-05", on the wall of the zone.
std::string local_date(const Zone& zone, SystemTime time);
// "2022-09-05T06:15:00Z"
std::string utc_text(SystemTime time);

}  // namespace sluice::schedule
