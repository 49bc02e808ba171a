// Looking at a table now and then: has anything moved since the last look?
//
// A cursor is a column that grows as rows are written: an id, the time of a change. It says where to look, not what is
// new: rows that were committed late, of equal cursor, without one, or changed in place are seen, too.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/settings.hpp"
#include "sluice/core/table_name.hpp"

namespace sluice {

struct WatchedTable {
  TableName table;
  std::string cursor;  // a column; empty: there is none, the whole table is looked at
  Place place{};       // in the project's file, for errors
};

// What a look saw. It means something to the database that gave it alone, and holds values of the cursor: never log it.
struct TableMark {
  bool there = false;     // whether there is such a table
  std::string signature;  // of the rows from `from` on, and of those without a cursor
  // No row whose cursor is less will be committed any more; empty: not known yet, all rows are looked at.
  std::optional<std::string> from{};
  // Becomes `from` when the transactions that were open when it was read have ended.
  std::optional<std::string> next{};
  std::vector<std::string> open{};
};

struct TableLook {
  bool moved = false;  // since the mark before; always without one
  TableMark mark;
};

// What has been read of a table by all runs together, for the next one; the database that wrote it understands it. It
// holds values of the cursor: never log it. Of two marks of one table whose `from` is equal, either may be kept.
using ReadMark = std::map<std::string, std::string>;

// The rows that no run before has read.
struct NewRows {
  std::string sql;  // one SELECT
  ReadMark mark;    // unfinished: Database::mark_after() completes it
};

}  // namespace sluice
