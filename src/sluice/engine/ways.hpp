// The ways tagged values took to one place of a plan, and how they grow by a step. Used by the walk over the plan
// and by its look at expressions.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "sluice/engine/lineage.hpp"

namespace sluice::engine {

// A column of a relation, tagged or not.
struct Source {
  std::string name;  // as Lineage tells it
  std::string pii;
};

struct Way {
  const Source* source = nullptr;
  Passage passage = Passage::clear;
  std::string by;         // of a mask or reveal
  bool unchanged = true;  // the value is still the column's own
  std::string path;       // up to here
  std::string last;       // what the value is called here
  bool named = true;      // whether `path` ends in that name
  bool equal = false;     // the value is not from there, but equal to what is
  bool guessed = false;   // of a table function that may read anything: not enough to tag what equals it
};
// At most one for each source, passage and `by`: the first one found is told.
using Ways = std::vector<Way>;

// True if `into` says more than before.
bool add(Ways& into, const Ways& more);

// Both begin at the same columns.
bool same_sources(const Ways& left, const Ways& right);
// Whether a tagged value may be here without a mask.
bool tagged_in_clear(const Ways& ways);
// Of these, those in clear that are no guess: the ways to another value, called `name`, that equals this one.
Ways equated(const Ways& ways, const std::string& name);

// Of these, those in clear that are no guess: the ways to another value that tells enough of this one.
Ways tied(Ways ways);

// The value becomes what `text` says, not yet under a name.
Ways stepped(Ways ways, const std::string& text);
// The value gets a name; nothing is told where it has that name already.
Ways called(Ways ways, const std::string& name);

// All columns a SELECT may read. Ways point at its sources, which stay where they are.
class Sources {
 public:
  explicit Sources(const std::vector<Relation>& relations);  // they outlive this

  // The way that begins at a column of one of the relations.
  Ways from(const RelationColumn& column) const;
  // Every tagged column: `what` cannot be followed, and may hold any of them.
  Ways everything(const std::string& what) const;
  // A table function of which nobody knows what it reads: tagged, also where no column is.
  Ways unknown_function(const std::string& function);

 private:
  std::deque<Source> sources_;
  std::map<const RelationColumn*, const Source*> by_column_;
};

// A name as it may be shown: DuckDB calls a column without alias by its expression, with all literals in it.
std::string shown(const std::string& name);

}  // namespace sluice::engine
