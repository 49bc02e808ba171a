// The correlated sub-queries that a walk stands in: the columns of the outer query that each is given, and which of
// these decide what rows it has. Whoever counts such rows, or sees one of them, sees something of the outer value.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "sluice/engine/duck.hpp"
#include "sluice/engine/equalities.hpp"
#include "sluice/engine/ways.hpp"

namespace sluice::engine {

class SubQueries {
 public:
  // Of the outer columns, in their order. What is handed on within the sub-query is forgotten by leave().
  void enter(std::vector<Ways> columns);
  // No more of what follows decides the rows of the innermost one. Gives what did.
  Ways end_of_rows();
  void leave();

  // An outer column as the innermost plan reads it. Which of several nested ones is meant stands in no binding, so
  // each column may be that of any of them. Empty: of none.
  std::optional<Ways> handed(const Binding& column, std::size_t number);
  // `column` is another of the plan, as it is.
  void copied(const Binding& column, const Binding& from);
  void copied(const Binding& column, const duckdb::Expression& from);
  // `column` is this one of each side.
  void united(const Binding& column, const duckdb::LogicalOperator& sides);
  // An outer column, which is the same throughout the sub-query: nothing is decided by grouping or joining on it.
  bool is_handed(const duckdb::Expression& expression) const { return number_of(expression).has_value(); }
  // The outer column's number.
  std::optional<std::size_t> number_of(const duckdb::Expression& expression) const;

  void decides(const Way& way);

 private:
  using Handed = std::map<Binding, std::size_t>;
  struct SubQuery {
    std::vector<Ways> columns;
    Ways deciding;
    bool has_rows = true;  // to be decided still
    Handed outside;
  };

  std::vector<SubQuery> open_;  // outermost first
  Handed handed_;
};

}  // namespace sluice::engine
