// What is known of each column of a plan while it is walked: the ways that lead there, and what it is equal to.
#pragma once

#include <map>
#include <set>
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

  // The columns of either value are tagged as the other is, or once they are bounded by it from both sides. Columns
  // below were set already: what is told of them is right once a walk of the whole plan finds nothing `more`.
  void tie(const Ground& ground, const duckdb::Expression& left, const duckdb::Expression& right, Tie tie,
           const void* by);
  // Whether something was found since it was last asked.
  bool more() { return std::exchange(more_, false); }

  Equalities& equalities() { return equalities_; }

 private:
  // How one comparison bounds a column by a tagged one, or a tagged one by columns.
  struct Bound {
    bool below = false;
    bool above = false;
    bool either = false;
    Ways ways;
    std::set<Binding> columns;
  };
  using Bounds = std::map<const void*, Bound>;

  void equate(const Ground& ground, const duckdb::Expression& one, const duckdb::Expression& other);
  void bind(const Ground& ground, const duckdb::Expression& left, const duckdb::Expression& right, Tie tie,
            const void* by);
  void bound(Bounds& bounds, const void* by, Tie tie, const Way& way, const Binding& column);
  bool is_tagged(const Binding& column) const;
  void tag(const Binding& column, const Ways& ways);

  const Sources& sources_;
  std::map<Binding, Ways> ways_;
  std::map<Binding, Ways> equal_;  // beside what the column is made of
  std::map<Binding, Bounds> bounds_of_columns_;
  std::map<const Source*, Bounds> bounds_of_sources_;
  Equalities equalities_;
  bool more_ = false;
};

}  // namespace sluice::engine
