#include "faults.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

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

Parameters read_parameters(std::string_view text, char separator) {
  Parameters parameters;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    const std::size_t equals = pair.find('=');
    // "throttle,count=2" on the command line: the first word is the fault's name.
    if (equals == std::string_view::npos)
      parameters.emplace("fault", pair);
    else
      parameters.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return parameters;
}

std::int64_t number_of(const Parameters& parameters, std::string_view name, std::int64_t otherwise) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? otherwise : std::atoll(found->second.c_str());
}

bool Faults::add(const Parameters& parameters, std::string& problem) {
  const auto text = [&parameters](std::string_view name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  };
  const std::string name = text("fault");
  const auto* const row = std::ranges::find(fault_table, std::string_view(name), &FaultRow::name);
  if (row == fault_table.end()) {
    problem = "no such fault: " + name + "; there are:";
    for (const FaultRow& each : fault_table) problem.append(" ").append(each.name);
    return false;
  }
  const std::string probability = text("probability");
  const std::string action = row->action.empty() ? text("action") : std::string(row->action);
  faults_.push_back({name, action, number_of(parameters, "count", -1), number_of(parameters, "skip", 0),
                     probability.empty() ? 1.0 : std::strtod(probability.c_str(), nullptr),
                     Time{number_of(parameters, "ms", 100)}});
  return true;
}

Effects Faults::on(std::string_view action) {
  Effects effects;
  for (Fault& fault : faults_) {
    if (!fault.action.empty() && fault.action != action) continue;
    if (fault.skip > 0) {
      --fault.skip;
      continue;
    }
    if (fault.count == 0) continue;
    if (fault.probability < 1 && std::uniform_real_distribution<>()(random_) >= fault.probability) continue;
    if (fault.count > 0) --fault.count;
    ++struck_[fault.name];
    std::ranges::find(fault_table, std::string_view(fault.name), &FaultRow::name)->apply(effects, fault.time);
  }
  return effects;
}

}  // namespace sluice::servers
