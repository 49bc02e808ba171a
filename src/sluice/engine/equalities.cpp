#include "sluice/engine/equalities.hpp"

#include <algorithm>
#include <array>
#include <span>
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
  if (of_left == nullptr || of_right == nullptr || of_left->size() != of_right->size()) {
    return found(left, right, Tie::equal, &left);
  }
  for (std::size_t i = 0; i < of_left->size(); ++i) tell(*(*of_left)[i], *(*of_right)[i], found);
}

bool is_one_of(std::span<const std::string_view> names, const std::string& name) {
  return std::ranges::find(names, std::string_view(name)) != names.end();
}

// These put values side by side, or take one out.
constexpr std::array<std::string_view, 12> side_by_side{
    "row",       "struct_pack", "struct_extract", "list_value",   "array_value",  "map", "concat",
    "concat_ws", "||",          "reveal",         "remap_struct", "struct_insert"};
// One bound of a sum is a bound of what is added.
constexpr std::array<std::string_view, 10> sums_of{"+",       "-",   "date_diff", "datediff", "date_sub",
                                                   "datesub", "age", "add",       "subtract", "date_add"};

bool has_column(const Expression& expression) {
  if (expression.GetExpressionClass() == ExpressionClass::BOUND_CONSTANT) return false;
  bool leaf = true;
  bool found = false;
  ExpressionIterator::EnumerateChildren(expression, [&](const Expression& child) {
    leaf = false;
    found = found || has_column(child);
  });
  return leaf || found;
}

bool is_text(const duckdb::LogicalType& type) { return type.id() == duckdb::LogicalTypeId::VARCHAR; }

}  // namespace

const Expression* stem_of(const Expression& expression) {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_COLUMN_REF: return &expression;
    case ExpressionClass::BOUND_CAST: {
      const Expression& child = *expression.Cast<duckdb::BoundCastExpression>().child;
      return is_text(expression.return_type) == is_text(child.return_type) ? stem_of(child) : nullptr;
    }
    case ExpressionClass::BOUND_FUNCTION: {
      const auto& call = expression.Cast<duckdb::BoundFunctionExpression>();
      if (call.children.size() != 2) return nullptr;
      const std::string& name = call.function.name;
      if ((name == "+" || name == "-") && !has_column(*call.children[1])) return stem_of(*call.children[0]);
      if (name == "+" && !has_column(*call.children[0])) return stem_of(*call.children[1]);
      return nullptr;
    }
    default: return nullptr;
  }
}

bool keeps_a_value(const std::string& aggregate) {
  static constexpr std::array<std::string_view, 6> names{"min", "max", "any_value", "first", "last", "arbitrary"};
  return is_one_of(names, aggregate);
}

bool is_mark(const duckdb::LogicalJoin& join) { return join.join_type == duckdb::JoinType::MARK; }

bool is_anti(const duckdb::LogicalJoin& join) {
  return join.join_type == duckdb::JoinType::ANTI || join.join_type == duckdb::JoinType::RIGHT_ANTI;
}

void Equalities::in_filter(const Expression& predicate, Passes passes, const Found& found) {
  Seen seen;
  look(predicate, passes, seen, found);
}

void Equalities::in_join(const duckdb::LogicalComparisonJoin& join, Passes passes, const Found& found) {
  Seen seen;
  // Of an anti join those rows come out for which the condition is false.
  look_at_join(join, is_anti(join) ? Passes{passes.if_false, passes.if_true} : passes, seen, found);
}

Passes Equalities::asked_of(Binding mark) const {
  const auto found = asked_.find(mark);
  return found == asked_.end() ? Passes() : found->second;
}

void Equalities::in_order(const Expression& expression, const Found& found) {
  const Found nearest = [&found](const Expression& left, const Expression& right, Tie tie, const void* by) {
    found(left, right, tie == Tie::mixed ? Tie::mixed : Tie::equal, by);
  };
  std::set<Binding> seen;
  look_for_mixed(expression, true, seen, found);
  Seen asked;
  look(expression, {true, true}, asked, nearest);
}

void Equalities::compare(ExpressionType type, const Expression& left, const Expression& right, const void* by,
                         Passes passes, const Found& found) const {
  const bool less = type == ExpressionType::COMPARE_LESSTHAN || type == ExpressionType::COMPARE_LESSTHANOREQUALTO;
  const bool more = type == ExpressionType::COMPARE_GREATERTHAN || type == ExpressionType::COMPARE_GREATERTHANOREQUALTO;
  const bool equal = (passes.if_true && is_equal(type)) || (passes.if_false && is_unequal(type));
  if (equal) tell(left, right, found);
  if (less || more) {
    const bool both = passes.if_true && passes.if_false;
    found(left, right, both ? Tie::either : less == passes.if_true ? Tie::below : Tie::above, by);
  }
  for (const Expression* side : {&left, &right}) {
    std::set<Binding> seen;
    look_for_mixed(*side, equal, seen, found);
  }
}

