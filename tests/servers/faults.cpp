#include "faults.hpp"

#include <algorithm>
#include <array>

namespace sluice::servers {
namespace {

struct FaultRow {
  std::string_view name;
  void (*apply)(Effects&, std::chrono::milliseconds);
  std::string_view action{};  // the only one it makes sense for
};

using Time = std::chrono::milliseconds;

constexpr std::array fault_table{
    FaultRow{"throttle", [](Effects& e, Time) { e.error = &errors::throttled; }},
    FaultRow{"500", [](Effects& e, Time) { e.error = &errors::internal; }},
    FaultRow{"503", [](Effects& e, Time) { e.error = &errors::unavailable; }},
    FaultRow{"access_denied", [](Effects& e, Time) { e.error = &errors::denied; }},
    FaultRow{"expired_token", [](Effects& e, Time) { e.error = &errors::expired; }},
    FaultRow{"bad_signature", [](Effects& e, Time) { e.error = &errors::bad_signature; }},
    FaultRow{"no_queue", [](Effects& e, Time) { e.error = &errors::no_queue; }},
    FaultRow{"over_limit", [](Effects& e, Time) { e.error = &errors::over_limit; }, "ReceiveMessage"},
    FaultRow{"cut", [](Effects& e, Time) { e.cut_before = true; }},
    FaultRow{"lost_reply", [](Effects& e, Time) { e.ending = Ending::cut; }},
    FaultRow{"truncated", [](Effects& e, Time) { e.ending = Ending::truncate; }},
    FaultRow{"slow_body", [](Effects& e, Time time) { e.ending = Ending::drip, e.drip = time; }},
    FaultRow{"delay", [](Effects& e, Time time) { e.delay += time; }},
    FaultRow{"not_json", [](Effects& e, Time) { e.not_json = true; }},
    FaultRow{"wrong_md5", [](Effects& e, Time) { e.wrong_md5 = true; }},
    FaultRow{"foreign_url", [](Effects& e, Time) { e.foreign_url = true; }},
    FaultRow{"entries_failed", [](Effects& e, Time) { e.fail_entries = true; }},
    FaultRow{"delete_failed", [](Effects& e, Time) { e.fail_entries = true; }, "DeleteMessageBatch"},
    FaultRow{"duplicate_delivery", [](Effects& e, Time) { e.duplicate = true; }, "ReceiveMessage"},
    FaultRow{"empty_receive", [](Effects& e, Time) { e.empty = true; }, "ReceiveMessage"},
};

}  // namespace

bool Faults::add(const Parameters& parameters, std::string& problem) {
  const std::string name = text_of(parameters, "fault");
  const auto* const row = std::ranges::find(fault_table, std::string_view(name), &FaultRow::name);
  if (row == fault_table.end()) {
    problem = "no such fault: " + name + "; there are:";
    for (const FaultRow& each : fault_table) problem.append(" ").append(each.name);
    return false;
  }
  list_.add(name, parameters, row->action);
  return true;
}

Effects Faults::on(std::string_view action) {
  Effects effects;
  for (const FaultList::Strike& strike : list_.on(action)) {
    std::ranges::find(fault_table, strike.name, &FaultRow::name)->apply(effects, strike.time);
  }
  return effects;
}

}  // namespace sluice::servers
