// The names that one level of a query sees, by PostgreSQL's rules, beside what DuckDB would see there as well.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace sluice::engine {

// What a SELECT, a table or a function in FROM calls its columns.
struct NamedColumns {
  std::vector<std::string> names{};      // empty: one that PostgreSQL calls by itself
  std::set<std::string> duckdb_names{};  // that DuckDB alone has, in lower case
  bool open = false;                     // there may be others
  bool reordered = false;                // `*` behind USING: PostgreSQL has another order

  bool has(const std::string& name) const;
  bool may_have_others() const { return open || has(""); }
  // Of two with one name DuckDB calls the second by another.
  void tell_apart();
  // By a list of names behind an alias: the first of them.
  void rename(const std::vector<std::string>& aliases);
  void add(const NamedColumns& more);
};

struct NamedRelation {
  std::string schema;  // of a table
  std::string name;
  NamedColumns columns;
};

struct NameScope {
  std::vector<NamedRelation> relations{};
  std::set<std::string> aliases{};  // that its SELECT gives
  bool sibling = false;             // beside a sub-query in FROM: PostgreSQL sees it behind LATERAL alone
  bool reordered = false;           // USING or NATURAL
  const NameScope* outer = nullptr;

  bool has_column(const std::string& name) const;
  const NamedRelation* relation(const std::string& name) const;
};

// Whether both bind it to the same, or PostgreSQL to nothing at all.
bool is_bound_alike(const std::vector<std::string>& name, const NameScope& scope);

}  // namespace sluice::engine
