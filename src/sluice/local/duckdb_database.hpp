// A DuckDB file in the role of a database: tables to write to, and the ledger beside them.
//
// For one machine and one process at a time: DuckDB locks its file. Same ledger and same promises as with
// PostgreSQL: rows, their proof and rejects in one transaction. docs/connectors/duckdb.md has the rest.
#pragma once

#include <array>
#include <memory>

#include "sluice/core/clock.hpp"
#include "sluice/core/database.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::local {

inline constexpr std::array duckdb_options{
    Option{"duckdb", OptionType::text, "the file; a relative one starts at the project file's folder"},
    Option{"ledger", OptionType::text, "the schema of the ledger's tables (default sluice)"},
    Option{"memory_limit", OptionType::text, "what DuckDB may take for this file (default 128MB)"},
};

// Touches nothing yet: the file is opened, and made, by the first call that needs it. `clock` outlives it.
Result<std::unique_ptr<Database>> open_duckdb(const Settings& settings, const Clock& clock);

// The file, from the root; links are not followed.
std::string duckdb_far_end(const Settings& settings);

}  // namespace sluice::local
