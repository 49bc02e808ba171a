#include "sluice/local/duckdb_watch.hpp"

#include <strings.h>

#include <algorithm>

#include "sluice/core/words.hpp"
#include "sluice/local/duckdb_snapshot.hpp"

namespace sluice::local {

Result<TableLook> look_at(DuckConnection* connection, const WatchedTable& table, const TableMark* before) {
  std::optional<RelationShape> shape;
  if (connection != nullptr) {
    SLUICE_TRY(shape, duckdb_shape(*connection, table.table));
  }
  TableLook out;
  if (shape) {
    const auto is_cursor = [&](const Field& field) {
      return strcasecmp(field.name.c_str(), table.cursor.c_str()) == 0;
    };
    if (!table.cursor.empty() && std::ranges::none_of(shape->columns, is_cursor)) {
      std::vector<std::string> names;
      for (const Field& field : shape->columns) names.push_back(field.name);
      return fail(Fault::config,
                  table.place.text() + ": table " + table.table.text() + " has no column '" + table.cursor + "'",
                  did_you_mean(table.cursor, names));
    }
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

}  // namespace sluice::local
