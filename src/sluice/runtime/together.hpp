// Work that goes on side by side for as long as a server runs.
#pragma once

#include <functional>
#include <vector>

namespace sluice::runtime {

// Runs each on a thread of its own; comes back when all of them have.
void run_together(const std::vector<std::function<void()>>& jobs);

}  // namespace sluice::runtime
