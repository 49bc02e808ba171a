// Two steps that write to one place: one would overwrite, or take away, what the other wrote.
//
// Objects: a key, a manifest or a prefix that two exports have, also by two connections to one bucket or folder; what
// they share on purpose is a `manifest:`. Tables: a flow that replaces, beside any other; a model, beside any other.
// Flows that all append or merge may share a table.
#pragma once

#include "sluice/project/project.hpp"

namespace sluice::project {

// Errors (config) name both, with their places.
Result<void> check_places(const Project& project);

}  // namespace sluice::project
