// Reads `schedule:` of a project or a flow.
#pragma once

#include "sluice/project/tree.hpp"
#include "sluice/project/variables.hpp"
#include "sluice/schedule/schedule.hpp"

namespace sluice::project {

Result<schedule::Schedule> read_schedule(const Node& node, const Variables& variables);

}  // namespace sluice::project
