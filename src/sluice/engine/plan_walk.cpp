#include "sluice/engine/plan_walk.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/operator/list.hpp"
#include "sluice/engine/expression_ways.hpp"
#include "sluice/engine/plan_columns.hpp"
#include "sluice/engine/sub_queries.hpp"
#include "sluice/engine/ways.hpp"

namespace sluice::engine {
namespace {

using duckdb::ColumnBinding;
using duckdb::Expression;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

// Table functions that give nothing but what their arguments say.
constexpr std::array<std::string_view, 6> harmless{"range",  "generate_series", "unnest",
                                                   "repeat", "json_each",       "json_tree"};

class PlanWalk {
 public:
  PlanWalk(const std::vector<Relation>& relations, const RelationOfScan& relation_of)
      : relation_of_(relation_of), sources_(relations) {
    ground_.column = [this](const duckdb::BoundColumnRefExpression& column) { return columns_.at(column); };
    ground_.everything = [this](const std::string& what) { return everything(what); };
    ground_.lets_through = [this](const Expression& one, const char* clause) { lets_through(one, clause); };
    ground_.decides = [this](const Ways& ways, const char* clause) { decides(ways, clause); };
    ground_.groups = [this](const Expression& one, const char* clause) { groups(one, clause); };
    ground_.orders = [this](const Expression& one) { orders(one); };
  }

  Lineage walk(LogicalOperator& plan, const std::vector<std::string>& names) {
    // What is equal to a tagged column may come from below: until nothing more is.
    visit(plan);  // for what filters ask of marks
    ties_ = true;
    do visit(plan);
    while (columns_.more());
    lineage_.columns = names;
    const auto bindings = plan.GetColumnBindings();
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Ways ways = i < bindings.size() ? at(bindings[i]) : everything("a column of the result");
      // What was computed without an alias is called by its expression, which is told already.
      const bool by_expression = names[i].find_first_of("'(") != std::string::npos;
      for (const Way& way : by_expression ? ways : called(ways, shown(names[i]))) {
        if (way.source->pii.empty() && way.passage == Passage::clear) continue;
        lineage_.paths.push_back(
            {way.source->name, way.source->pii, shown(names[i]), i, way.passage, way.by, way.path});
      }
    }
    for (std::string& name : lineage_.columns) name = shown(name);
    return std::move(lineage_);
  }

 private:
  Ways at(const ColumnBinding& binding) const { return columns_.at(binding); }
  void set(duckdb::idx_t table, std::size_t column, Ways ways) { columns_.set({table, column}, std::move(ways)); }

  Ways everything(const std::string& what) const { return sources_.everything(what); }

  void decides(const Ways& ways, const char* clause) {
    for (const Way& way : ways) {
      if (way.source->pii.empty() || way.passage != Passage::clear) continue;
      sub_queries_.decides(way);
      if (deciding_ != nullptr) add(*deciding_, {way});
      if (way.equal) continue;
      const bool known = std::ranges::any_of(lineage_.implicit, [&](const ImplicitFlow& flow) {
        return flow.source == way.source->name && flow.clause == clause;
      });
      if (!known) lineage_.implicit.push_back({way.source->name, way.source->pii, clause});
    }
  }
  void decides(const Expression& expression, const char* clause) { decides(ways_to(ground_, expression), clause); }

  void lets_through(const Expression& predicate, const char* clause) {
    decides(predicate, clause);
    columns_.equalities().in_filter(predicate, passes_, found_);
  }
  // By an outer column there is one group in each of its sub-query's results.
  void groups(const Expression& expression, const char* clause) {
    if (sub_queries_.is_handed(expression)) return;
    decides(expression, clause);
    columns_.equalities().in_order(expression, found_);
  }
  void orders(const Expression& expression) { groups(expression, "order by"); }
  // How many rows there are below tells of these values.
  void multiplies(const Ways& ways, const char* clause) {
    decides(ways, clause);
    for (const Way& way : ways) {
      if (!way.source->pii.empty() && way.passage == Passage::clear) add(multiplied_, {way});
    }
  }

