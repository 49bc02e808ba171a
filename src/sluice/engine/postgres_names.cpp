#include "sluice/engine/postgres_names.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "duckdb/parser/expression/columnref_expression.hpp"
#include "duckdb/parser/expression/function_expression.hpp"
#include "duckdb/parser/expression/star_expression.hpp"
#include "duckdb/parser/expression/subquery_expression.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/query_node/cte_node.hpp"
#include "duckdb/parser/query_node/recursive_cte_node.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/query_node/set_operation_node.hpp"
#include "duckdb/parser/tableref/basetableref.hpp"
#include "duckdb/parser/tableref/expressionlistref.hpp"
#include "duckdb/parser/tableref/joinref.hpp"
#include "duckdb/parser/tableref/subqueryref.hpp"
#include "duckdb/parser/tableref/table_function_ref.hpp"
#include "sluice/engine/duck.hpp"
#include "sluice/engine/name_scopes.hpp"
#include "sluice/engine/planning.hpp"
#include "sluice/engine/sql_tokens.hpp"
#include "sluice/engine/ways.hpp"

namespace sluice::engine {
namespace {

using duckdb::ExpressionClass;
using duckdb::ParsedExpression;
using duckdb::QueryNode;
using duckdb::StringUtil;
using duckdb::TableRef;

constexpr std::size_t name_max = 63;  // bytes; PostgreSQL cuts the rest off

// WITH's names that are seen, and what their queries give.
using Known = std::map<std::string, NamedColumns>;

class Walk {
 public:
  Walk(const std::vector<Relation>& relations, bool recursive) : relations_(relations), recursive_(recursive) {}

  NamedColumns query(const QueryNode& node, Known known, const NameScope* outer) {
    const QueryNode* at = &node;
    std::map<std::string, std::string> done;  // DuckDB's parser repeats a WITH at each of its steps
    while (true) {
      with(*at, known, outer, done);
      if (at->type != duckdb::QueryNodeType::CTE_NODE) break;
      at = at->Cast<duckdb::CTENode>().child.get();
    }
    switch (at->type) {
      case duckdb::QueryNodeType::SELECT_NODE: return select(at->Cast<duckdb::SelectNode>(), known, outer);
      case duckdb::QueryNodeType::SET_OPERATION_NODE: {
        const auto& set = at->Cast<duckdb::SetOperationNode>();
        for (const auto& modifier : at->modifiers) {
          if (modifier->type != duckdb::ResultModifierType::LIMIT_MODIFIER) continue;  // the others name its columns
          NameScope scope;
          scope.outer = outer;
          this->modifier(*modifier, known, scope, {});
        }
        return united(*set.left, *set.right, known, outer);
      }
      case duckdb::QueryNodeType::RECURSIVE_CTE_NODE: {
        const auto& cte = at->Cast<duckdb::RecursiveCTENode>();
        NamedColumns first = query(*cte.left, known, outer);
        by_place(first);
        first.rename(cte.aliases);
        name(cte.ctename);
        known[cte.ctename] = first;
        by_place(query(*cte.right, known, outer));
        return first;
      }
      default: return unknown();
    }
  }

  // Which tables are read is told by names of the first kind; the others matter where one of these has a tag.
  const std::optional<Error>& refused_name() const { return refused_name_; }
  const std::optional<Error>& refusal() const { return refusal_; }
  // The names that are one for DuckDB must be one for PostgreSQL.
  void check_case() {
    for (const Relation& relation : relations_) {
      check_case(relation.name);
      check_case(relation.schema);
      for (const RelationColumn& column : relation.columns) {
        if (natural_) name(column.name);
        check_case(column.name);
      }
    }
  }

 private:
  void refuse(const std::string& what, const std::string& hint) {
    if (!refusal_) refusal_ = Error{Fault::config, what, hint};
  }
  void refuse_name(const std::string& what, const std::string& hint) {
    if (!refused_name_) refused_name_ = Error{Fault::config, what, hint};
  }

  void name(const std::string& text) {
    if (text.empty()) return;
    if (text.size() > name_max) {
      refuse_name("a name of more than 63 bytes, which PostgreSQL cuts off", "take a shorter one");
    }
    const std::string& known = names_.try_emplace(StringUtil::Lower(text), text).first->second;
    if (known != text) differ(known, text);
  }
  void check_case(const std::string& text) {
    const auto found = names_.find(StringUtil::Lower(text));
    if (found != names_.end() && found->second != text) differ(found->second, text);
  }
  void differ(const std::string& one, const std::string& other) {
    refuse_name("\"" + shown(one) + "\" and \"" + shown(other) + "\" are two names for PostgreSQL, and one for DuckDB",
                "give one of them another name, or write it as the table has it: what is not quoted is in lower case");
  }

