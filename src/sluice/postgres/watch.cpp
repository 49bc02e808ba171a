#include "sluice/postgres/watch.hpp"

#include <algorithm>

#include "sluice/core/words.hpp"
#include "sluice/postgres/database.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

// Every transaction holds a lock on its virtual id from its first statement on, and on its real one from its first
// write on; a prepared one has the latter alone, and no process. Those of other databases cannot write to our table.
constexpr const char* open_sql = R"(
select distinct coalesce(l.virtualxid, l.transactionid::text)
from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype in ('virtualxid', 'transactionid') and l.mode = 'ExclusiveLock' and l.granted
  and l.pid is distinct from pg_catalog.pg_backend_pid()
  and (a.datname is null or a.datname = pg_catalog.current_database())
order by 1)";

Error not_looked_at(const Connection& connection, const ServerError& error, const Table& table) {
  return connection.error(error, "look at table \"" + table.name.text() + "\"");
}

// A mark in the future would hide what is written until then.
std::string not_in_the_future(const Column& cursor) {
  switch (cursor.type) {
    case date_type: return " and " + quoted(cursor.name) + " <= current_date";
    case timestamp_type: return " and " + quoted(cursor.name) + " <= localtimestamp";
    case timestamptz_type: return " and " + quoted(cursor.name) + " <= now()";
    default: return {};
  }
}

// Rows as a whole, whatever their order. Of server 10, which has no such hash, by half of an MD5.
std::string signature_sql(const Connection& connection, const std::string& filter) {
  const std::string row = "(sluice_row.*)::text";
  const std::string digest = connection.server_version() >= 110000
                                 ? "pg_catalog.hashtextextended(" + row + " collate \"C\", 0)"
                                 : "('x' || pg_catalog.substr(pg_catalog.md5(" + row + "), 1, 16))::bit(64)::bigint";
  return "count(*)" + filter + " || ' ' || coalesce(sum(" + digest + ")" + filter + ", 0)";
}

Result<TableLook> look_in_transaction(Connection& connection, const Table& table, const Column* cursor,
                                      const TableMark* before) {
  TableLook out;
  out.mark.there = true;
  const std::optional<std::string> from = before != nullptr ? before->from : std::nullopt;
  out.mark.from = from;
  if (cursor != nullptr) {
    SLUICE_TRY(CursorEnd end, read_cursor_end(connection, table, *cursor));
    const bool waits = before != nullptr && before->next.has_value();
    if (waits && (end.on_standby || any_open(before->open, end.open))) {
      out.mark.next = before->next;
      out.mark.open = before->open;
    } else {
      if (waits) out.mark.from = before->next;
      if (!end.on_standby) out.mark.next = std::move(end.greatest);
      out.mark.open = std::move(end.open);
    }
  }
  // Compared with what was seen from the same place on; kept for the place that the next look begins at.
  const std::string again = rows_from(cursor, from);
  const Reply seen =
      connection.run("select " + signature_sql(connection, "") + ", " +
                     signature_sql(connection, " filter (where " + rows_from(cursor, out.mark.from) + ")") + " from " +
                     quoted(table.name) + " as sluice_row where " + again);
  if (!seen) return fail(not_looked_at(connection, seen.error(), table));
  out.mark.signature = seen->text(0, 1);
  out.moved = before == nullptr || !before->there || seen->text(0, 0) != before->signature;
  return out;
}

}  // namespace

std::string rows_from(const Column* cursor, const std::optional<std::string>& from) {
  if (cursor == nullptr || !from) return "true";
  const std::string name = quoted(cursor->name);
  return "(" + name + " >= " + literal(*from) + "::" + cursor->type_name + " or " + name + " is null)";
}

Result<const Column*> cursor_of(const Connection& connection, const Table& table, const WatchedTable& watched) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) {
    if (column.name == watched.cursor) return &column;
    names.push_back(column.name);
  }
  return fail(Fault::config,
              watched.place.text() + ": " + connection.where() + ": table \"" + table.name.text() +
                  "\" has no column '" + watched.cursor + "'",
              did_you_mean(watched.cursor, names));
}

Result<void> begin_look(Connection& connection) {
  const Reply begun = connection.run(
      "begin isolation level read committed, read only; set local standard_conforming_strings = on; set local "
      "datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local timezone = 'UTC'; set local "
      "extra_float_digits = 3; set local bytea_output = 'hex'");
  if (!begun) return fail(connection.error(begun.error(), "begin to look"));
  return {};
}

Result<CursorEnd> read_cursor_end(Connection& connection, const Table& table, const Column& cursor) {
  CursorEnd end;
  const std::string name = quoted(cursor.name);
  // Ordered by the table's column: the bare name would be that of the text.
  const Reply greatest =
      connection.run("select " + name + "::text from " + quoted(table.name) + " as sluice_row where " + name +
                     " is not null" + not_in_the_future(cursor) + " order by sluice_row." + name + " desc limit 1");
  if (!greatest) return fail(not_looked_at(connection, greatest.error(), table));
  if (greatest->rows() > 0) end.greatest = greatest->text(0, 0);
  const Reply open = connection.run(open_sql);
  if (!open) return fail(connection.error(open.error(), "look at open transactions"));
  for (std::size_t row = 0; row < open->rows(); ++row) end.open.push_back(open->text(row, 0));
  const Reply standby = connection.run("select pg_catalog.pg_is_in_recovery()");
  if (!standby) return fail(connection.error(standby.error(), "ask whether the server is a standby"));
  end.on_standby = standby->flag(0, 0);
  return end;
}

bool any_open(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  return std::ranges::any_of(before, [&](const std::string& one) { return std::ranges::find(now, one) != now.end(); });
}

Result<TableLook> TableDatabase::look(const WatchedTable& watched, const TableMark* before) {
  SLUICE_TRY(Connection * connection, session_.connection());
  SLUICE_TRY(const std::optional<Table> table, describe(*connection, watched.table));
  if (!table) return TableLook{before == nullptr || before->there, {}};
  const Column* cursor = nullptr;
  if (!watched.cursor.empty()) {
    SLUICE_TRY(cursor, cursor_of(*connection, *table, watched));
  }
  SLUICE_CHECK(begin_look(*connection));
  const bool comparable = before != nullptr && before->there;
  Result<TableLook> seen = look_in_transaction(*connection, *table, cursor, comparable ? before : nullptr);
  if (connection->alive()) static_cast<void>(connection->run("rollback"));
  return seen;
}

}  // namespace sluice::postgres
