// Whether PostgreSQL binds the names of a query to the columns that DuckDB binds them to, where the one runs the query
// and the other says where its tagged columns go.
//
// Their rules differ: for letter case, long names, a WITH that names a later one, the order of `*` behind USING, names
// that DuckDB finds in an alias, a struct or beside a sub-query in FROM, and names that only one of them gives to a
// column. A query in which that could matter is refused; what PostgreSQL itself refuses is let through here.
#pragma once

#include <string>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/engine/lineage.hpp"

namespace sluice::engine {

// The query with the names that PostgreSQL takes: in lower case what is not quoted. Positions stay.
std::string folded_names(const std::string& sql);

// `relations` are those that the query reads, as PostgreSQL has their names. Errors (config) say what to write instead.
Result<void> check_names_of_postgres(const std::string& sql, const Place& place,
                                     const std::vector<Relation>& relations);

}  // namespace sluice::engine