  static NamedColumns unknown() { return {.open = true}; }
  void by_place(const NamedColumns& columns) {
    if (!columns.reordered) return;
    refuse("columns of a `*` behind USING or NATURAL are taken by their place, which is another in PostgreSQL",
           "name the columns in place of the `*`");
  }
  void rename(NamedColumns& columns, const std::vector<std::string>& aliases) {
    for (const std::string& alias : aliases) name(alias);
    if (aliases.empty()) return;
    by_place(columns);
    columns.rename(aliases);
    columns.tell_apart();
  }

  void with(const QueryNode& node, Known& known, const NameScope* outer, std::map<std::string, std::string>& done) {
    std::vector<std::pair<std::string, std::set<std::string>>> before;
    for (const auto& [cte, info] : node.cte_map.map) {
      for (const auto& [earlier, used] : before) {
        if (!recursive_ || !used.contains(cte)) continue;
        refuse_name("WITH RECURSIVE: \"" + shown(earlier) + "\" names \"" + shown(cte) + "\", which stands behind it",
                    "put it before, or give it another name");
      }
      const std::string text = info->query->ToString();
      const auto [last, is_new] = done.try_emplace(cte, text);
      if (!is_new && last->second == text) continue;
      last->second = text;
      name(cte);
      const std::set<std::string> outside = std::exchange(used_, {});
      NamedColumns columns = query(*info->query->node, known, outer);
      before.emplace_back(cte, used_);
      used_.insert(outside.begin(), outside.end());
      rename(columns, info->aliases);
      known[cte] = std::move(columns);
    }
  }

  NamedColumns united(const QueryNode& left, const QueryNode& right, const Known& known, const NameScope* outer) {
    NamedColumns columns = query(left, known, outer);
    by_place(columns);
    by_place(query(right, known, outer));
    return columns;
  }

  NamedColumns select(const duckdb::SelectNode& node, const Known& known, const NameScope* outer) {
    NameScope scope;
    scope.outer = outer;
    if (node.from_table) table(*node.from_table, known, scope);
    for (const auto& item : node.select_list) {
      name(item->GetAlias());
      if (!item->GetAlias().empty()) scope.aliases.insert(item->GetAlias());
    }
    NamedColumns columns;
    for (const auto& item : node.select_list) columns.add(item_of(*item, known, scope));
    columns.tell_apart();
    expression(node.where_clause.get(), known, scope);
    for (const auto& group : node.groups.group_expressions) by(*group, known, scope, columns);
    expression(node.having.get(), known, scope);
    expression(node.qualify.get(), known, scope);
    for (const auto& modifier : node.modifiers) this->modifier(*modifier, known, scope, columns);
    return columns;
  }

  void modifier(const duckdb::ResultModifier& modifier, const Known& known, const NameScope& scope,
                const NamedColumns& columns) {
    switch (modifier.type) {
      case duckdb::ResultModifierType::ORDER_MODIFIER:
        for (const auto& order : modifier.Cast<duckdb::OrderModifier>().orders)
          by(*order.expression, known, scope, columns);
        break;
      case duckdb::ResultModifierType::DISTINCT_MODIFIER:
        for (const auto& one : modifier.Cast<duckdb::DistinctModifier>().distinct_on_targets)
          by(*one, known, scope, columns);
        break;
      case duckdb::ResultModifierType::LIMIT_MODIFIER:
        expression(modifier.Cast<duckdb::LimitModifier>().limit.get(), known, scope);
        expression(modifier.Cast<duckdb::LimitModifier>().offset.get(), known, scope);
        break;
      default: break;
    }
  }

  // Of GROUP BY, ORDER BY and DISTINCT ON: a number is a place, and a bare name may be an alias, for both.
  void by(const ParsedExpression& one, const Known& known, const NameScope& scope, const NamedColumns& columns) {
    if (one.GetExpressionClass() == ExpressionClass::CONSTANT) return by_place(columns);
    if (one.GetExpressionClass() == ExpressionClass::COLUMN_REF) {
      const auto& names = one.Cast<duckdb::ColumnRefExpression>().column_names;
      if (names.size() == 1 && scope.aliases.contains(names[0])) return name(names[0]);
    }
    expression(&one, known, scope);
  }

