// `sluice keys rewrap`, a sub-command of `keys`.
#pragma once

#include "sluice/cli/session.hpp"

namespace sluice::cli {

void add_rewrap(CLI::App& keys, Session& session);

}  // namespace sluice::cli