  void visit_children(LogicalOperator& plan) {
    for (auto& child : plan.children) visit(*child);
  }

  void visit(LogicalOperator& plan) {
    switch (plan.type) {
      case LogicalOperatorType::LOGICAL_GET: return scan(plan.Cast<duckdb::LogicalGet>());
      case LogicalOperatorType::LOGICAL_PROJECTION: return projection(plan.Cast<duckdb::LogicalProjection>());
      case LogicalOperatorType::LOGICAL_FILTER:
        visit_children(plan);
        for (const auto& expression : plan.expressions) lets_through(*expression, "where");
        return;
      case LogicalOperatorType::LOGICAL_ORDER_BY:
        visit_children(plan);
        for (const auto& order : plan.Cast<duckdb::LogicalOrder>().orders) orders(*order.expression);
        return;
      case LogicalOperatorType::LOGICAL_LIMIT: return limit(plan.Cast<duckdb::LogicalLimit>());
      case LogicalOperatorType::LOGICAL_SAMPLE: return visit_children(plan);
      case LogicalOperatorType::LOGICAL_DISTINCT: return distinct(plan.Cast<duckdb::LogicalDistinct>());
      case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY: return aggregate(plan.Cast<duckdb::LogicalAggregate>());
      case LogicalOperatorType::LOGICAL_WINDOW: return window(plan.Cast<duckdb::LogicalWindow>());
      case LogicalOperatorType::LOGICAL_UNNEST: return unnest(plan.Cast<duckdb::LogicalUnnest>());
      case LogicalOperatorType::LOGICAL_PIVOT: return pivot(plan.Cast<duckdb::LogicalPivot>());
      case LogicalOperatorType::LOGICAL_EXPRESSION_GET: return values(plan.Cast<duckdb::LogicalExpressionGet>());
      case LogicalOperatorType::LOGICAL_DUMMY_SCAN:
      case LogicalOperatorType::LOGICAL_CHUNK_GET: return literal(plan);
      case LogicalOperatorType::LOGICAL_CROSS_PRODUCT:
      case LogicalOperatorType::LOGICAL_POSITIONAL_JOIN: return visit_children(plan);
      case LogicalOperatorType::LOGICAL_ANY_JOIN: return any_join(plan.Cast<duckdb::LogicalAnyJoin>());
      case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
      case LogicalOperatorType::LOGICAL_ASOF_JOIN:
      case LogicalOperatorType::LOGICAL_DELIM_JOIN: return join(plan.Cast<duckdb::LogicalComparisonJoin>());
      case LogicalOperatorType::LOGICAL_DELIM_GET: return delim_get(plan.Cast<duckdb::LogicalDelimGet>());
      case LogicalOperatorType::LOGICAL_UNION:
      case LogicalOperatorType::LOGICAL_EXCEPT:
      case LogicalOperatorType::LOGICAL_INTERSECT: return set_operation(plan.Cast<duckdb::LogicalSetOperation>());
      case LogicalOperatorType::LOGICAL_MATERIALIZED_CTE: {
        auto& cte = plan.Cast<duckdb::LogicalMaterializedCTE>();
        remember_cte(cte.table_index, *cte.children[0]);
        return visit(*cte.children[1]);
      }
      case LogicalOperatorType::LOGICAL_RECURSIVE_CTE: return recursive(plan.Cast<duckdb::LogicalRecursiveCTE>());
      case LogicalOperatorType::LOGICAL_CTE_REF: return cte_ref(plan.Cast<duckdb::LogicalCTERef>());
      default: return unknown(plan);
    }
  }

  void unknown(LogicalOperator& plan) {
    const Ways ways =
        everything("an operator (" + duckdb::LogicalOperatorToString(plan.type) + ") that cannot be followed");
    for (const ColumnBinding& binding : plan.GetColumnBindings()) columns_.set(binding_key(binding), ways);
  }

  void literal(LogicalOperator& plan) {
    for (const ColumnBinding& binding : plan.GetColumnBindings()) columns_.set(binding_key(binding), {});
  }

