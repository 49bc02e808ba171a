// The grammar as a JSON Schema (draft 2020-12), for editors.
#pragma once

#include <span>
#include <string>

#include "sluice/project/connector.hpp"

namespace sluice::project {

std::string json_schema(std::span<const ConnectorKind> connectors);

}  // namespace sluice::project
