// Which values of a plan the plan itself ties to each other: where `r.x = p.ip` decides, whoever sees r.x sees p.ip.
//
// What is looked at: = and "is not distinct from", <, <=, > and >=, and functions of several columns (`r.x like p.ip`,
// `r.x - p.n = 0`), also under and, or, not, case, and where a projection, a mark join or a join's condition made the
// answer.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "sluice/engine/duck.hpp"

namespace sluice::engine {

using Binding = std::pair<duckdb::idx_t, duckdb::idx_t>;
inline Binding binding_key(const duckdb::ColumnBinding& binding) { return {binding.table_index, binding.column_index}; }

// min, first and the like: one of the values as it is.
bool keeps_a_value(const std::string& aggregate);
bool is_mark(const duckdb::LogicalJoin& join);
// What comes out has no partner, and so equals nothing.
bool is_anti(const duckdb::LogicalJoin& join);

enum class Tie {
  equal,
  below,   // the left is less than the right, or equal to it
  above,   // the other way round
  either,  // one of both
  mixed,   // left and right are one expression, and what it is made of may be anything to each other
};

// The column that a value is, but for casts and what is added to it; null: none, or the order is not that of the
// column.
const duckdb::Expression* stem_of(const duckdb::Expression& expression);

// Which answer of a condition lets a row through.
struct Passes {
  bool if_true = true;
  bool if_false = false;
};

// Points into the plan, which outlives it.
class Equalities {
 public:
  // `by` stands for the one comparison that says so.
  using Found =
      std::function<void(const duckdb::Expression& left, const duckdb::Expression& right, Tie tie, const void* by)>;

  // `column` is made of what the expression gives, in one of its rows.
  void computed(Binding column, const duckdb::Expression& from) { computed_[column].insert(&from); }
  // `column` is another's: of a CTE, of one side of a union.
  void copied(Binding column, const duckdb::ColumnBinding& from) { copied_[column].insert(binding_key(from)); }
  // `column` says whether a row of the other side fits.
  void marked(Binding column, const duckdb::LogicalComparisonJoin& join) { marks_[column] = &join; }

  // Each pair that is tied in rows that `predicate` lets through.
  void in_filter(const duckdb::Expression& predicate, Passes passes, const Found& found);
  void in_join(const duckdb::LogicalComparisonJoin& join, Passes passes, const Found& found);
  // What comes first in this order, or has a group for itself, may be what is nearest to something.
  void in_order(const duckdb::Expression& expression, const Found& found);

  // Which answers of a mark let rows through, as far as filters were looked at: of `not exists`, the false one.
  Passes asked_of(Binding mark) const;

  // The columns whose values make that of the expression, outside of masks, and those that they are taken from.
  std::set<Binding> columns_of(const duckdb::Expression& expression) const;
  // Of these, those that grow when the expression does.
  std::set<Binding> growing_with(const duckdb::Expression& expression) const;

 private:
  // Columns and what was asked of them: each once, since a chain of projections may name one column many times.
  using Seen = std::set<std::pair<Binding, std::pair<bool, bool>>>;
  void look(const duckdb::Expression& condition, Passes passes, Seen& seen, const Found& found);
  void look_at_children(const duckdb::Expression& condition, Seen& seen, const Found& found);
  void look_at_column(Binding column, Passes passes, Seen& seen, const Found& found);
  void look_at_join(const duckdb::LogicalComparisonJoin& join, Passes passes, Seen& seen, const Found& found);
  void compare(duckdb::ExpressionType type, const duckdb::Expression& left, const duckdb::Expression& right,
               const void* by, Passes passes, const Found& found) const;
  // Functions of several columns; sums and differences too, where `sums`.
  void look_for_mixed(const duckdb::Expression& expression, bool sums, std::set<Binding>& seen,
                      const Found& found) const;
  void gather(const duckdb::Expression& expression, std::set<Binding>& columns) const;
  void gather(Binding column, std::set<Binding>& columns) const;

  std::map<Binding, std::set<const duckdb::Expression*>> computed_;
  std::map<Binding, std::set<Binding>> copied_;
  std::map<Binding, const duckdb::LogicalComparisonJoin*> marks_;
  std::map<Binding, Passes> asked_;  // of marks
};

}  // namespace sluice::engine
