#include "sluice/engine/plan_columns.hpp"

#include "duckdb/planner/expression/bound_columnref_expression.hpp"

namespace sluice::engine {

Ways PlanColumns::at(const duckdb::ColumnBinding& binding) const {
  const auto found = ways_.find(binding_key(binding));
  return found != ways_.end() ? found->second : sources_.everything("a column that cannot be followed");
}

Ways PlanColumns::at(const duckdb::BoundColumnRefExpression& column) const {
  return column.depth == 0 ? at(column.binding) : sources_.everything("a column of an outer query");
}

void PlanColumns::set(Binding column, Ways ways) {
  if (const auto found = equal_.find(column); found != equal_.end()) {
    Ways all = found->second;  // first, since its path is the shorter one
    add(all, ways);
    ways = std::move(all);
  }
  ways_[column] = std::move(ways);
}

void PlanColumns::equate(const Ground& ground, const duckdb::Expression& one, const duckdb::Expression& other) {
  for (const auto& [from, to] : {std::pair{&one, &other}, std::pair{&other, &one}}) {
    const Ways ways = equated(ways_to(ground, *from), in_words(*to));
    if (ways.empty()) continue;
    for (const Binding& column : equalities_.columns_of(*to)) {
      const auto known = ways_.find(column);
      if (equal_.contains(column) || (known != ways_.end() && tagged_in_clear(known->second))) continue;
      equal_[column] = ways;
      more_ = true;
    }
  }
}

}  // namespace sluice::engine
