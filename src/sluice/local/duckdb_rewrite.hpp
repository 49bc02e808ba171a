// Texts of a column of a DuckDB file replaced in place.
#pragma once

#include <cstdint>
#include <stop_token>

#include "sluice/local/duckdb_connection.hpp"

namespace sluice::local {

// As Database::rewrite() says. The table is there.
Result<std::uint64_t> rewrite(DuckConnection& connection, const Rewriting& rewriting, const std::stop_token& stop);

}  // namespace sluice::local
