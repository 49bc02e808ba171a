// How the rows of a model reach its table: the SQL that PostgreSQL and DuckDB share.
//
// The SELECT has filled a stage. A missing table is made from the stage's columns and what is declared of them; one
// that is there is compared with both, and never altered. Its rows are changed by DELETE, UPDATE and INSERT, so that
// it keeps its grants, indexes, comments and views, and readers of an older snapshot keep what they saw.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sluice/core/model.hpp"
#include "sluice/core/result.hpp"

namespace sluice::models {

// A column as the database describes it.
struct TableColumn {
  std::string name;
  std::string type;
  bool not_null = false;
  bool has_default = false;  // or is filled by the database in another way
  std::string domain_of{};   // of a domain: what it is made of
  bool only_null = false;    // a NULL of no type in the SELECT, which goes into any: `type` is what a stage makes of it
};
using TableColumns = std::vector<TableColumn>;

// What differs between databases.
struct Dialect {
  std::function<std::string(Type)> type_name;
  // Whether a column of this type holds what is declared.
  std::function<bool(Type declared, const std::string& type)> holds;
  // Whether two values of this type are told apart by IS DISTINCT FROM, as their texts are; empty: of every type.
  std::function<bool(const std::string& type)> compares{};
};

std::string quoted(const std::string& identifier);
std::string quoted(const TableName& name);

// Every declared column, and every one of the key, is there, and of a type that goes into the declared one without a
// loss (assignment.hpp); a view's are of that type. Errors: conflict.
Result<void> check_stage(const Model& model, const TableColumns& stage, const Dialect& dialect);
std::string create_table_sql(const Model& model, const TableColumns& stage, const Dialect& dialect);
// A column of the table that the SELECT does not give has a default, others take what the SELECT gives without a loss.
// The error (conflict) names every column that does not fit.
Result<void> check_table(const Model& model, const TableColumns& stage, const TableColumns& table,
                         const Dialect& dialect);
// What would make rows disappear or pile up without an error, to be asked of the stage before anything is changed.
struct KeyCheck {
  std::string sql;  // one row, one number: how many are at fault
  std::string one;  // what is counted
  std::string what;
  std::string hint;

  Error error(const Model& model, std::int64_t count) const;  // data
};
std::vector<KeyCheck> key_checks(const Model& model, const TableColumns& stage, const std::string& from);
// Statements to be run in order. `from` is the stage, as SQL names it.
std::vector<std::string> change_sql(const Model& model, const TableColumns& stage, const TableColumns& table,
                                    const std::string& from, const Dialect& dialect);
// One row, one number: how many rows are at fault.
std::string count_sql(const ModelTest& test);

}  // namespace sluice::models
