// What a look at a table asks the server.
//
// The order of the questions is what makes it safe: first the greatest cursor, then the open transactions, then the
// rows. A transaction that took a smaller cursor began before the first answer: so it stands among the open ones, or
// has ended and its rows are seen by the third. This holds for a cursor that a transaction takes after it has begun: a
// sequence's next value (without CACHE), now(), current_date.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/core/watch.hpp"
#include "sluice/postgres/catalogue.hpp"

namespace sluice::postgres {

struct CursorEnd {
  std::optional<std::string> greatest;  // as text; of dates and times the greatest that is not in the future
  bool on_standby = false;              // where nobody can tell which transactions are open
  std::vector<std::string> open;        // transactions, with or without an id; never our own
};

// The column of the table; an error (config) where it has none of that name.
Result<const Column*> cursor_of(const Connection& connection, const Table& table, const WatchedTable& watched);
// After begin_look().
Result<CursorEnd> read_cursor_end(Connection& connection, const Table& table, const Column& cursor);
// READ COMMITTED, read-only, values as text in one form whatever the server's settings are.
Result<void> begin_look(Connection& connection);

// A condition: rows from this cursor on, and those without one.
std::string rows_from(const Column* cursor, const std::optional<std::string>& from);
// Whether one of `before` is still open.
bool any_open(const std::vector<std::string>& before, const std::vector<std::string>& now);

}  // namespace sluice::postgres
