// A table of a DuckDB file, and how a flow's columns go into it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/local/duckdb_connection.hpp"

namespace sluice::local {

struct TableColumn {
  std::string name;
  std::string type;  // as DuckDB writes it: "DECIMAL(10,2)"
  bool not_null = false;
  bool has_default = false;
};

struct TableShape {
  TableName name;
  std::vector<TableColumn> columns;

  // DuckDB's names do not tell upper from lower case.
  const TableColumn* find(std::string_view column) const;
};

// Empty: there is no such table.
Result<std::optional<TableShape>> describe(DuckConnection& connection, const TableName& table);

// "DECIMAL(10,2)", as DuckDB writes it.
std::string column_type(Type type);

// "CREATE TABLE ..." from the columns; `key` is its primary key, if there is one.
std::string create_sql(const TableName& table, const Schema& columns, const std::vector<std::string>& key);

// How rows reach a table: they are staged in types that have our layout in memory, and DuckDB casts them to the
// column's, which fails where a value does not fit. Only casts that change no value are let through.
struct TablePlan {
  std::string insert_sql;  // reads the relation `sluice_rows`
  Schema columns;
};

// Errors (conflict) name every column that is missing on either side, or of a type that ours does not go into.
Result<TablePlan> plan_insert(const Schema& columns, const TableShape& table);

}  // namespace sluice::local
