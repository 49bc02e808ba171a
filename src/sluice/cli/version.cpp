#include "sluice/cli/version.hpp"

#include "sluice_version.hpp"  // made by cmake/version.cmake

namespace sluice::cli {

std::string version_number() { return SLUICE_VERSION; }
std::string commit() { return SLUICE_COMMIT; }

}  // namespace sluice::cli
