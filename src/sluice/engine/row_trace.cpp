#include "sluice/engine/row_trace.hpp"

#include <algorithm>

#include "duckdb/planner/operator/logical_join.hpp"

namespace sluice::engine {
namespace {

using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

std::string in_words(LogicalOperatorType type) {
  switch (type) {
    case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY: return "an aggregate";
    case LogicalOperatorType::LOGICAL_DISTINCT: return "distinct";
    case LogicalOperatorType::LOGICAL_LIMIT:
    case LogicalOperatorType::LOGICAL_TOP_N: return "limit";
    case LogicalOperatorType::LOGICAL_ORDER_BY: return "order by";
    case LogicalOperatorType::LOGICAL_WINDOW: return "a window function";
    case LogicalOperatorType::LOGICAL_SAMPLE: return "a sample";
    case LogicalOperatorType::LOGICAL_UNION:
    case LogicalOperatorType::LOGICAL_EXCEPT:
    case LogicalOperatorType::LOGICAL_INTERSECT: return "a union, except or intersect";
    case LogicalOperatorType::LOGICAL_RECURSIVE_CTE: return "a recursive CTE";
    case LogicalOperatorType::LOGICAL_PIVOT: return "a pivot";
    case LogicalOperatorType::LOGICAL_JOIN:
    case LogicalOperatorType::LOGICAL_DELIM_JOIN:
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
    case LogicalOperatorType::LOGICAL_ANY_JOIN:
    case LogicalOperatorType::LOGICAL_CROSS_PRODUCT:
    case LogicalOperatorType::LOGICAL_POSITIONAL_JOIN:
    case LogicalOperatorType::LOGICAL_ASOF_JOIN:
    case LogicalOperatorType::LOGICAL_DEPENDENT_JOIN:
      return "a join or a sub-query that a row cannot be followed through";
    case LogicalOperatorType::LOGICAL_GET:
    case LogicalOperatorType::LOGICAL_EXPRESSION_GET:
    case LogicalOperatorType::LOGICAL_DUMMY_SCAN: return "another relation than input";
    default: return "an operator (" + duckdb::LogicalOperatorToString(type) + ")";
  }
}

RowTrace untraceable(LogicalOperatorType type) {
  return {{},
          "the select must be row-wise (projections, filters, unnest, CTEs of these over input, and joins of it with "
          "objects), but it has " +
              in_words(type)};
}

bool reads(const LogicalOperator& plan, const std::string& scan) {
  if (plan.type == LogicalOperatorType::LOGICAL_GET && plan.Cast<duckdb::LogicalGet>().function.name == scan)
    return true;
  return std::ranges::any_of(plan.children, [&scan](const auto& child) { return reads(*child, scan); });
}

// Each row of a join comes from one row of the side that reads the input, as long as the other side does not read it.
RowTrace trace_join(LogicalOperator& plan, const std::string& scan, duckdb::column_t row_column) {
  const bool left = reads(*plan.children[0], scan);
  if (left == reads(*plan.children[1], scan)) return untraceable(plan.type);
  // A correlated sub-query stands on the right, and is computed for the values of the left that it names.
  if (plan.type == LogicalOperatorType::LOGICAL_DELIM_JOIN && !left) return untraceable(plan.type);
  using duckdb::JoinType;
  const JoinType type = plan.type == LogicalOperatorType::LOGICAL_CROSS_PRODUCT
                            ? JoinType::INNER
                            : plan.Cast<duckdb::LogicalJoin>().join_type;
  // What keeps rows of the other side alone has no input row for them.
  const bool kept = type == JoinType::INNER ||
                    (left && (type == JoinType::LEFT || type == JoinType::SEMI || type == JoinType::ANTI ||
                              type == JoinType::MARK || type == JoinType::SINGLE)) ||
                    (!left && type == JoinType::RIGHT);
  if (!kept) return untraceable(plan.type);
  RowTrace below = trace_rows(*plan.children[left ? 0 : 1], scan, row_column);
  below.joined = true;
  return below;
}

}  // namespace

RowTrace trace_rows(duckdb::LogicalOperator& plan, const std::string& scan, duckdb::column_t row_column) {
  switch (plan.type) {
    case LogicalOperatorType::LOGICAL_GET: {
      auto& get = plan.Cast<duckdb::LogicalGet>();
      if (get.function.name != scan || !get.children.empty()) return untraceable(plan.type);
      get.AddColumnId(row_column);
      return {duckdb::ColumnBinding(get.table_index, get.GetColumnIds().size() - 1), {}};
    }
    case LogicalOperatorType::LOGICAL_PROJECTION: {
      RowTrace below = trace_rows(*plan.children[0], scan, row_column);
      if (!below.error.empty()) return below;
      auto& projection = plan.Cast<duckdb::LogicalProjection>();
      projection.expressions.push_back(
          duckdb::make_uniq<duckdb::BoundColumnRefExpression>(duckdb::LogicalType::BIGINT, below.row));
      return {duckdb::ColumnBinding(projection.table_index, projection.expressions.size() - 1), {}, below.joined};
    }
    case LogicalOperatorType::LOGICAL_FILTER:
    case LogicalOperatorType::LOGICAL_UNNEST:
      // Both give their input's columns on.
      return trace_rows(*plan.children[0], scan, row_column);
    case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
    case LogicalOperatorType::LOGICAL_DELIM_JOIN:
    case LogicalOperatorType::LOGICAL_ANY_JOIN:
    case LogicalOperatorType::LOGICAL_CROSS_PRODUCT: return trace_join(plan, scan, row_column);
    default: return untraceable(plan.type);
  }
}

}  // namespace sluice::engine
