#include "sluice/engine/tables.hpp"

#include <algorithm>
#include <set>

#include "duckdb/parser/expression/subquery_expression.hpp"
#include "duckdb/parser/expression/window_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/query_node/cte_node.hpp"
#include "duckdb/parser/query_node/recursive_cte_node.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/query_node/set_operation_node.hpp"
#include "duckdb/parser/tableref/basetableref.hpp"
#include "duckdb/parser/tableref/expressionlistref.hpp"
#include "duckdb/parser/tableref/joinref.hpp"
#include "duckdb/parser/tableref/pivotref.hpp"
#include "duckdb/parser/tableref/showref.hpp"
#include "duckdb/parser/tableref/subqueryref.hpp"
#include "sluice/engine/duck.hpp"
#include "sluice/engine/planning.hpp"

namespace sluice::engine {
namespace {

using Names = std::set<std::string>;  // that WITH gives, in lower case

class Walk {
 public:
  std::vector<TableName> take() { return std::move(found_); }
  std::map<std::string, std::size_t> take_functions() { return std::move(functions_); }

  void query(const duckdb::QueryNode& node, Names names) {
    for (const auto& [name, cte] : node.cte_map.map) {
      const std::string lower = duckdb::StringUtil::Lower(name);
      Names inside = names;
      if (cte->query->node->type == duckdb::QueryNodeType::RECURSIVE_CTE_NODE) inside.insert(lower);
      query(*cte->query->node, std::move(inside));
      names.insert(lower);
    }
    switch (node.type) {
      case duckdb::QueryNodeType::SELECT_NODE: select(node.Cast<duckdb::SelectNode>(), names); break;
      case duckdb::QueryNodeType::SET_OPERATION_NODE: {
        const auto& set = node.Cast<duckdb::SetOperationNode>();
        query(*set.left, names);
        query(*set.right, names);
        break;
      }
      case duckdb::QueryNodeType::RECURSIVE_CTE_NODE: {
        const auto& recursive = node.Cast<duckdb::RecursiveCTENode>();
        names.insert(duckdb::StringUtil::Lower(recursive.ctename));
        query(*recursive.left, names);
        query(*recursive.right, names);
        break;
      }
      case duckdb::QueryNodeType::CTE_NODE: {
        const auto& cte = node.Cast<duckdb::CTENode>();
        query(*cte.query, names);
        names.insert(duckdb::StringUtil::Lower(cte.ctename));
        query(*cte.child, names);
        break;
      }
      default: break;
    }
    for (const auto& modifier : node.modifiers) order(*modifier, names);
  }

 private:
  template <class List>
  void all(const List& expressions, const Names& names) {
    for (const auto& one : expressions) expression(one.get(), names);
  }

  void select(const duckdb::SelectNode& node, const Names& names) {
    all(node.select_list, names);
    if (node.from_table) table(*node.from_table, names);
    expression(node.where_clause.get(), names);
    all(node.groups.group_expressions, names);
    expression(node.having.get(), names);
    expression(node.qualify.get(), names);
  }

  void order(const duckdb::ResultModifier& modifier, const Names& names) {
    switch (modifier.type) {
      case duckdb::ResultModifierType::ORDER_MODIFIER:
        for (const auto& by : modifier.Cast<duckdb::OrderModifier>().orders) expression(by.expression.get(), names);
        break;
      case duckdb::ResultModifierType::LIMIT_MODIFIER:
        expression(modifier.Cast<duckdb::LimitModifier>().limit.get(), names);
        expression(modifier.Cast<duckdb::LimitModifier>().offset.get(), names);
        break;
      case duckdb::ResultModifierType::LIMIT_PERCENT_MODIFIER:
        expression(modifier.Cast<duckdb::LimitPercentModifier>().limit.get(), names);
        expression(modifier.Cast<duckdb::LimitPercentModifier>().offset.get(), names);
        break;
      case duckdb::ResultModifierType::DISTINCT_MODIFIER:
        all(modifier.Cast<duckdb::DistinctModifier>().distinct_on_targets, names);
        break;
    }
  }

