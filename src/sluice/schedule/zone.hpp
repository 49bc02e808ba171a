// Time zones of the system's database (tzdata), by their IANA names.
#pragma once

#include <chrono>
#include <string>

#include "sluice/core/result.hpp"
#include "sluice/schedule/cron.hpp"

namespace date {
class time_zone;
}

namespace sluice::schedule {

using SystemTime = std::chrono::sys_seconds;  // UTC

class Zone {
 public:
  Zone() = default;  // UTC
  // Errors (config) name the nearest zone, without a place.
  static Result<Zone> find(const std::string& name);

  // Between two changes of the clock the offset to UTC is one.
  struct Span {
    SystemTime begin;
    SystemTime end;  // the first moment after it
    std::chrono::seconds offset;
  };
  Span span(SystemTime time) const;
  LocalTime local(SystemTime time) const;
  // When the clock on the wall first shows this time, or where it never does, the moment it skips it.
  SystemTime first(LocalTime time) const;

 private:
  const date::time_zone* zone_ = nullptr;  // of the database, which stays
};

}  // namespace sluice::schedule
