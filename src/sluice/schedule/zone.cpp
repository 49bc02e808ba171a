#include "sluice/schedule/zone.hpp"

#include <date/tz.h>

#include <stdexcept>
#include <vector>

#include "sluice/core/words.hpp"

namespace sluice::schedule {
namespace {

tl::unexpected<Error> unknown(const std::string& name) {
  std::vector<std::string> names;
  for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  const std::string near = nearest(name, names);
  return fail(Fault::config, "timezone: there is no time zone '" + name.substr(0, 60) + "'",
              near.empty() ? "take an IANA name, as Europe/Tallinn or UTC" : "did you mean '" + near + "'?");
}

date::local_seconds to_date(LocalTime time) { return date::local_seconds(time.time_since_epoch()); }

}  // namespace

Result<Zone> Zone::find(const std::string& name) {
  Zone out;
  if (name == "UTC") return out;
  try {
    // The library opens whatever file the name leads to.
    if (name.empty() || name.front() == '/' || name.find("..") != std::string::npos) return unknown(name);
    out.zone_ = date::locate_zone(name);
    out.zone_->get_info(SystemTime());  // the zone's file is read here
    return out;
  } catch (const std::exception&) {
    try {
      return unknown(name);
    } catch (const std::exception&) {
      return fail(Fault::config, "timezone: the system has no database of time zones", "install the package tzdata");
    }
  }
}

Zone::Span Zone::span(SystemTime time) const {
  if (zone_ == nullptr) return {SystemTime::min(), SystemTime::max(), std::chrono::seconds(0)};
  const date::sys_info info = zone_->get_info(time);
  return {info.begin, info.end, info.offset};
}

LocalTime Zone::local(SystemTime time) const { return LocalTime(time.time_since_epoch() + span(time).offset); }

SystemTime Zone::first(LocalTime time) const {
  if (zone_ == nullptr) return SystemTime(time.time_since_epoch());
  const date::local_info info = zone_->get_info(to_date(time));
  if (info.result == date::local_info::nonexistent) return info.first.end;
  return SystemTime(time.time_since_epoch() - info.first.offset);
}

}  // namespace sluice::schedule
