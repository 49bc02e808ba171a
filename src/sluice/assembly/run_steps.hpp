// The chosen steps of a project's graph, once: what `run` and `serve` share.
#pragma once

#include <vector>

#include "sluice/assembly/flow_run.hpp"
#include "sluice/assembly/work.hpp"

namespace sluice::assembly {

// `chosen` has one flag a step. What waits for a step that failed is left out; the first error stands in the answer.
Result<Answer> run_steps(const Assembly& assembly, const Session& session, FlowRunOptions options, const Work& work,
                         const std::vector<bool>& chosen);

}  // namespace sluice::assembly
