#include "sluice/engine/sub_queries.hpp"

#include <algorithm>

#include "duckdb/planner/expression/bound_columnref_expression.hpp"

namespace sluice::engine {

void SubQueries::enter(std::vector<Ways> columns) { open_.push_back({std::move(columns), {}, true, handed_}); }

Ways SubQueries::end_of_rows() {
  open_.back().has_rows = false;
  return open_.back().deciding;
}

void SubQueries::leave() {
  handed_ = std::move(open_.back().outside);
  open_.pop_back();
}

std::optional<Ways> SubQueries::handed(const Binding& column, std::size_t number) {
  std::optional<Ways> ways;
  for (const SubQuery& outer : open_) {
    if (!outer.has_rows || number >= outer.columns.size()) continue;
    if (!ways) ways.emplace();
    add(*ways, outer.columns[number]);
  }
  if (ways) handed_[column] = number;
  return ways;
}

void SubQueries::copied(const Binding& column, const Binding& from) {
  const auto found = handed_.find(from);
  if (found != handed_.end()) handed_[column] = found->second;
}

void SubQueries::copied(const Binding& column, const duckdb::Expression& from) {
  if (const auto number = number_of(from)) handed_[column] = *number;
}

void SubQueries::united(const Binding& column, const duckdb::LogicalOperator& sides) {
  std::optional<std::size_t> number;
  for (const auto& side : sides.children) {
    const auto below = side->GetColumnBindings();
    const auto found = column.second < below.size() ? handed_.find(binding_key(below[column.second])) : handed_.end();
    if (found == handed_.end() || (number && *number != found->second)) return;
    number = found->second;
  }
  if (number) handed_[column] = *number;
}

std::optional<std::size_t> SubQueries::number_of(const duckdb::Expression& expression) const {
  if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) return std::nullopt;
  const auto found = handed_.find(binding_key(expression.Cast<duckdb::BoundColumnRefExpression>().binding));
  return found == handed_.end() ? std::nullopt : std::optional(found->second);
}

void SubQueries::decides(const Way& way) {
  for (SubQuery& outer : open_) {
    const bool is_outer = std::ranges::any_of(outer.columns, [&way](const Ways& column) {
      return std::ranges::any_of(
          column, [&way](const Way& one) { return one.source == way.source && one.passage == Passage::clear; });
    });
    if (outer.has_rows && is_outer) add(outer.deciding, {way});
  }
}

}  // namespace sluice::engine
