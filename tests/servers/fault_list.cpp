#include "fault_list.hpp"

#include <algorithm>
#include <cstdlib>

namespace sluice::servers {

Parameters read_parameters(std::string_view text, char separator) {
  Parameters parameters;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    const std::size_t equals = pair.find('=');
    // "throttle,count=2" on the command line: the first word is the fault's name.
    if (equals == std::string_view::npos)
      parameters.emplace(separator == ',' ? "fault" : pair, separator == ',' ? pair : "");
    else
      parameters.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return parameters;
}

std::int64_t number_of(const Parameters& parameters, std::string_view name, std::int64_t otherwise) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? otherwise : std::atoll(found->second.c_str());
}

std::string text_of(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

void FaultList::add(std::string name, const Parameters& parameters, std::string_view only) {
  const std::string probability = text_of(parameters, "probability");
  faults_.push_back({std::move(name), only.empty() ? text_of(parameters, "action") : std::string(only),
                     number_of(parameters, "count", -1), number_of(parameters, "skip", 0),
                     probability.empty() ? 1.0 : std::strtod(probability.c_str(), nullptr),
                     std::chrono::milliseconds{number_of(parameters, "ms", 100)}});
}

std::vector<FaultList::Strike> FaultList::on(std::string_view action) {
  std::vector<Strike> strikes;
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
    strikes.push_back({fault.name, fault.time});
  }
  return strikes;
}

}  // namespace sluice::servers
