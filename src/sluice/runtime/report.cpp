#include "sluice/runtime/report.hpp"

#include <array>
#include <utility>

namespace sluice::runtime {

std::string RunReport::bottleneck() const {
  const std::array<std::pair<const char*, double>, 5> stages{{{"receive", waiting},
                                                              {"decode", decode},
                                                              {"select and mask", select},
                                                              {"encode", encode},
                                                              {"database", database}}};
  const char* name = "";
  double most = 0;
  for (const auto& [stage, seconds] : stages) {
    if (seconds > most) {
      most = seconds;
      name = stage;
    }
  }
  return name;
}

void RunReport::add(const Written& more, std::uint64_t messages) {
  received += messages;
  written.add(more);
}

}  // namespace sluice::runtime
