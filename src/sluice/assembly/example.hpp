// A project's own example: rows that tables hold, and rows that models make of them; run in an embedded DuckDB.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sluice/assembly/work.hpp"
#include "sluice/project/tree.hpp"

namespace sluice::assembly {

struct ExampleRows {
  Place place;
  TableName table;                                        // of `expect`: the model's name alone
  std::vector<std::pair<std::string, Type>> types{};      // of columns that the file gives a type
  std::vector<std::string> columns{};                     // that the rows name, in the order of their first use
  std::vector<std::vector<const project::Node*>> rows{};  // a value a column; null pointer or null node: NULL
};

struct Example {
  project::Node root;  // what the rows point into
  std::map<std::string, std::string> vars;
  std::vector<ExampleRows> given;
  std::vector<ExampleRows> expected;
};

// Errors (config) say file:line:column.
Result<std::unique_ptr<Example>> read_example(const std::string& file);

// Builds the models that `expect` names and those that they need, except where `given` holds their table. Gives what
// differs, a line a row; nothing: it holds.
Result<std::vector<std::string>> try_example(const Assembly& assembly, const Work& work, const Example& example);

}  // namespace sluice::assembly
