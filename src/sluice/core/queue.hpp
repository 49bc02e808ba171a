// A connection in the role of a queue: messages to take, each hidden while it is worked on.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/finding.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/source.hpp"

namespace sluice {

struct QueueFacts {
  QueueDepth depth;
  std::chrono::seconds visibility{30};
  std::chrono::hours retention{24 * 14};   // with that of the dead-letter queue, where it is known
  std::optional<unsigned> receives_max{};  // maxReceiveCount of the redrive policy
  bool fifo = false;
};

class Queue {
 public:
  virtual ~Queue() = default;

  // Waits up to `wait` for a queue that does not exist yet, and says so once.
  virtual Result<QueueFacts> facts(std::chrono::seconds wait) = 0;
  virtual Result<std::unique_ptr<Source>> open_source() = 0;
  // Puts messages in, for demo, init and tests.
  virtual Result<void> send(const std::vector<std::string>& bodies) = 0;
  virtual std::vector<Finding> probe() = 0;
};

}  // namespace sluice
