// Reads a DuckDB file: every query in one transaction, its rows streamed chunk by chunk.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/snapshot.hpp"
#include "sluice/local/duckdb_connection.hpp"

namespace sluice::local {

// Takes the connection for its own: its transaction ends with the snapshot.
Result<std::unique_ptr<Snapshot>> open_duckdb_snapshot(DuckConnection connection, std::vector<ReadQuery> queries);

// Empty: there is no such table or view.
Result<std::optional<RelationShape>> duckdb_shape(DuckConnection& connection, const TableName& table);

}  // namespace sluice::local
