// One line of `sluice doctor`: what was looked at, how it is, what to do about it.
#pragma once

#include <string>

namespace sluice {

struct Finding {
  enum class Level { good, warning, bad };
  Level level = Level::good;
  std::string what;    // "sqs login-queue: reachable, 12 visible, 0 in flight"
  std::string hint{};  // what to do; empty where all is well
};

}  // namespace sluice