  void scan(duckdb::LogicalGet& get) {
    visit_children(get);
    const Relation* relation = get.children.empty() ? relation_of_(get) : nullptr;
    Ways below;
    for (const auto& child : get.children) {
      const auto bindings = child->GetColumnBindings();
      for (std::size_t i = 0; i < bindings.size(); ++i) {
        const bool is_argument = std::ranges::find(get.projected_input, i) == get.projected_input.end();
        if (is_argument) add(below, at(bindings[i]));
      }
    }
    multiplies(below, "table function");
    const std::string& function = get.function.name;
    const bool is_harmless = std::ranges::find(harmless, std::string_view(function)) != harmless.end();
    const std::size_t count = std::max<std::size_t>(get.GetColumnIds().size(), 1);
    for (std::size_t i = 0; i < count; ++i) {
      if (relation != nullptr) {
        set(get.table_index, i, column_of(get, *relation, i));
      } else if (is_harmless) {
        for (Way& way : below) way.unchanged = false;
        set(get.table_index, i, stepped(below, function + "()"));
      } else {
        set(get.table_index, i, sources_.unknown_function(function));
      }
    }
  }

  Ways column_of(const duckdb::LogicalGet& get, const Relation& relation, std::size_t number) {
    if (get.GetColumnIds().empty()) return {};  // count(*): rows, and no column
    const duckdb::ColumnIndex& id = get.GetColumnIds()[number];
    if (id.IsVirtualColumn()) return {};  // the row's number, or the message's own columns
    const std::size_t column = id.GetPrimaryIndex();
    if (column >= relation.columns.size() || column >= get.names.size() ||
        !duckdb::StringUtil::CIEquals(get.names[column], relation.columns[column].name)) {
      return everything("a column of " + relation.name + " that is not declared");
    }
    return sources_.from(relation.columns[column]);
  }

  void projection(duckdb::LogicalProjection& projection) {
    visit_children(projection);
    for (std::size_t i = 0; i < projection.expressions.size(); ++i) {
      const Expression& expression = *projection.expressions[i];
      columns_.equalities().computed({projection.table_index, i}, expression);
      sub_queries_.copied({projection.table_index, i}, expression);
      set(projection.table_index, i, called(ways_to(ground_, expression), alias_of(expression)));
    }
  }

  void limit(duckdb::LogicalLimit& limit) {
    visit_children(limit);
    for (auto* value : {&limit.limit_val, &limit.offset_val}) {
      if (value->Type() == duckdb::LimitNodeType::EXPRESSION_VALUE)
        multiplies(ways_to(ground_, value->GetValueExpression()), "limit");
      if (value->Type() == duckdb::LimitNodeType::EXPRESSION_PERCENTAGE) {
        multiplies(ways_to(ground_, value->GetPercentageExpression()), "limit");
      }
    }
  }

  // What tells the number of rows below this operator.
  Ways visit_rows(LogicalOperator& plan) {
    Ways before = std::exchange(multiplied_, {});
    visit_children(plan);
    Ways below = multiplied_;
    add(multiplied_, before);
    for (Way& way : below) way.unchanged = false;
    return stepped(std::move(below), "the number of rows");
  }

  void distinct(duckdb::LogicalDistinct& distinct) {
    visit_children(distinct);
    if (distinct.distinct_type != duckdb::DistinctType::DISTINCT_ON) return;
    for (const auto& target : distinct.distinct_targets) groups(*target, "distinct on");
    if (!distinct.order_by) return;
    for (const auto& order : distinct.order_by->orders) orders(*order.expression);
  }

