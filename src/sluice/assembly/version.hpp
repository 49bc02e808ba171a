// What this binary is.
#pragma once

#include <string>

namespace sluice::assembly {

std::string version_number();  // "0.1.0"
std::string commit();          // "a1b2c3d", "a1b2c3d-dirty" or "unknown"

}  // namespace sluice::assembly
