// `sluice demo shop` and `sluice demo loans`.
#pragma once

#include "sluice/cli/command_line.hpp"

namespace sluice::cli {

void add_demo_shop(Command demo, Session& session);
void add_demo_loans(Command demo, Session& session);

}  // namespace sluice::cli
