// Reads a DuckDB file: all queries as of one moment, each in a transaction of its own, since DuckDB ends the one in
// which a row could not be computed. Rows are streamed chunk by chunk.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/snapshot.hpp"
#include "sluice/local/duckdb_connection.hpp"

namespace sluice::local {

Result<std::unique_ptr<Snapshot>> open_duckdb_snapshot(const std::shared_ptr<DuckFile>& file,
                                                       const std::vector<ReadQuery>& queries);

// Empty: there is no such table or view.
Result<std::optional<RelationShape>> duckdb_shape(DuckConnection& connection, const TableName& table);

}  // namespace sluice::local
