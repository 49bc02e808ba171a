// An SQS queue in the role of a Queue.
#pragma once

#include <memory>

#include "sluice/core/clock.hpp"
#include "sluice/core/queue.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::aws {

// Nothing is sent before the first call of the queue. `clock` outlives the queue and its sources; a
// source does not need the queue any longer and may be used by another thread.
Result<std::unique_ptr<Queue>> open_sqs(const Settings& settings, const Clock& clock);

}  // namespace sluice::aws
