// A look at a table of a DuckDB file: whether it is as it was.
#pragma once

#include "sluice/core/watch.hpp"
#include "sluice/local/duckdb_connection.hpp"

namespace sluice::local {

// `connection` null: there is no file yet. The whole table is read, which is quick here, so that a cursor is only
// checked to be a column of it.
Result<TableLook> look_at(DuckConnection* connection, const WatchedTable& table, const TableMark* before);

// Whether the cursor is a column, and holds no dates or times in the future.
Finding probe_cursor(DuckConnection& connection, const WatchedTable& table);

}  // namespace sluice::local
