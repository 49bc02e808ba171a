#include "sluice/runtime/together.hpp"

#include <thread>

namespace sluice::runtime {

void run_together(const std::vector<std::function<void()>>& jobs) {
  std::vector<std::jthread> threads;
  threads.reserve(jobs.size());
  for (const std::function<void()>& job : jobs) threads.emplace_back(job);
}

}  // namespace sluice::runtime
