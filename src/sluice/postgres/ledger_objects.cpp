// Which table the objects are in that the ledger lists: a table that was made anew, and a flow that goes into another
// table, have them loaded again. A flow without a line in `target` loads into the table it loaded into before.
#include "sluice/core/log.hpp"
#include "sluice/core/words.hpp"
#include "sluice/postgres/ledger_tables.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

// Deletes what the ledger lists for the flows that `flows` gives, and says how many objects that were.
std::string forget_sql(const LedgerNames& names, const std::string& flows) {
  const auto gone = [&](std::string_view table) {
    return "(delete from " + names.of(table) + " where flow in (select id from flows) returning uri)";
  };
  return "with flows as (" + flows + "), objects as " + gone("object") + ", chunks as " + gone("chunk") +
         " select (select count(*) from objects) + (select count(*) from chunks)";
}

Result<bool> has_rows(Connection& connection, const Table& table) {
  if (!table.may_read) return true;  // nobody can tell
  const Reply found = connection.run("select 1 from " + quoted(table.name) + " limit 1");
  if (!found) return fail(connection.error(found.error(), "read table \"" + table.name.text() + "\""));
  return found->rows() > 0;
}

Error another_table(const Connection& connection, const LedgerNames& names, std::int64_t flow, const Target& target,
                    const std::string& before, const std::string& now) {
  const std::string where = " WHERE flow = " + std::to_string(flow);
  const auto forget = [&](std::string_view table) { return "DELETE FROM " + names.of(table) + where; };
  return {Fault::conflict,
          connection.where() + ": the objects of flow " + target.flow + " were appended to table \"" + before +
              "\"; now it names \"" + now + "\", which has rows already",
          "if it is that table under another name: UPDATE " + names.of("target") + " SET name = " + literal(now) +
              where + "; to load all objects into it: " + forget("object") + "; " + forget("chunk") + "; " +
              forget("target")};
}

}  // namespace

Result<std::uint64_t> forget_objects(Connection& connection, const LedgerNames& names, const Target& target,
                                     const TableName& table) {
  const Reply gone = connection.ask(
      forget_sql(names, "select id from " + names.of("flow") +
                            " where project = $1 and name = $2 union select flow from " + names.of("target") +
                            " where name = $3"),
      Parameters().text(presentable(target.project)).text(presentable(target.flow)).text(presentable(table.text())));
  if (!gone) return fail(connection.error(gone.error(), "forget the objects of a table that was made"));
  return static_cast<std::uint64_t>(gone->integer(0, 0));
}

Result<void> note_target(Connection& connection, const LedgerNames& names, std::int64_t flow, const Target& target,
                         const Table& table) {
  const std::string now = presentable(table.name.text());
  const auto wrong = [&connection](const Reply& reply) {
    return fail(connection.error(reply.error(), "note in the ledger where objects are loaded"));
  };
  const auto parameters = [&] { return Parameters().integer(flow).text(now); };
  const Reply found = connection.ask(
      "select t.name, exists (select from " + names.of("object") + " o where o.flow = t.flow) or exists (select from " +
          names.of("chunk") + " c where c.flow = t.flow) from " + names.of("target") + " t where t.flow = $1",
      Parameters().integer(flow));
  if (!found) return wrong(found);
  if (found->rows() == 0) {
    const Reply noted = connection.ask(
        "insert into " + names.of("target") + " (flow, name) values ($1::integer, $2) on conflict do nothing",
        parameters());
    if (!noted) return wrong(noted);
    return {};
  }
  const std::string before = found->text(0, 0);
  if (before == now) return {};
  if (target.mode == Mode::append && found->flag(0, 1)) {
    SLUICE_TRY(const bool filled, has_rows(connection, table));
    if (filled) return fail(another_table(connection, names, flow, target, before, now));
  }
  const Reply gone =
      connection.ask(forget_sql(names, "update " + names.of("target") +
                                           " set name = $2 where flow = $1::integer returning flow as id"),
                     parameters());
  if (!gone) return wrong(gone);
  log::info(
      "another table than before: all objects are loaded into it",
      {{"flow", target.flow}, {"table", now}, {"before", before}, {"objects", std::to_string(gone->integer(0, 0))}});
  return {};
}

}  // namespace sluice::postgres
