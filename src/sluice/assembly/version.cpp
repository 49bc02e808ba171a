#include "sluice/assembly/version.hpp"

#include "sluice_version.hpp"  // made by cmake/version.cmake

namespace sluice::assembly {

std::string version_number() { return SLUICE_VERSION; }
std::string commit() { return SLUICE_COMMIT; }

}  // namespace sluice::assembly