  void expression(const duckdb::ParsedExpression* one, const Names& names) {
    if (one == nullptr) return;
    if (one->GetExpressionClass() == duckdb::ExpressionClass::FUNCTION) {
      ++functions_[duckdb::StringUtil::Lower(one->Cast<duckdb::FunctionExpression>().function_name)];
    } else if (one->GetExpressionClass() == duckdb::ExpressionClass::WINDOW) {
      ++functions_[duckdb::StringUtil::Lower(one->Cast<duckdb::WindowExpression>().function_name)];
    } else if (one->GetExpressionClass() == duckdb::ExpressionClass::SUBQUERY) {
      query(*one->Cast<duckdb::SubqueryExpression>().subquery->node, names);
    }
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        *one, [&](const duckdb::ParsedExpression& child) { expression(&child, names); });
  }

  void table(const duckdb::TableRef& ref, const Names& names) {
    switch (ref.type) {
      case duckdb::TableReferenceType::BASE_TABLE: {
        const auto& base = ref.Cast<duckdb::BaseTableRef>();
        add({base.schema_name, base.table_name}, names);
        break;
      }
      case duckdb::TableReferenceType::JOIN: {
        const auto& join = ref.Cast<duckdb::JoinRef>();
        table(*join.left, names);
        table(*join.right, names);
        expression(join.condition.get(), names);
        break;
      }
      case duckdb::TableReferenceType::SUBQUERY: query(*ref.Cast<duckdb::SubqueryRef>().subquery->node, names); break;
      case duckdb::TableReferenceType::TABLE_FUNCTION: {
        const auto& function = ref.Cast<duckdb::TableFunctionRef>();
        expression(function.function.get(), names);
        if (function.subquery) query(*function.subquery->node, names);
        break;
      }
      case duckdb::TableReferenceType::EXPRESSION_LIST:
        for (const auto& row : ref.Cast<duckdb::ExpressionListRef>().values) all(row, names);
        break;
      case duckdb::TableReferenceType::PIVOT: {
        const auto& pivot = ref.Cast<duckdb::PivotRef>();
        table(*pivot.source, names);
        all(pivot.aggregates, names);
        break;
      }
      case duckdb::TableReferenceType::SHOW_REF:
        if (const auto& show = ref.Cast<duckdb::ShowRef>(); show.query) query(*show.query, names);
        break;
      default: break;
    }
  }

  void add(TableName name, const Names& names) {
    if (name.schema.empty() && names.contains(duckdb::StringUtil::Lower(name.table))) return;
    const bool there = std::ranges::any_of(found_, [&name](const TableName& one) {
      return duckdb::StringUtil::CIEquals(one.schema, name.schema) &&
             duckdb::StringUtil::CIEquals(one.table, name.table);
    });
    if (!there) found_.push_back(std::move(name));
  }

  std::vector<TableName> found_;
  std::map<std::string, std::size_t> functions_;
};

bool is_one_select(const duckdb::Parser& parser) {
  return parser.statements.size() == 1 && parser.statements[0]->type == duckdb::StatementType::SELECT_STATEMENT;
}

Result<Walk> walked(const std::string& sql, const Place& place) {
  try {
    duckdb::Parser parser;
    parser.ParseQuery(sql);
    if (!is_one_select(parser)) {
      return fail(Fault::config, place.text() + ": it must be one SELECT, but here are " +
                                     (parser.statements.empty()       ? "none"
                                      : parser.statements.size() == 1 ? "other statements"
                                                                      : "several statements"));
    }
    Walk walk;
    walk.query(*parser.statements[0]->Cast<duckdb::SelectStatement>().node, {});
    return walk;
  } catch (const std::exception& error) {
    return planning_error(duckdb::ErrorData(error), sql, place);
  }
}

}  // namespace

Result<std::vector<TableName>> tables_of(const std::string& sql, const Place& place) {
  SLUICE_TRY(Walk walk, walked(sql, place));
  return walk.take();
}

Result<std::map<std::string, std::size_t>> functions_of(const std::string& sql, const Place& place) {
  SLUICE_TRY(Walk walk, walked(sql, place));
  return walk.take_functions();
}

bool is_no_select(const std::string& sql) {
  try {
    duckdb::Parser parser;
    parser.ParseQuery(sql);
    return !is_one_select(parser);
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace sluice::engine
