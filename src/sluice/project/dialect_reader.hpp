// How an object's rows are written, as a flow's `from` or `into` says it.
#pragma once

#include "sluice/objects/format.hpp"
#include "sluice/project/reader.hpp"

namespace sluice::project {

Result<void> read_dialect(const Node& node, const Variables& variables, objects::Dialect& dialect);

}  // namespace sluice::project
