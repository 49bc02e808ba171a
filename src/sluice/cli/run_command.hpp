// `sluice run` for other commands.
#pragma once

#include "sluice/cli/session.hpp"

namespace sluice::cli {

// All flows and models of a project once, as `sluice run FILE --var NAME=VALUE ...` does.
Result<Answer> run_once(const std::string& file, const std::vector<std::string>& vars, const Session& session);

}  // namespace sluice::cli
