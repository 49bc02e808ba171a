// What `sluice doctor` looks at in a PostgreSQL database: read-only.
#pragma once

#include <vector>

#include "sluice/core/database.hpp"
#include "sluice/postgres/ledger.hpp"

namespace sluice::postgres {

std::vector<Finding> probe_database(Connection& connection, const LedgerNames& names, const Target* target);

}  // namespace sluice::postgres
