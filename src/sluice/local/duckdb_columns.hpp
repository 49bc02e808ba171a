// What DuckDB knows of the columns of a SELECT: their names, and which of them it cannot compute.
#pragma once

#include <string>
#include <vector>

#include "sluice/local/duckdb_connection.hpp"

namespace sluice::local {

// The SELECT is not run. Empty: DuckDB cannot prepare it.
std::vector<std::string> names_of_columns(DuckConnection& connection, const std::string& select);

// Those that are a bare NULL, of no type; a table that is made of the SELECT calls them INTEGER.
std::vector<std::string> untyped_columns(DuckConnection& connection, const std::string& select);

// Of a SELECT that failed on a row: the column whose value it could not compute. Empty where none is at fault alone
// (a WHERE is), where the column has no name of its own, and where some seconds are not enough to find it. Runs the
// SELECT again a few times, for a part of its columns each; no transaction may be open.
std::string column_not_computed(DuckConnection& connection, const std::string& select);

}  // namespace sluice::local