  void aggregate(duckdb::LogicalAggregate& aggregate) {
    const Ways counted = visit_rows(aggregate);
    for (std::size_t i = 0; i < aggregate.groups.size(); ++i) {
      Ways ways = ways_to(ground_, *aggregate.groups[i]);
      groups(*aggregate.groups[i], "group by");
      sub_queries_.copied({aggregate.group_index, i}, *aggregate.groups[i]);
      columns_.equalities().computed({aggregate.group_index, i}, *aggregate.groups[i]);
      set(aggregate.group_index, i, std::move(ways));
    }
    for (std::size_t i = 0; i < aggregate.expressions.size(); ++i) {
      const Expression& expression = *aggregate.expressions[i];
      const bool known = expression.GetExpressionClass() == duckdb::ExpressionClass::BOUND_AGGREGATE;
      columns_.equalities().computed({aggregate.aggregate_index, i}, expression);
      Ways ways = known ? ways_to_aggregate(ground_, expression.Cast<duckdb::BoundAggregateExpression>())
                        : everything("an aggregate that cannot be followed");
      if (!known || counts_rows(expression.Cast<duckdb::BoundAggregateExpression>())) add(ways, counted);
      set(aggregate.aggregate_index, i, std::move(ways));
    }
    for (std::size_t i = 0; i < aggregate.grouping_functions.size(); ++i) set(aggregate.groupings_index, i, {});
  }

  void window(duckdb::LogicalWindow& window) {
    const Ways counted = visit_rows(window);
    for (std::size_t i = 0; i < window.expressions.size(); ++i) {
      const Expression& expression = *window.expressions[i];
      const bool known = expression.GetExpressionClass() == duckdb::ExpressionClass::BOUND_WINDOW;
      Ways ways = known ? ways_to_window(ground_, expression.Cast<duckdb::BoundWindowExpression>())
                        : everything("a window function that cannot be followed");
      add(ways, counted);
      set(window.window_index, i, std::move(ways));
    }
  }

  void unnest(duckdb::LogicalUnnest& unnest) {
    visit_children(unnest);
    for (std::size_t i = 0; i < unnest.expressions.size(); ++i) {
      Ways ways = ways_to(ground_, *unnest.expressions[i]);
      columns_.equalities().computed({unnest.unnest_index, i}, *unnest.expressions[i]);
      if (!has_written_length(*unnest.expressions[i])) multiplies(ways, "unnest");
      set(unnest.unnest_index, i, std::move(ways));
    }
  }

  // The groups come first and stay what they are; each other column may hold any of the aggregates, in the place
  // that the pivoted value says.
  void pivot(duckdb::LogicalPivot& pivot) {
    visit_children(pivot);
    const auto below = pivot.children[0]->GetColumnBindings();
    Ways rest;
    for (std::size_t i = pivot.bound_pivot.group_count; i < below.size(); ++i) add(rest, at(below[i]));
    for (std::size_t i = 0; i < pivot.bound_pivot.types.size(); ++i) {
      const bool group = i < pivot.bound_pivot.group_count && i < below.size();
      set(pivot.pivot_index, i, group ? at(below[i]) : stepped(rest, "pivot"));
    }
  }

  void values(duckdb::LogicalExpressionGet& values) {
    visit_children(values);
    for (std::size_t i = 0; i < values.expr_types.size(); ++i) {
      Ways ways;
      for (const auto& row : values.expressions) {
        add(ways, ways_to(ground_, *row[i]));
        columns_.equalities().computed({values.table_index, i}, *row[i]);
      }
      set(values.table_index, i, std::move(ways));
    }
  }

  void any_join(duckdb::LogicalAnyJoin& join) {
    visit_children(join);
    if (is_mark(join) || is_anti(join)) {
      decides(*join.condition, "join");
    } else {
      lets_through(*join.condition, "join");
    }
    if (is_mark(join)) {
      columns_.equalities().computed({join.mark_index, 0}, *join.condition);
      set(join.mark_index, 0, ways_to(ground_, *join.condition));
    }
  }

