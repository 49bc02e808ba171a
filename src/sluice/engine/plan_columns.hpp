// What is known of each column of a plan while it is walked: the ways that lead there, and what it is equal to.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "sluice/engine/equalities.hpp"
#include "sluice/engine/expression_ways.hpp"
#include "sluice/engine/ways.hpp"

namespace sluice::engine {

class PlanColumns {
 public:
  explicit PlanColumns(const Sources& sources) : sources_(sources) {}  // outlives this

  // Of a column that nobody set: everything.
  Ways at(const duckdb::ColumnBinding& binding) const;
  Ways at(const duckdb::BoundColumnRefExpression& column) const;
  void set(Binding column, Ways ways);

  // The columns of either value are tagged as the other is. Columns below were set already: what is told of them is
  // right once a walk of the whole plan finds nothing `more`.
  void equate(const Ground& ground, const duckdb::Expression& one, const duckdb::Expression& other);
  // Whether something was found since it was last asked.
  bool more() { return std::exchange(more_, false); }

  Equalities& equalities() { return equalities_; }

 private:
  const Sources& sources_;
  std::map<Binding, Ways> ways_;
  std::map<Binding, Ways> equal_;  // beside what the column is made of
  Equalities equalities_;
  bool more_ = false;
};

}  // namespace sluice::engine
