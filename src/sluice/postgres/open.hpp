// PostgreSQL as a database: tables by binary COPY, and the ledger beside them.
//
// Opening does not connect; the first use does. See docs/connectors/postgres.md and docs/ledger.md.
#pragma once

#include <memory>

#include "sluice/core/clock.hpp"
#include "sluice/core/database.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::postgres {

inline constexpr Option postgres_options[] = {
    {"postgres", OptionType::text_or_keywords,
     "a URL (postgresql://user:password@host:port/database), libpq's keywords as text or as a map, or empty for PG* "
     "variables"},
    {"ledger", OptionType::text, "the schema that holds the ledger's tables; default sluice"},
    {"statement_timeout", OptionType::duration, "the longest that one statement may take; default: as the server says"},
    {"connections", OptionType::integer,
     "how many connections may load at once, or read one large table, 1 to 64; default 4"},
};

// `clock` outlives the database.
Result<std::unique_ptr<Database>> open_postgres(const Settings& settings, const Clock& clock);

// Servers and database, and the options that may set another search_path; empty: they are given wrongly.
std::string postgres_far_end(const Settings& settings);

}  // namespace sluice::postgres
