// A local folder that behaves as a queue: `NAME.ndjson` files are moved into it, each line is a message.
//
// As in SQS, a message that is received stays hidden for the visibility time-out, comes back if it was not
// deleted by then, and may be delivered more than once: at least once, never lost. Any number of processes
// may read and write one folder of a local file system at the same time. docs/connectors/spool.md has the rest.
#pragma once

#include <array>
#include <memory>

#include "sluice/core/clock.hpp"
#include "sluice/core/queue.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::local {

inline constexpr std::array spool_options{
    Option{"spool", OptionType::text, "the folder; a relative one starts at the project file's folder"},
    Option{"visibility", OptionType::duration,
           "how long a received message stays hidden from other readers (default 30s)"},
};

// Touches nothing yet. `clock` outlives the queue.
Result<std::unique_ptr<Queue>> open_spool(const Settings& settings, const Clock& clock);

}  // namespace sluice::local