  NamedColumns item_of(const ParsedExpression& item, const Known& known, const NameScope& scope) {
    if (item.GetExpressionClass() == ExpressionClass::STAR)
      return star(item.Cast<duckdb::StarExpression>().relation_name, scope);
    expression(&item, known, scope);
    if (!item.GetAlias().empty()) return {.names = {item.GetAlias()}};
    if (item.GetExpressionClass() == ExpressionClass::COLUMN_REF)
      return {.names = {item.Cast<duckdb::ColumnRefExpression>().column_names.back()}};
    return {.names = {""}, .duckdb_names = {StringUtil::Lower(item.GetName())}};
  }

  NamedColumns star(const std::string& relation, const NameScope& scope) {
    NamedColumns columns;
    name(relation);
    if (!relation.empty()) {
      const NamedRelation* found = scope.relation(relation);
      if (found == nullptr)
        refuse("\"" + shown(relation) + ".*\" is of no table of the same FROM", "name the columns in place of the `*`");
      return found != nullptr ? found->columns : unknown();
    }
    for (const NamedRelation& one : scope.relations) columns.add(one.columns);
    columns.reordered = columns.reordered || scope.reordered;
    return columns;
  }

  void expression(const ParsedExpression* one, const Known& known, const NameScope& scope) {
    if (one == nullptr) return;
    if (one->GetExpressionClass() == ExpressionClass::COLUMN_REF) {
      const auto& names = one->Cast<duckdb::ColumnRefExpression>().column_names;
      for (const std::string& part : names) name(part);
      if (is_bound_alike(names, scope)) return;
      refuse("what \"" + shown(names.back()) + "\" means is not the same for PostgreSQL and for DuckDB",
             "write the table or its alias before it (t." + shown(names.back()) +
                 "), and no name twice where it could be meant");
      return;
    }
    if (one->GetExpressionClass() == ExpressionClass::SUBQUERY) {
      const auto& sub = one->Cast<duckdb::SubqueryExpression>();
      const NamedColumns columns = query(*sub.subquery->node, known, &scope);
      if (sub.subquery_type != duckdb::SubqueryType::EXISTS) by_place(columns);
    }
    if (one->GetExpressionClass() == ExpressionClass::FUNCTION)
      imitated(StringUtil::Lower(one->Cast<duckdb::FunctionExpression>().function_name));
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        *one, [&](const ParsedExpression& child) { expression(&child, known, scope); });
  }

  // Of PostgreSQL's own functions DuckDB has some that give a constant, whatever the argument.
  void imitated(const std::string& function) {
    const bool own = (function.starts_with("pg_") && function != "pg_typeof") || function.starts_with("has_") ||
                     function.ends_with("_description") || function.starts_with("inet_");
    if (own) refuse(shown(function) + "(), which DuckDB only imitates", "do without it");
  }

  void table(const TableRef& ref, const Known& known, NameScope& scope) {
    const std::vector<std::string> aliases(ref.column_name_alias.begin(), ref.column_name_alias.end());
    name(ref.alias);
    NameScope beside;
    beside.relations = scope.relations;
    beside.outer = scope.outer;
    beside.sibling = true;
    switch (ref.type) {
      case duckdb::TableReferenceType::BASE_TABLE: {
        const auto& base = ref.Cast<duckdb::BaseTableRef>();
        NamedRelation relation = table_of(base, known);
        if (!ref.alias.empty()) relation = {"", ref.alias, std::move(relation.columns)};
        rename(relation.columns, aliases);
        return scope.relations.push_back(std::move(relation));
      }
      case duckdb::TableReferenceType::SUBQUERY: {
        NamedColumns columns = query(*ref.Cast<duckdb::SubqueryRef>().subquery->node, known, &beside);
        rename(columns, aliases);
        return scope.relations.push_back({"", ref.alias, std::move(columns)});
      }
      case duckdb::TableReferenceType::JOIN: return join(ref.Cast<duckdb::JoinRef>(), known, scope, std::move(beside));
      case duckdb::TableReferenceType::TABLE_FUNCTION: {
        const auto& call = ref.Cast<duckdb::TableFunctionRef>();
        beside.sibling = false;  // its arguments see what stands before it, without LATERAL
        expression(call.function.get(), known, beside);
        if (call.subquery) query(*call.subquery->node, known, &beside);
        return function(*call.function, ref.alias, aliases, scope);
      }
      case duckdb::TableReferenceType::EXPRESSION_LIST: {
        NamedColumns columns;
        for (const auto& row : ref.Cast<duckdb::ExpressionListRef>().values) {
          for (const auto& value : row) expression(value.get(), known, beside);
          for (std::size_t i = columns.names.size(); i < row.size(); ++i) {
            columns.names.push_back("column" + std::to_string(i + 1));
            columns.duckdb_names.insert("col" + std::to_string(i));
          }
        }
        rename(columns, aliases);
        return scope.relations.push_back({"", ref.alias, std::move(columns)});
      }
      case duckdb::TableReferenceType::EMPTY_FROM: return;
      default: return scope.relations.push_back({"", ref.alias, unknown()});
    }
  }

