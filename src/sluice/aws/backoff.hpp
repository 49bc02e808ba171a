// How long to wait before the nth try: full jitter, so that many clients do not come back at once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace sluice::aws {

inline std::chrono::milliseconds backoff(std::minstd_rand& random, unsigned failures, bool throttled) {
  const std::int64_t first = throttled ? 500 : 100;
  const std::int64_t most = std::min<std::int64_t>(first << std::min(failures, 8U), throttled ? 20000 : 10000);
  // At least a little, so that an outage of moments is not met by a burst.
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(10, most)(random));
}

}  // namespace sluice::aws
