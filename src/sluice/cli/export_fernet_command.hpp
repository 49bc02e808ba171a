// `sluice keys export-fernet`, a sub-command of `keys`.
#pragma once

#include "sluice/cli/command_line.hpp"

namespace sluice::cli {

void add_export_fernet(Command keys, Session& session);

}  // namespace sluice::cli
