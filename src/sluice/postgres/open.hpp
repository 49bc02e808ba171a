// A PostgreSQL database as a connection of a project.
#pragma once

#include <memory>

#include "sluice/core/clock.hpp"
#include "sluice/core/database.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

// Does not connect: the first use does. Errors (config) are about the settings.
Result<std::unique_ptr<Database>> open_postgres(const Settings& settings, const Clock& clock);

}  // namespace sluice::postgres
