// What the server's catalogue says of a table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/core/database.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

struct TableColumn {
  std::string name;
  std::string type_text;  // as the server writes it: "character varying(32)"
  Oid type = 0;           // of a domain: the type below it
  int modifier = -1;      // of that type: length or precision
  bool not_null = false;
  bool has_default = false;
  bool generated = false;  // always: no value may be given
  std::vector<std::string> labels;  // of an enum
};

struct TableShape {
  std::string name;  // as quoted SQL, with its schema
  std::vector<TableColumn> columns;

  const TableColumn* find(std::string_view column) const;
};

// Empty: there is no such table.
Result<std::optional<TableShape>> describe(Connection& connection, const TableName& table);

// The SQL type of a column that `create: true` makes.
std::string column_type(Type type);

}  // namespace sluice::postgres
