// The name of a table in a database.
#pragma once

#include <string>

namespace sluice {

struct TableName {
  std::string schema;  // empty: where the database looks by itself (search_path, main)
  std::string table;

  std::string text() const { return schema.empty() ? table : schema + "." + table; }
  bool operator==(const TableName&) const = default;
};

}  // namespace sluice
