// Which input row each output row comes from, and whether a plan is row-wise at all.
//
// DuckDB's bound, unoptimised plan of the select is walked from the top down to the scan of `input`;
// a hidden row number is added to the scan and passed up through every operator on the way. An
// operator through which a row cannot be followed (an aggregate, a join of `input` with itself, ...) is an error.
#pragma once

#include <string>

#include "sluice/engine/duck.hpp"

namespace sluice::engine {

struct RowTrace {
  duckdb::ColumnBinding row;  // where the row number stands in the plan's top operator
  std::string error;          // why the plan cannot be traced; empty if it can
  bool joined = false;        // the rows may come in another order than those of the input
};

// `scan` is the name of the table function behind `input`, `row_column` the number of its hidden column.
RowTrace trace_rows(duckdb::LogicalOperator& plan, const std::string& scan, duckdb::column_t row_column);

}  // namespace sluice::engine
