#include "sluice/engine/name_scopes.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "sluice/engine/duck.hpp"

namespace sluice::engine {
namespace {

// Of each table in DuckDB, and what it takes these for where no column has the name.
constexpr std::array<std::string_view, 12> words{
    "rowid",        "user",         "current_user", "session_user",   "current_role",    "current_schema",
    "current_date", "current_time", "localtime",    "localtimestamp", "current_catalog", "current_timestamp"};

bool is_open(const NameScope& scope) {
  return std::ranges::any_of(scope.relations, [](const NamedRelation& one) { return one.columns.may_have_others(); });
}

bool in_duckdb_alone(const std::string& name, const NameScope& scope) {
  const std::string lower = duckdb::StringUtil::Lower(name);
  return std::ranges::any_of(scope.relations,
                             [&](const NamedRelation& one) { return one.columns.duckdb_names.contains(lower); });
}

// What is beside a sub-query is seen by PostgreSQL behind LATERAL, or not at all: both are looked at.

// PostgreSQL takes the nearest column of that name, of whatever level, and only then a whole row.
bool is_alike(const std::string& name, const NameScope& scope) {
  bool doubt = std::ranges::find(words, std::string_view(duckdb::StringUtil::Lower(name))) != words.end();
  for (const NameScope* at = &scope; at != nullptr; at = at->outer) {
    if (at->has_column(name)) {
      if (!at->sibling) return !doubt || at == &scope;
      if (doubt) return false;
    }
    doubt = doubt || at->has_column(name) || at->aliases.contains(name) || at->relation(name) != nullptr ||
            is_open(*at) || in_duckdb_alone(name, *at);
  }
  doubt = false;
  for (const NameScope* at = &scope; at != nullptr; at = at->outer) {
    doubt = doubt || at->aliases.contains(name) || is_open(*at);
    if (at->relation(name) != nullptr && (doubt || !at->sibling)) return !doubt;
    doubt = doubt || at->has_column(name) || at->relation(name) != nullptr || in_duckdb_alone(name, *at);
  }
  return true;
}

bool has_struct(const std::string& name, const NameScope& scope) {
  return scope.has_column(name) || in_duckdb_alone(name, scope);
}

bool is_alike(const std::string& relation, const std::string& column, const NameScope& scope) {
  bool doubt = false;
  const NamedColumns* found = nullptr;  // without that name, and with columns that PostgreSQL calls by itself
  for (const NameScope* at = &scope; at != nullptr; at = at->outer) {
    const NamedRelation* here = at->relation(relation);
    if (found != nullptr && (here != nullptr || has_struct(relation, *at))) return false;
    if (found == nullptr && here != nullptr && (doubt || !at->sibling)) {
      if (doubt || here->columns.has(column)) return !doubt;
      if (!here->columns.may_have_others() || has_struct(relation, *at)) return false;
      found = &here->columns;
    }
    doubt = doubt || here != nullptr || has_struct(relation, *at);
  }
  return true;
}

bool is_alike(const std::string& schema, const std::string& table, const std::string& column, const NameScope& scope) {
  bool doubt = false;
  for (const NameScope* at = &scope; at != nullptr; at = at->outer) {
    doubt = doubt || at->relation(schema) != nullptr || has_struct(schema, *at);
    for (const NamedRelation& one : at->relations) {
      if (one.name != table || one.schema != schema) continue;
      if (!at->sibling) return !doubt && (one.columns.may_have_others() || one.columns.has(column));
      doubt = true;
    }
  }
  return !doubt;
}

}  // namespace

bool NamedColumns::has(const std::string& name) const { return std::ranges::find(names, name) != names.end(); }

void NamedColumns::tell_apart() {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (seen.insert(name).second) continue;
    for (std::size_t i = 1; i <= names.size(); ++i)
      duckdb_names.insert(duckdb::StringUtil::Lower(name) + "_" + std::to_string(i));
  }
}

void NamedColumns::rename(const std::vector<std::string>& aliases) {
  if (names.size() < aliases.size()) names.resize(aliases.size());
  std::ranges::copy(aliases, names.begin());
  const bool all_named = std::ranges::find(names, std::string()) == names.end();
  if (all_named && names.size() == aliases.size()) duckdb_names.clear();
}

void NamedColumns::add(const NamedColumns& more) {
  names.insert(names.end(), more.names.begin(), more.names.end());
  duckdb_names.insert(more.duckdb_names.begin(), more.duckdb_names.end());
  open = open || more.open;
  reordered = reordered || more.reordered;
}

bool NameScope::has_column(const std::string& name) const {
  return std::ranges::any_of(relations, [&](const NamedRelation& one) { return one.columns.has(name); });
}

const NamedRelation* NameScope::relation(const std::string& name) const {
  const auto found = std::ranges::find(relations, name, &NamedRelation::name);
  return found == relations.end() ? nullptr : &*found;
}

bool is_bound_alike(const std::vector<std::string>& name, const NameScope& scope) {
  if (name.size() == 1) return is_alike(name[0], scope);
  if (name.size() == 2) return is_alike(name[0], name[1], scope);
  return name.size() == 3 && is_alike(name[0], name[1], name[2], scope);
}

}  // namespace sluice::engine
