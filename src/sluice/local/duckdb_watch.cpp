#include "sluice/local/duckdb_watch.hpp"

#include <strings.h>

#include <algorithm>

#include "sluice/core/words.hpp"
#include "sluice/local/duckdb_snapshot.hpp"

namespace sluice::local {

namespace {

Result<Field> cursor_of(const RelationShape& shape, const WatchedTable& table) {
  std::vector<std::string> names;
  for (const Field& field : shape.columns) {
    if (strcasecmp(field.name.c_str(), table.cursor.c_str()) == 0) return field;
    names.push_back(field.name);
  }
  return fail(Fault::config,
              table.place.text() + ": table " + table.table.text() + " has no column '" + table.cursor + "'",
              did_you_mean(table.cursor, names));
}

}  // namespace

Result<TableLook> look_at(DuckConnection* connection, const WatchedTable& table, const TableMark* before) {
  std::optional<RelationShape> shape;
  if (connection != nullptr) {
    SLUICE_TRY(shape, duckdb_shape(*connection, table.table));
  }
  TableLook out;
  if (shape) {
    if (!table.cursor.empty()) SLUICE_CHECK(cursor_of(*shape, table));
    SLUICE_TRY(DuckRows rows, connection->ask("SELECT count(*) || ' ' || coalesce(sum(hash(sluice_row)), 0) FROM " +
                                                  quoted(shape->name) + " AS sluice_row",
                                              {}, "look at table " + table.table.text()));
    rows.next();
    out.mark.there = true;
    out.mark.signature = rows.text(0);
  }
  out.moved = before == nullptr || before->there != out.mark.there || before->signature != out.mark.signature;
  return out;
}

Finding probe_cursor(DuckConnection& connection, const WatchedTable& table) {
  const auto bad = [](const Error& error) { return Finding{Finding::Level::bad, error.message, error.hint}; };
  const auto shape = duckdb_shape(connection, table.table);
  if (!shape) return bad(shape.error());
  if (!*shape) return {Finding::Level::bad, "there is no table " + table.table.text(), "make it"};
  const auto cursor = cursor_of(**shape, table);
  if (!cursor) return bad(cursor.error());
  const std::string what = "cursor " + table.table.text() + "." + table.cursor;
  const bool timed = cursor->type.kind == Kind::date || cursor->type.kind == Kind::timestamp ||
                     cursor->type.kind == Kind::timestamp_tz;
  if (timed) {
    auto rows = connection.ask("SELECT count(*) FROM " + quoted((*shape)->name) + " WHERE " + quoted(cursor->name) +
                                   " > current_timestamp + INTERVAL 1 DAY",
                               {}, "look at " + what);
    if (!rows) return bad(rows.error());
    if (rows->next() && rows->integer(0) > 0)
      return {Finding::Level::warning, what + " holds values in the future",
              "a cursor grows as rows are written: take an id, or the time of the last change"};
  }
  return {Finding::Level::good, what + " is a column without values in the future"};
}

}  // namespace sluice::local