  // PostgreSQL calls the column of generate_series() and unnest() by the alias, DuckDB by the function.
  void function(const ParsedExpression& call, const std::string& alias, const std::vector<std::string>& aliases,
                NameScope& scope) {
    const std::string called = call.GetExpressionClass() == ExpressionClass::FUNCTION
                                   ? call.Cast<duckdb::FunctionExpression>().function_name
                                   : std::string();
    const std::string& own = alias.empty() ? called : alias;
    NamedColumns columns{{own}, {called}, called != "generate_series" && called != "unnest"};
    if (called == "json_each")
      columns = {{"key", "value"}, {"type", "atom", "id", "parent", "fullkey", "path", "json", "root"}};
    rename(columns, aliases);
    scope.relations.push_back({"", own, std::move(columns)});
  }

  void join(const duckdb::JoinRef& join, const Known& known, NameScope& scope, NameScope beside) {
    const bool foreign = join.type == duckdb::JoinType::SEMI || join.type == duckdb::JoinType::ANTI ||
                         join.ref_type == duckdb::JoinRefType::ASOF || join.ref_type == duckdb::JoinRefType::POSITIONAL;
    if (foreign)
      refuse("SEMI, ANTI, ASOF and POSITIONAL JOIN are names in PostgreSQL, and no kinds of a join",
             "write another join, or `exists (...)`");
    const std::size_t first = scope.relations.size();
    table(*join.left, known, scope);
    table(*join.right, known, scope);
    for (const std::string& column : join.using_columns) name(column);
    natural_ = natural_ || join.ref_type == duckdb::JoinRefType::NATURAL;
    scope.reordered = scope.reordered || !join.using_columns.empty() || join.ref_type == duckdb::JoinRefType::NATURAL;
    NameScope both;
    both.relations.assign(scope.relations.begin() + static_cast<std::ptrdiff_t>(first), scope.relations.end());
    both.outer = &beside;
    expression(join.condition.get(), known, both);
  }

  NamedRelation table_of(const duckdb::BaseTableRef& base, const Known& known) {
    name(base.table_name);
    name(base.schema_name);
    if (base.schema_name.empty()) {
      used_.insert(base.table_name);
      if (const auto cte = known.find(base.table_name); cte != known.end()) return {"", base.table_name, cte->second};
    }
    for (const Relation& relation : relations_) {
      if (relation.name != base.table_name || (!base.schema_name.empty() && relation.schema != base.schema_name))
        continue;
      NamedRelation found{relation.schema, relation.name, {}};
      for (const RelationColumn& column : relation.columns) found.columns.names.push_back(column.name);
      return found;
    }
    return {base.schema_name, base.table_name, unknown()};
  }

  const std::vector<Relation>& relations_;
  bool recursive_;
  bool natural_ = false;
  std::map<std::string, std::string> names_;  // by the lower case
  std::set<std::string> used_;                // tables named without a schema, by the WITH that is walked
  std::optional<Error> refused_name_;
  std::optional<Error> refusal_;
};

bool is_tagged(const Relation& relation) {
  return std::ranges::any_of(relation.columns, [](const RelationColumn& column) { return !column.pii.empty(); });
}

}  // namespace

std::string folded_names(const std::string& sql) { return SqlTokens(sql).folded(); }

Result<void> check_names_of_postgres(const std::string& sql, const Place& place,
                                     const std::vector<Relation>& relations) {
  try {
    const SqlTokens tokens(sql);
    duckdb::Parser parser;
    parser.ParseQuery(tokens.folded());
    Walk walk(relations, tokens.has_word("recursive"));
    walk.query(*parser.statements.at(0)->Cast<duckdb::SelectStatement>().node, {}, nullptr);
    walk.check_case();
    std::optional<Error> refusal = walk.refused_name();
    if (tokens.has_other_spaces())
      refusal = {Fault::config, "a space that is none for PostgreSQL, but a part of a name", "use plain spaces"};
    const bool tagged = std::ranges::any_of(relations, is_tagged);
    if (!refusal && tagged) refusal = walk.refusal();
    if (!refusal && tagged) refusal = tokens.read_otherwise();
    if (!refusal) return {};
    return fail(Fault::config, place.text() + ": where personal data goes cannot be followed: " + refusal->message,
                refusal->hint);
  } catch (const std::exception& error) {
    return planning_error(duckdb::ErrorData(error), sql, place);
  }
}

}  // namespace sluice::engine
