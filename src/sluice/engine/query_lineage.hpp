// The lineage of a SELECT over tables that are not here: they are made, empty, in a transaction that is rolled back.
#pragma once

#include "sluice/core/result.hpp"
#include "sluice/engine/duck.hpp"
#include "sluice/engine/select.hpp"

namespace sluice::engine {

Result<Lineage> lineage_of_query(duckdb::DuckDB& database, const TraceOptions& options);

}  // namespace sluice::engine
