// Which table the objects are in that the ledger lists: a table that was made anew, and a flow that goes into another
// table, have them loaded again. A flow without a line in `target` loads into the table it loaded into before.
#include "sluice/core/log.hpp"
#include "sluice/core/words.hpp"
#include "sluice/local/duckdb_ledger.hpp"

namespace sluice::local {
namespace {

constexpr const char* place = "ledger";

Result<std::int64_t> forget(DuckConnection& connection, const std::string& schema, const std::string& flows,
                            const std::vector<Parameter>& parameters) {
  std::int64_t gone = 0;
  for (const char* table : {"object", "chunk"}) {
    SLUICE_TRY(DuckRows rows,
               connection.ask("DELETE FROM " + quoted(TableName{schema, table}) + " WHERE flow IN (" + flows + ")",
                              parameters, place));
    gone += static_cast<std::int64_t>(rows.changed());
  }
  return gone;
}

Result<bool> any(DuckConnection& connection, const std::string& rows, const std::vector<Parameter>& parameters) {
  SLUICE_TRY(DuckRows found, connection.ask("SELECT 1::BIGINT FROM " + rows + " LIMIT 1", parameters, place));
  return found.next();
}

Result<void> move_on(DuckConnection& connection, const std::string& schema, std::int32_t flow, const Target& target,
                     const std::string& before, const std::string& now) {
  SLUICE_CHECK(connection.run("BEGIN", place));
  SLUICE_TRY(const std::int64_t gone, forget(connection, schema, "$1", {std::int64_t{flow}}));
  SLUICE_CHECK(connection.ask("UPDATE " + quoted(TableName{schema, "target"}) + " SET name = $2 WHERE flow = $1",
                              {std::int64_t{flow}, now}, place));
  SLUICE_CHECK(connection.run("COMMIT", place));
  log::info("another table than before: all objects are loaded into it",
            {{"flow", target.flow}, {"table", now}, {"before", before}, {"objects", std::to_string(gone)}});
  return {};
}

}  // namespace

std::string literal(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

Result<std::int64_t> forget_objects(DuckConnection& connection, const std::string& schema, const Target& target,
                                    const TableName& table) {
  return forget(connection, schema,
                "SELECT id FROM " + quoted(TableName{schema, "flow"}) +
                    " WHERE project = $1 AND name = $2 UNION SELECT flow FROM " + quoted(TableName{schema, "target"}) +
                    " WHERE name = $3",
                {target.project, target.flow, table.text()});
}

Result<void> note_target(DuckConnection& connection, const std::string& schema, std::int32_t flow, const Target& target,
                         const TableName& table) {
  const std::string targets = quoted(TableName{schema, "target"});
  const std::string now = table.text();
  std::string before;
  {
    SLUICE_TRY(DuckRows rows,
               connection.ask("SELECT name FROM " + targets + " WHERE flow = $1", {std::int64_t{flow}}, place));
    if (rows.next()) before = rows.text(0);
  }
  if (before == now) return {};
  if (before.empty()) {
    SLUICE_CHECK(connection.ask("INSERT INTO " + targets + " VALUES ($1, $2)", {std::int64_t{flow}, now}, place));
    return {};
  }
  const std::string where = " WHERE flow = " + std::to_string(flow);
  if (target.mode == Mode::append) {
    const auto listed = [&](const char* name) { return any(connection, quoted(TableName{schema, name}) + where, {}); };
    SLUICE_TRY(const bool objects, listed("object"));
    SLUICE_TRY(const bool chunks, listed("chunk"));
    SLUICE_TRY(const bool filled, any(connection, quoted(table), {}));
    if ((objects || chunks) && filled) {
      const auto forgotten = [&](const char* name) { return "DELETE FROM " + quoted(TableName{schema, name}) + where; };
      return fail(Fault::conflict,
                  "the objects of flow " + target.flow + " were appended to table " + before + "; now it names " + now +
                      ", which has rows already",
                  "if it is that table under another name: UPDATE " + targets + " SET name = " + literal(now) + where +
                      "; to load all objects into it: " + forgotten("object") + "; " + forgotten("chunk") + "; " +
                      forgotten("target"));
    }
  }
  Result<void> moved = move_on(connection, schema, flow, target, before, now);
  if (!moved) connection.rollback();
  return moved;
}

}  // namespace sluice::local
