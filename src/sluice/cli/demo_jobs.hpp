// `sluice demo shop` and `sluice demo loans`.
#pragma once

#include "sluice/cli/session.hpp"

namespace sluice::cli {

void add_demo_shop(CLI::App& demo, Session& session);
void add_demo_loans(CLI::App& demo, Session& session);

}  // namespace sluice::cli
