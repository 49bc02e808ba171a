// Where a flow's rows come from, opened: its queue, or those of its objects that are there now.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "sluice/assembly/assemble.hpp"
#include "sluice/core/source.hpp"
#include "sluice/objects/object_rows.hpp"

namespace sluice::assembly {

struct FlowSource {
  std::unique_ptr<Source> source;
  std::optional<QueueFacts> queue{};
};

// Waits up to `queue_wait` for a queue that does not exist yet. `open` outlives the source.
Result<FlowSource> open_source(const OpenFlow& open, std::chrono::seconds queue_wait);

// The objects a flow names, as they are now: an exact key that is not there is an error.
Result<std::vector<ObjectFacts>> objects_of(const OpenFlow& open);
Result<objects::RowsOptions> object_rows_options(const OpenFlow& open);

}  // namespace sluice::assembly
