// `sluice keys rewrap`, a sub-command of `keys`.
#pragma once

#include "sluice/cli/command_line.hpp"

namespace sluice::cli {

void add_rewrap(Command keys, Session& session);

}  // namespace sluice::cli
