// `sluice keys export-fernet`, a sub-command of `keys`.
#pragma once

#include "sluice/cli/session.hpp"

namespace sluice::cli {

void add_export_fernet(CLI::App& keys, Session& session);

}  // namespace sluice::cli
