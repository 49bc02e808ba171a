// Which ways lead through one bound expression, and the expression in words.
#pragma once

#include <functional>
#include <string>

#include "sluice/engine/duck.hpp"
#include "sluice/engine/ways.hpp"

namespace sluice::engine {

// What an expression stands on. Outside a lambda there are no `parameters`.
struct Ground {
  std::function<Ways(const duckdb::BoundColumnRefExpression&)> column;
  std::function<Ways(const std::string& what)> everything;  // all tagged columns, since `what` cannot be followed
  // Only the rows for which it is true are given on.
  std::function<void(const duckdb::Expression&, const char* clause)> lets_through;
  // A tagged value that decides something without being given on.
  std::function<void(const Ways&, const char* clause)> decides;
  std::function<void(const duckdb::Expression&, const char* clause)> groups;
  std::function<void(const duckdb::Expression&)> orders;
};

// Ways to the expression's value; of a column alone as they are, else with the expression as their last step.
Ways ways_to(const Ground& ground, const duckdb::Expression& expression);
Ways ways_to_aggregate(const Ground& ground, const duckdb::BoundAggregateExpression& aggregate);
// Whether it tells how many rows there are: all but those that give one of their values.
bool counts_rows(const duckdb::BoundAggregateExpression& aggregate);
Ways ways_to_window(const Ground& ground, const duckdb::BoundWindowExpression& window);

// unnest([a, b]) gives two rows whatever a and b are.
bool has_written_length(const duckdb::Expression& expression);

// The name that the SQL gives it; empty: none.
std::string alias_of(const duckdb::Expression& expression);
// The expression without its literals: "concat(a, '...')".
std::string in_words(const duckdb::Expression& expression);

}  // namespace sluice::engine
