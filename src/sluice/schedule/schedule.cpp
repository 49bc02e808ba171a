#include "sluice/schedule/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace sluice::schedule {
namespace {

using namespace std::chrono;

SystemTime first_multiple_after(seconds every, SystemTime after) {
  assert(every.count() > 0);
  const std::int64_t count = after.time_since_epoch().count();
  return SystemTime(
      seconds((count / every.count() + (count < 0 && count % every.count() != 0 ? 0 : 1)) * every.count()));
}

// By elapsed time: within one span after the other, what the clock on the wall shows.
SystemTime next_in_spans(const Cron& cron, const Zone& zone, SystemTime after) {
  for (SystemTime from = after + seconds(1);;) {
    const Zone::Span span = zone.span(from);
    const auto local = cron.first_from(LocalTime(from.time_since_epoch() + span.offset));
    assert(local);
    const SystemTime due(local->time_since_epoch() - span.offset);
    if (due < span.end) return due;
    from = span.end;
  }
}

// By the wall: each of its times once. Later local times never come to an earlier moment, so the first that lies
// after `after` is the one.
SystemTime next_on_wall(const Cron& cron, const Zone& zone, SystemTime after) {
  for (LocalTime from = floor<minutes>(zone.local(after));;) {
    const auto local = cron.first_from(from);
    assert(local);
    const SystemTime due = zone.first(*local);
    if (due > after) return due;
    from = *local + minutes(1);
  }
}

std::string date_text(year_month_day date) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

}  // namespace

SystemTime next_after(const Schedule& schedule, SystemTime after) {
  if (!schedule.cron) return first_multiple_after(schedule.every, after);
  return schedule.cron->hours.all() ? next_in_spans(*schedule.cron, schedule.zone, after)
                                    : next_on_wall(*schedule.cron, schedule.zone, after);
}

std::optional<SystemTime> last_due(const Schedule& schedule, SystemTime since, SystemTime now) {
  if (since >= now) return std::nullopt;
  if (!schedule.cron) {
    const SystemTime last = first_multiple_after(schedule.every, now) - schedule.every;
    return last > since ? std::optional(last) : std::nullopt;
  }
  // From short to long, so that a server that was down for a year does not count its minutes.
  for (const seconds window : {seconds(hours(2)), seconds(days(2)), seconds(days(40)), seconds(days(9 * 366))}) {
    const SystemTime start = std::max(since, now - window);
    SystemTime due = next_after(schedule, start);
    if (due > now) {
      if (start == since) return std::nullopt;
      continue;
    }
    for (SystemTime next = due; next <= now; next = next_after(schedule, next)) due = next;
    return due;
  }
  return std::nullopt;
}

std::int32_t local_day(const Zone& zone, SystemTime time) {
  return static_cast<std::int32_t>(floor<days>(zone.local(time)).time_since_epoch().count());
}

std::string local_date(const Zone& zone, SystemTime time) {
  return date_text(year_month_day(floor<days>(zone.local(time))));
}

std::string utc_text(SystemTime time) {
  const auto day = floor<days>(time);
  const hh_mm_ss clock(time - day);
  return fmt::format("{}T{:02}:{:02}:{:02}Z", date_text(year_month_day(day)), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace sluice::schedule
