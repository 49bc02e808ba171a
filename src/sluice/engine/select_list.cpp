#include "sluice/engine/select_list.hpp"

#include <algorithm>
#include <array>

#include "duckdb/parser/expression/cast_expression.hpp"
#include "duckdb/parser/expression/columnref_expression.hpp"
#include "duckdb/parser/expression/star_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/query_node/cte_node.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/tableref/basetableref.hpp"
#include "sluice/engine/duck.hpp"
#include "sluice/engine/planning.hpp"
#include "sluice/engine/tables.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::engine {
namespace {

using duckdb::ExpressionClass;
using duckdb::ParsedExpression;

// The cast changes nothing of a text, and of a number or a uuid not what it is in writing.
const ParsedExpression& without_cast(const ParsedExpression& one) {
  const ParsedExpression* inner = &one;
  while (inner->GetExpressionClass() == ExpressionClass::CAST) {
    const auto& cast = inner->Cast<duckdb::CastExpression>();
    if (cast.try_cast || cast.cast_type != duckdb::LogicalType::VARCHAR) break;
    inner = cast.child.get();
  }
  return *inner;
}

SelectText text_of(const ParsedExpression& one) {
  const ParsedExpression& inner = without_cast(one);
  SelectText out{inner.ToString(), {}};
  if (inner.GetExpressionClass() == ExpressionClass::COLUMN_REF) {
    const auto& column = inner.Cast<duckdb::ColumnRefExpression>();
    if (!column.IsQualified()) out.column = column.GetColumnName();
  }
  return out;
}

bool is_fixed(const std::string& function) {
  const auto kinds = mask::mask_kinds();
  if (const auto kind = std::ranges::find(kinds, function, &mask::MaskKind::function); kind != kinds.end())
    return kind->repeatable;
  constexpr std::array known{"concat", "concat_ws", "lower", "replace", "trim", "upper"};
  return std::ranges::find(known, function) != known.end();
}

bool fixed(const ParsedExpression& one) {
  switch (one.GetExpressionClass()) {
    case ExpressionClass::COLUMN_REF:
    case ExpressionClass::CONSTANT:
    case ExpressionClass::CAST:
    case ExpressionClass::COMPARISON:
    case ExpressionClass::CONJUNCTION:
    case ExpressionClass::CASE:
    case ExpressionClass::OPERATOR: break;
    case ExpressionClass::FUNCTION: {
      const auto& call = one.Cast<duckdb::FunctionExpression>();
      if (!call.is_operator && !is_fixed(duckdb::StringUtil::Lower(call.function_name))) return false;
      break;
    }
    default: return false;
  }
  bool all = true;
  duckdb::ParsedExpressionIterator::EnumerateChildren(
      one, [&all](const ParsedExpression& child) { all = all && fixed(child); });
  return all;
}

SelectItem item_of(std::string name, const ParsedExpression& one) {
  SelectItem item{.name = std::move(name), .value = text_of(one), .fixed = fixed(one), .function = {}, .arguments = {}};
  if (one.GetExpressionClass() != ExpressionClass::FUNCTION) return item;
  const auto& call = one.Cast<duckdb::FunctionExpression>();
  if (call.is_operator || call.distinct || call.filter || !call.schema.empty() || !call.catalog.empty()) return item;
  item.function = duckdb::StringUtil::Lower(call.function_name);
  for (const auto& argument : call.children) item.arguments.push_back(text_of(*argument));
  return item;
}

// A column that USING joins is neither side's, and `s.*` can be the members of a struct.
bool is_of(const duckdb::StarExpression& star, const duckdb::TableRef& from) {
  if (from.type == duckdb::TableReferenceType::JOIN) return false;
  if (star.relation_name.empty()) return true;
  const std::string& name = !from.alias.empty() || from.type != duckdb::TableReferenceType::BASE_TABLE
                                ? from.alias
                                : from.Cast<duckdb::BaseTableRef>().table_name;
  return duckdb::StringUtil::CIEquals(star.relation_name, name);
}

void add_star(const duckdb::StarExpression& star, const duckdb::SelectNode& node, SelectList& list) {
  if (star.columns || star.expr) return;
  std::set<std::string> touched;
  for (const auto& column : star.exclude_list) touched.insert(duckdb::StringUtil::Lower(column.column));
  for (const auto& [column, other] : star.rename_list) {
    touched.insert(duckdb::StringUtil::Lower(column.column));
    touched.insert(duckdb::StringUtil::Lower(other));
  }
  for (const auto& [column, other] : star.replace_list) {
    touched.insert(duckdb::StringUtil::Lower(column));
    list.items.push_back(item_of(column, *other));
  }
  if (node.from_table && is_of(star, *node.from_table)) list.stars.push_back(std::move(touched));
}

SelectList list_of(const duckdb::QueryNode& top) {
  const duckdb::QueryNode* node = &top;
  while (node->type == duckdb::QueryNodeType::CTE_NODE) node = node->Cast<duckdb::CTENode>().child.get();
  SelectList list;
  if (node->type != duckdb::QueryNodeType::SELECT_NODE) return list;
  const auto& select = node->Cast<duckdb::SelectNode>();
  for (const auto& one : select.select_list) {
    if (one->GetExpressionClass() == ExpressionClass::STAR) {
      add_star(one->Cast<duckdb::StarExpression>(), select, list);
    } else {
      list.items.push_back(item_of(one->GetName(), *one));
    }
  }
  return list;
}

}  // namespace

const SelectItem* SelectList::find(const std::string& name) const {
  const SelectItem* found = nullptr;
  for (const SelectItem& item : items) {
    if (!duckdb::StringUtil::CIEquals(item.name, name)) continue;
    if (found != nullptr) return nullptr;
    found = &item;
  }
  return found;
}

bool SelectList::passes(const std::string& name) const {
  const std::string lower = duckdb::StringUtil::Lower(name);
  return std::ranges::any_of(stars, [&lower](const auto& touched) { return !touched.contains(lower); });
}

std::size_t SelectList::calls_of(const std::string& function) const {
  const auto found = calls.find(function);
  return found == calls.end() ? 0 : found->second;
}

Result<SelectList> select_list_of(const std::string& sql, const Place& place) {
  SLUICE_TRY(auto calls, functions_of(sql, place));
  try {
    duckdb::Parser parser;
    parser.ParseQuery(sql);
    SelectList list = list_of(*parser.statements.at(0)->Cast<duckdb::SelectStatement>().node);
    list.calls = std::move(calls);
    return list;
  } catch (const std::exception& error) {
    return planning_error(duckdb::ErrorData(error), sql, place);
  }
}

}  // namespace sluice::engine
