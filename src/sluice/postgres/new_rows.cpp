// The rows of a table that no run before has read, each exactly once: by the transaction that wrote them.
//
// A run reads the rows whose transaction's id lies between the last run's fence and its own, which is the oldest id
// that is still at work: of all below it, savepoints' too, it is settled whether they were committed. A list of the
// open transactions would not do, since it leaves out the ids of their savepoints. What was committed above the fence
// comes with a later run.
//
// The mark's texts: `table`, `cursor`, `xmin` (the fence); `from`: no row above the fence has a smaller cursor; `next`:
// what becomes of `from` when the transactions `open` have ended and the fence has passed `sealed`, the next id to be
// given out when they were found to have ended.
#include <charconv>

#include "sluice/postgres/database.hpp"
#include "sluice/postgres/sql.hpp"
#include "sluice/postgres/watch.hpp"

namespace sluice::postgres {
namespace {

constexpr const char* start_anew = "take the manifest away, or give another prefix, to start anew with all rows";
// An id in a row has 32 bits: it is told from one 2^32 transactions older by being near.
constexpr std::int64_t ids_most = std::int64_t{1} << 31;

std::string text_of(const ReadMark& mark, const std::string& key) {
  const auto found = mark.find(key);
  return found == mark.end() ? "" : found->second;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Rows since `fence` (0: all), up to the fence of the snapshot. Subqueries, so that the snapshot is asked once and not
// for each row. Ids below 3 are those of rows frozen by servers before 9.4.
std::string window(std::int64_t fence) {
  const std::string written =
      "(select txid_snapshot_xmax(txid_current_snapshot())) - (((select txid_snapshot_xmax(txid_current_snapshot())) - "
      "xmin::text::bigint) & 4294967295)";
  const std::string settled = written + " < (select txid_snapshot_xmin(txid_current_snapshot()))";
  if (fence == 0) return "(xmin::text::bigint < 3 or " + settled + ")";
  return "xmin::text::bigint >= 3 and " + written + " >= " + std::to_string(fence) + " and " + settled;
}

Result<std::string> history_of(Connection& connection, const Table& table) {
  const Reply found =
      connection.run("select oid::text from pg_catalog.pg_database where datname = pg_catalog.current_database()");
  if (!found || found->rows() == 0) return fail(Fault::failed, connection.where() + ": the database has no number");
  return found->text(0, 0) + "/" + std::to_string(table.id);
}

}  // namespace

Result<NewRows> TableDatabase::new_rows(const WatchedTable& watched, const ReadMark& since) {
  SLUICE_TRY(Connection * connection, session_.connection());
  SLUICE_TRY(const std::optional<Table> table, describe(*connection, watched.table));
  const std::string place = watched.place.text() + ": " + connection->where() + ": ";
  if (!table) {
    return fail(Fault::conflict, place + "there is no table \"" + watched.table.text() + "\"",
                "make it, or correct the name");
  }
  if (table->kind != 'r' && table->kind != 'p') {
    return fail(Fault::config, place + "\"" + table->name.text() + "\" is no table of this server",
                "rows of a view do not tell when they were written: leave `incremental` out");
  }
  const Column* cursor = nullptr;
  if (!watched.cursor.empty()) {
    SLUICE_TRY(cursor, cursor_of(*connection, *table, watched));
  }
  NewRows out;
  SLUICE_TRY(out.mark["table"], history_of(*connection, *table));
  out.mark["cursor"] = watched.cursor;
  std::int64_t fence = 0;
  if (!since.empty()) {
    if (text_of(since, "table") != out.mark["table"] || text_of(since, "cursor") != watched.cursor) {
      return fail(Fault::conflict, place + "the manifest goes on from another table or another cursor", start_anew);
    }
    const auto number = number_of(text_of(since, "xmin"));
    if (!number || *number < 3)
      return fail(Fault::conflict, place + "the manifest's mark is none of PostgreSQL", start_anew);
    fence = *number;
    out.mark["xmin"] = text_of(since, "xmin");
  }
  std::optional<std::string> from;
  if (const auto known = since.find("from"); known != since.end()) from = out.mark["from"] = known->second;
  if (cursor != nullptr) {
    SLUICE_CHECK(begin_look(*connection));
    const Result<CursorEnd> end = read_cursor_end(*connection, *table, *cursor);
    if (connection->alive()) static_cast<void>(connection->run("rollback"));
    if (!end) return fail(end.error());
    if (since.contains("next")) {
      out.mark["next"] = text_of(since, "next");
      out.mark["open"] = text_of(since, "open");
      if (since.contains("sealed")) {
        out.mark["sealed"] = text_of(since, "sealed");
      } else if (!end->on_standby && !any_open(words_of(text_of(since, "open")), end->open)) {
        out.mark["sealed"] = "now";
      }
    } else if (end->greatest && !end->on_standby) {
      out.mark["next"] = *end->greatest;
      out.mark["open"] = joined(end->open);
    }
  }
  out.sql = "select * from " + quoted(table->name) + " where " + rows_from(cursor, from) + " and " + window(fence);
  return out;
}

Result<ReadMark> TableDatabase::mark_after(const NewRows& rows, const Snapshot& snapshot) {
  const std::string name = snapshot.name();  // xmin:xmax:...
  const std::size_t colon = name.find(':');
  const std::size_t second = name.find(':', colon + 1);
  const auto fence = number_of(name.substr(0, colon));
  const auto after = second == std::string::npos ? std::nullopt : number_of(name.substr(colon + 1, second - colon - 1));
  if (!fence || !after) return fail(Fault::failed, "the server's snapshot has no name");
  ReadMark mark = rows.mark;
  if (const auto before = number_of(text_of(mark, "xmin"));
      before && (*before > *fence || *fence - *before >= ids_most)) {
    return fail(Fault::conflict,
                *before > *fence ? "the manifest goes on from a later state of the server, which was restored since"
                                 : "the manifest is more than two thousand million transactions old",
                start_anew);
  }
  mark["xmin"] = std::to_string(*fence);
  if (text_of(mark, "sealed") == "now") mark["sealed"] = std::to_string(*after);
  if (const auto sealed = number_of(text_of(mark, "sealed")); sealed && *fence >= *sealed) {
    mark["from"] = mark["next"];
    for (const char* done : {"next", "open", "sealed"}) mark.erase(done);
  }
  return mark;
}

Finding TableDatabase::probe_cursor(const WatchedTable& watched) {
  const auto bad = [](const Error& error) { return Finding{Finding::Level::bad, error.message, error.hint}; };
  const Result<Connection*> connection = session_.connection();
  if (!connection) return bad(connection.error());
  const auto table = describe(**connection, watched.table);
  if (!table) return bad(table.error());
  if (!*table) return {Finding::Level::bad, "there is no table \"" + watched.table.text() + "\"", "make it"};
  const auto cursor = cursor_of(**connection, **table, watched);
  if (!cursor) return bad(cursor.error());
  const std::string what = "cursor \"" + (*table)->name.text() + "\"." + watched.cursor;
  const bool timed =
      (*cursor)->type == date_type || (*cursor)->type == timestamp_type || (*cursor)->type == timestamptz_type;
  if (timed) {
    // A day more, for clocks of other zones.
    const Reply found = (*connection)
                            ->run("select exists (select 1 from " + quoted((*table)->name) + " where " +
                                  quoted((*cursor)->name) + " > now() + interval '1 day')");
    if (!found) return bad((*connection)->error(found.error(), "look at " + what));
    if (found->flag(0, 0)) {
      return {Finding::Level::warning, what + " holds values in the future",
              "a cursor grows as rows are written: take an id, or the time of the last change"};
    }
  }
  return {Finding::Level::good, what + " is a column without values in the future"};
}

}  // namespace sluice::postgres
