// Builds a model in a DuckDB file: see Database::build_model.
#pragma once

#include "sluice/core/model.hpp"
#include "sluice/core/result.hpp"
#include "sluice/local/duckdb_connection.hpp"

namespace sluice::local {

// Nobody else has a transaction open on this connection.
Result<ModelBuilt> build_model(DuckConnection& connection, const Model& model);
// See Database::check_model.
Result<void> check_model(DuckConnection& connection, const Model& model);

}  // namespace sluice::local
