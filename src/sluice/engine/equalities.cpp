#include "sluice/engine/equalities.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/operator/logical_comparison_join.hpp"
#include "sluice/engine/functions.hpp"

namespace sluice::engine {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionIterator;
using duckdb::ExpressionType;

bool is_equal(ExpressionType type) {
  return type == ExpressionType::COMPARE_EQUAL || type == ExpressionType::COMPARE_NOT_DISTINCT_FROM;
}
bool is_unequal(ExpressionType type) {
  return type == ExpressionType::COMPARE_NOTEQUAL || type == ExpressionType::COMPARE_DISTINCT_FROM;
}

const duckdb::vector<duckdb::unique_ptr<Expression>>* row_of(const Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_FUNCTION) return nullptr;
  const auto& call = expression.Cast<duckdb::BoundFunctionExpression>();
  return call.function.name == "row" ? &call.children : nullptr;
}

// (a, b) = (c, d) is two pairs.
void tell(const Expression& left, const Expression& right, const Equalities::Found& found) {
  const auto* of_left = row_of(left);
  const auto* of_right = row_of(right);
  if (of_left == nullptr || of_right == nullptr || of_left->size() != of_right->size()) return found(left, right);
  for (std::size_t i = 0; i < of_left->size(); ++i) tell(*(*of_left)[i], *(*of_right)[i], found);
}

// These give one of their values as it is.
bool keeps_a_value(const std::string& aggregate) {
  static constexpr std::array<std::string_view, 6> names{"min", "max", "any_value", "first", "last", "arbitrary"};
  return std::ranges::find(names, std::string_view(aggregate)) != names.end();
}

}  // namespace

bool is_mark(const duckdb::LogicalJoin& join) { return join.join_type == duckdb::JoinType::MARK; }

bool is_anti(const duckdb::LogicalJoin& join) {
  return join.join_type == duckdb::JoinType::ANTI || join.join_type == duckdb::JoinType::RIGHT_ANTI;
}

void Equalities::in_filter(const Expression& predicate, const Found& found) const {
  std::set<Binding> seen;
  look(predicate, {}, seen, found);
}

void Equalities::in_join(const duckdb::LogicalComparisonJoin& join, const Found& found) const {
  std::set<Binding> seen;
  look_at_join(join, {}, seen, found);
}

void Equalities::look_at_join(const duckdb::LogicalComparisonJoin& join, Passes passes, std::set<Binding>& seen,
                              const Found& found) const {
  for (const duckdb::JoinCondition& condition : join.conditions) {
    if ((passes.if_true && is_equal(condition.comparison)) || (passes.if_false && is_unequal(condition.comparison))) {
      tell(*condition.left, *condition.right, found);
    }
  }
  if (join.predicate) look(*join.predicate, passes, seen, found);
}

void Equalities::look_at_column(Binding column, Passes passes, std::set<Binding>& seen, const Found& found) const {
  if (!seen.insert(column).second) return;
  if (const auto mark = marks_.find(column); mark != marks_.end()) look_at_join(*mark->second, passes, seen, found);
  if (const auto from = computed_.find(column); from != computed_.end()) {
    for (const Expression* expression : from->second) look(*expression, passes, seen, found);
  }
  if (const auto from = copied_.find(column); from != copied_.end()) {
    for (const Binding& other : from->second) look_at_column(other, passes, seen, found);
  }
  seen.erase(column);
}

// What a function, a case or a comparison makes of a condition may let either answer through.
void Equalities::look_at_children(const Expression& condition, std::set<Binding>& seen, const Found& found) const {
  ExpressionIterator::EnumerateChildren(condition, [&](const Expression& child) {
    look(child, {true, true}, seen, found);
  });
}

void Equalities::look(const Expression& condition, Passes passes, std::set<Binding>& seen, const Found& found) const {
  const ExpressionType type = condition.GetExpressionType();
  switch (condition.GetExpressionClass()) {
    case ExpressionClass::BOUND_COLUMN_REF:
      return look_at_column(binding_key(condition.Cast<duckdb::BoundColumnRefExpression>().binding), passes, seen,
                            found);
    case ExpressionClass::BOUND_CONJUNCTION:
      return ExpressionIterator::EnumerateChildren(condition,
                                                   [&](const Expression& child) { look(child, passes, seen, found); });
    case ExpressionClass::BOUND_COMPARISON: {
      const auto& comparison = condition.Cast<duckdb::BoundComparisonExpression>();
      if ((passes.if_true && is_equal(type)) || (passes.if_false && is_unequal(type))) {
        tell(*comparison.left, *comparison.right, found);
      }
      return look_at_children(condition, seen, found);
    }
    case ExpressionClass::BOUND_OPERATOR: {
      const auto& children = condition.Cast<duckdb::BoundOperatorExpression>().children;
      if (type == ExpressionType::OPERATOR_NOT) {
        return look(*children[0], {passes.if_false, passes.if_true}, seen, found);
      }
      if ((type == ExpressionType::COMPARE_IN && passes.if_true) ||
          (type == ExpressionType::COMPARE_NOT_IN && passes.if_false)) {
        for (std::size_t i = 1; i < children.size(); ++i) tell(*children[0], *children[i], found);
      }
      return look_at_children(condition, seen, found);
    }
    default: return look_at_children(condition, seen, found);
  }
}

std::set<Binding> Equalities::columns_of(const Expression& expression) const {
  std::set<Binding> columns;
  gather(expression, columns);
  return columns;
}

void Equalities::gather(Binding column, std::set<Binding>& columns) const {
  if (!columns.insert(column).second) return;
  if (const auto from = computed_.find(column); from != computed_.end()) {
    for (const Expression* expression : from->second) gather(*expression, columns);
  }
  if (const auto from = copied_.find(column); from != copied_.end()) {
    for (const Binding& other : from->second) gather(other, columns);
  }
}

void Equalities::gather(const Expression& expression, std::set<Binding>& columns) const {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_COLUMN_REF:
      return gather(binding_key(expression.Cast<duckdb::BoundColumnRefExpression>().binding), columns);
    case ExpressionClass::BOUND_COMPARISON:
    case ExpressionClass::BOUND_CONJUNCTION: return;  // an answer, and not a value
    case ExpressionClass::BOUND_CASE: {
      const auto& cases = expression.Cast<duckdb::BoundCaseExpression>();
      for (const auto& check : cases.case_checks) gather(*check.then_expr, columns);
      return gather(*cases.else_expr, columns);
    }
    case ExpressionClass::BOUND_FUNCTION:
      if (mask_call(expression.Cast<duckdb::BoundFunctionExpression>())) return;
      break;
    case ExpressionClass::BOUND_AGGREGATE:
      if (!keeps_a_value(expression.Cast<duckdb::BoundAggregateExpression>().function.name)) return;
      break;
    case ExpressionClass::BOUND_WINDOW: return;
    default: break;
  }
  ExpressionIterator::EnumerateChildren(expression, [&](const Expression& child) { gather(child, columns); });
}

}  // namespace sluice::engine