  void join(duckdb::LogicalComparisonJoin& join) {
    if (join.delim_flipped) return unknown(join);
    visit(*join.children[0]);
    const bool is_delim = join.type == LogicalOperatorType::LOGICAL_DELIM_JOIN;
    if (!is_delim) {
      visit(*join.children[1]);
    } else {
      sub_query(join);
    }
    Ways mark;
    for (const duckdb::JoinCondition& condition : join.conditions) {
      const Ways left = ways_to(ground_, *condition.left);
      const Ways right = ways_to(ground_, *condition.right);
      add(mark, left);
      add(mark, right);
      // A correlated column is joined to itself to bring the sub-query's rows back: that decides nothing.
      if (condition.comparison == duckdb::ExpressionType::COMPARE_NOT_DISTINCT_FROM &&
          ((is_delim && same_sources(left, right)) || is_same_outer(join, condition))) {
        continue;
      }
      decides(left, "join");
      decides(right, "join");
    }
    if (join.predicate) {
      decides(*join.predicate, "join");
      add(mark, ways_to(ground_, *join.predicate));
    }
    if (is_mark(join)) {
      columns_.equalities().marked({join.mark_index, 0}, join);
      for (Way& way : mark) way.unchanged = false;
      set(join.mark_index, 0, stepped(std::move(mark), "in or exists"));
    }
    // An anti join's rows are those that fit none.
    if (!is_mark(join)) columns_.equalities().in_join(join, passes_, found_);
    if (is_delim) sub_queries_.leave();
  }

  bool is_same_outer(const duckdb::LogicalComparisonJoin& join, const duckdb::JoinCondition& condition) const {
    const auto right = sub_queries_.number_of(*condition.right);
    if (!right) return false;
    if (sub_queries_.number_of(*condition.left) == right) return true;
    return *right < join.duplicate_eliminated_columns.size() &&
           condition.left->Equals(*join.duplicate_eliminated_columns[*right]);
  }

  // The right of a join that hands its left's columns to it: what decides its rows arrives in each of its columns.
  void sub_query(duckdb::LogicalComparisonJoin& join) {
    std::vector<Ways> outer;
    for (const auto& column : join.duplicate_eliminated_columns) outer.push_back(ways_to(ground_, *column));
    sub_queries_.enter(std::move(outer));
    Ways multiplied = multiplied_;
    const Passes outside = passes_;
    // What is true in no row of `not exists (...)` is false in all of them.
    if (is_mark(join)) passes_ = columns_.equalities().asked_of({join.mark_index, 0});
    visit(*join.children[1]);
    passes_ = outside;
    Ways deciding = sub_queries_.end_of_rows();
    const bool keeps_left = is_mark(join) || is_anti(join) || join.join_type == duckdb::JoinType::SINGLE ||
                            join.join_type == duckdb::JoinType::SEMI;
    if (keeps_left) {
      multiplied_ = std::move(multiplied);
    } else {
      add(multiplied_, deciding);
    }
    if (deciding.empty()) return;
    for (Way& way : deciding) way.unchanged = false;
    deciding = stepped(std::move(deciding), "the rows of a sub-query");
    for (const ColumnBinding& binding : join.children[1]->GetColumnBindings()) {
      Ways ways = at(binding);
      add(ways, deciding);
      columns_.set(binding_key(binding), std::move(ways));
    }
  }

  // The columns of the outer query that a sub-query names.
  void delim_get(duckdb::LogicalDelimGet& get) {
    for (std::size_t i = 0; i < get.chunk_types.size(); ++i) {
      std::optional<Ways> ways = sub_queries_.handed({get.table_index, i}, i);
      set(get.table_index, i, ways ? std::move(*ways) : everything("a column of an outer query"));
    }
  }

  void set_operation(duckdb::LogicalSetOperation& operation) {
    visit_children(operation);
    const bool is_union = operation.type == LogicalOperatorType::LOGICAL_UNION;
    const char* clause = is_union                                                ? "union"
                         : operation.type == LogicalOperatorType::LOGICAL_EXCEPT ? "except"
                                                                                 : "intersect";
    for (std::size_t i = 0; i < operation.column_count; ++i) {
      Ways ways;
      for (const auto& child : operation.children) {
        const auto below = child->GetColumnBindings();
        add(ways, i < below.size() ? at(below[i]) : everything("a column of a union"));
        if (i < below.size()) columns_.equalities().copied({operation.table_index, i}, below[i]);
      }
      if (!is_union || !operation.setop_all) decides(ways, clause);
      sub_queries_.united({operation.table_index, i}, operation);
      set(operation.table_index, i, std::move(ways));
    }
  }

