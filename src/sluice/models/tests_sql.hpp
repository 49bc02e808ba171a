// The tests that a model's YAML declares, as SELECTs of the rows at fault. Both PostgreSQL and DuckDB take them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/core/model.hpp"

namespace sluice::models {

struct Related {
  TableName table;
  std::string column;
};

// What is declared of one column.
struct ColumnRules {
  std::string column;
  bool not_null = false;
  bool unique = false;
  std::vector<std::string> accepted{};  // texts of the only values; empty: any
  std::optional<std::string> min{};     // as SQL's texts: a number, a date
  std::optional<std::string> max{};
  std::optional<Related> related{};  // each value stands there, too
};

std::vector<ModelTest> column_tests(const TableName& table, const ColumnRules& rules);
// No two rows of one key, and no key without a value.
std::vector<ModelTest> key_tests(const TableName& table, const std::vector<std::string>& key);

}  // namespace sluice::models
