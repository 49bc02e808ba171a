// What stands in the list of a SELECT, column by column: read from DuckDB's parser, for who has to prove that one
// column of the output belongs to another.
//
// It tells what is written there and nothing else: of what comes out of a sub-query, a WITH or a `*` there is no
// expression, so whoever looks for one finds none.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"

namespace sluice::engine {

// As DuckDB writes it. A cast to text around it is left out, and so are blanks, comments and needless brackets.
struct SelectText {
  std::string text;
  std::string column;  // where it is the name of a column and nothing else, without a relation: that name
};

struct SelectItem {
  std::string name;  // of the output's column
  SelectText value;
  // Whether the same text elsewhere in the list has the same value in each row. Only what is known to: false for any
  // function that may give something else the next time, as uuid() does.
  bool fixed = false;
  std::string function;  // where it is a call and nothing else: its name, in lower case
  std::vector<SelectText> arguments;
};

struct SelectList {
  std::vector<SelectItem> items;             // also those of `* replace`; empty: not one plain SELECT, as of a UNION
  std::vector<std::set<std::string>> stars;  // a `*` each: in lower case what it excludes, replaces or renames
  std::map<std::string, std::size_t>
      calls;  // of functions, in lower case: how often, wherever they stand; in WITH each counts more than once

  // Null where there is none, or more than one.
  const SelectItem* find(const std::string& name) const;
  // Whether a `*` gives the column `name` as the relation behind FROM has it, if that has it. Of a join none is
  // known to.
  bool passes(const std::string& name) const;
  std::size_t calls_of(const std::string& function) const;
};

// Errors (config): no SQL that DuckDB's parser knows, or not exactly one SELECT.
Result<SelectList> select_list_of(const std::string& sql, const Place& place);

}  // namespace sluice::engine