  void remember_cte(duckdb::idx_t index, LogicalOperator& definition) {
    Ways before = std::exchange(multiplied_, {});
    visit(definition);
    rows_of_ctes_[index] = std::exchange(multiplied_, std::move(before));
    std::vector<Ways> columns;
    for (const ColumnBinding& binding : definition.GetColumnBindings()) columns.push_back(at(binding));
    ctes_[index] = std::move(columns);
    cte_bindings_[index] = definition.GetColumnBindings();
  }

  void cte_ref(duckdb::LogicalCTERef& ref) {
    const auto found = ctes_.find(ref.cte_index);
    add(multiplied_, rows_of_ctes_[ref.cte_index]);
    for (std::size_t i = 0; i < ref.chunk_types.size(); ++i) {
      const bool known = found != ctes_.end() && i < found->second.size();
      const auto& definition = cte_bindings_[ref.cte_index];
      if (i < definition.size()) {
        columns_.equalities().copied({ref.table_index, i}, definition[i]);
        sub_queries_.copied({ref.table_index, i}, binding_key(definition[i]));
      }
      set(ref.table_index, i, known ? found->second[i] : everything("a column of a CTE that cannot be followed"));
    }
  }

  // What decides how often a recursion goes on: a counter in its rows, or their number, may tell all of it.
  Ways steps(LogicalOperator& plan) {
    Ways* outside = deciding_;
    Ways found;
    deciding_ = &found;
    visit(plan);
    deciding_ = outside;
    if (deciding_ != nullptr) add(*deciding_, found);
    for (Way& way : found) way.unchanged = false;
    return stepped(std::move(found), "the steps of a recursion");
  }

  // The recursive part is walked until it adds no way: there are finitely many, so it ends.
  void recursive(duckdb::LogicalRecursiveCTE& cte) {
    for (const auto& target : cte.key_targets) decides(*target, "using key");
    remember_cte(cte.table_index, *cte.children[0]);
    add(multiplied_, rows_of_ctes_[cte.table_index]);
    bool grown = true;
    while (grown) {
      grown = false;
      const Ways deciding = steps(*cte.children[1]);
      for (Ways& column : ctes_[cte.table_index]) grown = add(column, deciding) || grown;
      grown = add(rows_of_ctes_[cte.table_index], deciding) || grown;
      add(multiplied_, deciding);
      const auto below = cte.children[1]->GetColumnBindings();
      std::vector<Ways>& columns = ctes_[cte.table_index];
      columns.resize(std::max<std::size_t>(columns.size(), below.size()));
      for (std::size_t i = 0; i < below.size(); ++i) grown = add(columns[i], at(below[i])) || grown;
    }
    const std::vector<Ways>& columns = ctes_[cte.table_index];
    for (std::size_t i = 0; i < cte.column_count; ++i) {
      for (const auto& child : cte.children) {
        const auto below = child->GetColumnBindings();
        if (i < below.size()) columns_.equalities().copied({cte.table_index, i}, below[i]);
      }
      set(cte.table_index, i, i < columns.size() ? columns[i] : everything("a column of a recursive CTE"));
    }
  }

  const RelationOfScan& relation_of_;
  Sources sources_;
  PlanColumns columns_{sources_};
  std::map<duckdb::idx_t, std::vector<Ways>> ctes_;
  std::map<duckdb::idx_t, duckdb::vector<ColumnBinding>> cte_bindings_;
  SubQueries sub_queries_;
  Passes passes_;  // of the conditions of the sub-query that is walked
  bool ties_ = false;
  Ways multiplied_;           // by what is below
  Ways* deciding_ = nullptr;  // of the recursion that is walked
  std::map<duckdb::idx_t, Ways> rows_of_ctes_;
  const Equalities::Found found_ = [this](const Expression& left, const Expression& right, Tie tie, const void* by) {
    if (ties_) columns_.tie(ground_, left, right, tie, by);
  };
  Ground ground_;
  Lineage lineage_;
};

}  // namespace

Lineage lineage_of_plan(LogicalOperator& plan, const std::vector<std::string>& names,
                        const std::vector<Relation>& relations, const RelationOfScan& relation_of) {
  return PlanWalk(relations, relation_of).walk(plan, names);
}

}  // namespace sluice::engine