void Equalities::look_for_mixed(const Expression& expression, bool sums, std::set<Binding>& seen,
                                const Found& found) const {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_COLUMN_REF: {
      const Binding column = binding_key(expression.Cast<duckdb::BoundColumnRefExpression>().binding);
      std::vector<Binding> open{column};
      while (!open.empty()) {
        const Binding one = open.back();
        open.pop_back();
        if (!seen.insert(one).second) continue;
        if (const auto from = computed_.find(one); from != computed_.end()) {
          for (const Expression* other : from->second) look_for_mixed(*other, sums, seen, found);
        }
        if (const auto from = copied_.find(one); from != copied_.end()) {
          open.insert(open.end(), from->second.begin(), from->second.end());
        }
      }
      return;
    }
    case ExpressionClass::BOUND_FUNCTION: {
      const auto& call = expression.Cast<duckdb::BoundFunctionExpression>();
      if (mask_call(call)) return;
      const bool sum = is_one_of(sums_of, call.function.name);
      if ((sum && sums) || (!sum && !is_one_of(side_by_side, call.function.name)))
        found(expression, expression, Tie::mixed, &expression);
      break;
    }
    default: break;
  }
  ExpressionIterator::EnumerateChildren(expression,
                                        [&](const Expression& child) { look_for_mixed(child, sums, seen, found); });
}

void Equalities::look_at_join(const duckdb::LogicalComparisonJoin& join, Passes passes, Seen& seen,
                              const Found& found) {
  for (const duckdb::JoinCondition& condition : join.conditions) {
    // What hands an outer column to a sub-query holds whatever the answer is.
    const bool hands = join.type == duckdb::LogicalOperatorType::LOGICAL_DELIM_JOIN &&
                       condition.comparison == ExpressionType::COMPARE_NOT_DISTINCT_FROM;
    compare(condition.comparison, *condition.left, *condition.right, &condition, hands ? Passes() : passes, found);
    // The one row that is nearest: of candidates without gaps, the value itself.
    if (join.type == duckdb::LogicalOperatorType::LOGICAL_ASOF_JOIN) tell(*condition.left, *condition.right, found);
  }
  if (join.predicate) look(*join.predicate, passes, seen, found);
}

void Equalities::look_at_column(Binding column, Passes passes, Seen& seen, const Found& found) {
  if (!seen.insert({column, {passes.if_true, passes.if_false}}).second) return;
  if (const auto mark = marks_.find(column); mark != marks_.end()) {
    Passes& asked = asked_.try_emplace(column, Passes{false, false}).first->second;
    asked = {asked.if_true || passes.if_true, asked.if_false || passes.if_false};
    look_at_join(*mark->second, passes, seen, found);
  }
  if (const auto from = computed_.find(column); from != computed_.end()) {
    for (const Expression* expression : from->second) look(*expression, passes, seen, found);
  }
  if (const auto from = copied_.find(column); from != copied_.end()) {
    for (const Binding& other : from->second) look_at_column(other, passes, seen, found);
  }
}

// What a function, a case or a comparison makes of a condition may let either answer through.
void Equalities::look_at_children(const Expression& condition, Seen& seen, const Found& found) {
  ExpressionIterator::EnumerateChildren(condition, [&](const Expression& child) {
    look(child, {true, true}, seen, found);
  });
}

void Equalities::look(const Expression& condition, Passes passes, Seen& seen, const Found& found) {
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
      compare(type, *comparison.left, *comparison.right, &condition, passes, found);
      return look_at_children(condition, seen, found);
    }
    case ExpressionClass::BOUND_BETWEEN: {
      const auto& between = condition.Cast<duckdb::BoundBetweenExpression>();
      // Outside of a range, a value is on one side of it.
      const Passes sides{true, passes.if_false};
      const void* lower = passes.if_true ? static_cast<const void*>(&between.lower) : &condition;
      const void* upper = passes.if_true ? static_cast<const void*>(&between.upper) : &condition;
      compare(ExpressionType::COMPARE_GREATERTHANOREQUALTO, *between.input, *between.lower, lower, sides, found);
      compare(ExpressionType::COMPARE_LESSTHANOREQUALTO, *between.input, *between.upper, upper, sides, found);
      return look_at_children(condition, seen, found);
    }
    case ExpressionClass::BOUND_FUNCTION: {
      std::set<Binding> mixed;
      look_for_mixed(condition, false, mixed, found);
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

std::set<Binding> Equalities::growing_with(const Expression& expression) const {
  std::set<Binding> columns;
  std::vector<Binding> open;
  const auto grow = [&open](const Expression& one) {
    if (const Expression* stem = stem_of(one))
      open.push_back(binding_key(stem->Cast<duckdb::BoundColumnRefExpression>().binding));
  };
  grow(expression);
  while (!open.empty()) {
    const Binding one = open.back();
    open.pop_back();
    if (!columns.insert(one).second) continue;
    if (const auto from = computed_.find(one); from != computed_.end()) {
      for (const Expression* other : from->second) grow(*other);
    }
    if (const auto from = copied_.find(one); from != copied_.end()) {
      open.insert(open.end(), from->second.begin(), from->second.end());
    }
  }
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
