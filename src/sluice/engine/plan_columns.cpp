#include "sluice/engine/plan_columns.hpp"

#include <algorithm>

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

void PlanColumns::tie(const Ground& ground, const duckdb::Expression& left, const duckdb::Expression& right, Tie tie,
                      const void* by) {
  if (tie == Tie::equal) return equate(ground, left, right);
  if (tie != Tie::mixed) return bind(ground, left, right, tie, by);
  const Ways ways = tied(ways_to(ground, left));
  if (ways.empty()) return;
  for (const Binding& column : equalities_.columns_of(left)) tag(column, ways);
}

bool PlanColumns::is_tagged(const Binding& column) const {
  const auto known = ways_.find(column);
  return equal_.contains(column) || (known != ways_.end() && tagged_in_clear(known->second));
}

void PlanColumns::tag(const Binding& column, const Ways& ways) {
  if (is_tagged(column)) return;
  equal_[column] = ways;
  more_ = true;
}

void PlanColumns::equate(const Ground& ground, const duckdb::Expression& one, const duckdb::Expression& other) {
  for (const auto& [from, to] : {std::pair{&one, &other}, std::pair{&other, &one}}) {
    const Ways ways = equated(ways_to(ground, *from), in_words(*to));
    if (ways.empty()) continue;
    for (const Binding& column : equalities_.columns_of(*to)) tag(column, ways);
  }
}

// Which way a bound points is known of columns that stand there as they are, or with something added. Where the column
// and what is tagged stand on one side (`x - n > 0`), it is not.
void PlanColumns::bind(const Ground& ground, const duckdb::Expression& left, const duckdb::Expression& right, Tie tie,
                       const void* by) {
  const Tie opposite = tie == Tie::below ? Tie::above : tie == Tie::above ? Tie::below : Tie::either;
  for (const auto* from : {&left, &right}) {
    const Ways ways = tied(ways_to(ground, *from));
    if (ways.empty()) continue;
    const duckdb::Expression* stem = stem_of(*from);
    const Ways of_stem = stem != nullptr ? ways_to(ground, *stem) : Ways();
    for (const auto* to : {&left, &right}) {
      const std::set<Binding> growing = equalities_.growing_with(*to);
      const auto known = [&](bool is_known, const duckdb::Expression* side) {
        return !is_known || from == to ? Tie::either : side == &left ? tie : opposite;
      };
      for (const Binding& column : equalities_.columns_of(*to)) {
        if (is_tagged(column)) continue;
        for (const Way& way : ways) {
          const bool as_it_is = std::ranges::any_of(
              of_stem, [&](const Way& one) { return one.source == way.source && one.unchanged && !one.equal; });
          bound(bounds_of_columns_[column], by, known(growing.contains(column), to), way, column);
          bound(bounds_of_sources_[way.source], by, known(as_it_is, from), way, column);
        }
      }
    }
  }
}

void PlanColumns::bound(Bounds& bounds, const void* by, Tie tie, const Way& way, const Binding& column) {
  Bound& one = bounds[by];
  (tie == Tie::below ? one.below : tie == Tie::above ? one.above : one.either) = true;
  add(one.ways, {way});
  one.columns.insert(column);
  const auto any = [&bounds](bool Bound::*side) {
    return std::ranges::any_of(bounds, [side](const auto& entry) { return entry.second.*side; });
  };
  const bool from_both = (any(&Bound::below) && any(&Bound::above)) || (any(&Bound::either) && bounds.size() > 1);
  if (!from_both) return;
  for (const auto& [comparison, other] : bounds) {
    for (const Binding& bounded : other.columns) tag(bounded, other.ways);
  }
}

}  // namespace sluice::engine
