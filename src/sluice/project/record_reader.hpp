// Reads a flow's record: field -> type, or field -> { type, max, null, ... }.
#pragma once

#include "sluice/core/record.hpp"
#include "sluice/project/tree.hpp"
#include "sluice/project/variables.hpp"

namespace sluice::project {

Result<Record> read_record(const Node& node, const Variables& variables);

}  // namespace sluice::project
