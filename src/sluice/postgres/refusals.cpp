#include "sluice/postgres/refusals.hpp"

#include <algorithm>
#include <span>

#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

// The constraint that the server has named comes first. Of a partitioned table the server names the partition.
constexpr const char* referring_sql = R"(
with recursive own(id) as (
  select pg_catalog.to_regclass($1)::oid
  union select i.inhrelid from pg_catalog.pg_inherits i join own on i.inhparent = own.id
)
select n.nspname || '.' || c.relname, k.conname
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f' and k.confrelid = pg_catalog.to_regclass($1) and k.conrelid <> k.confrelid
  and k.confdeltype in ('a', 'r') and not exists (select from own where own.id = pg_catalog.to_regclass($3))
order by k.conname = $2 desc, 1, 2
limit 1)";

// What reading and planning a statement has locked, and no view of it stands for.
constexpr const char* unreadable_sql = R"(
with locked as (
  select distinct l.relation as id
  from pg_catalog.pg_locks l
  where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.granted
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
)
select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
from locked
join pg_catalog.pg_class c on c.oid = locked.id
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and not pg_catalog.has_table_privilege(c.oid, 'SELECT')
  and not exists (
    select from pg_catalog.pg_rewrite w
    join pg_catalog.pg_depend d on d.objid = w.oid and d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    where w.ev_class in (select id from locked) and w.ev_class <> c.oid and d.refobjid = c.oid
  )
order by 1)";

enum class Ran { well, refused, otherwise };

// The names that a SELECT gives; empty: the server cannot read it.
std::vector<std::string> names_of_columns(Connection& connection, const std::string& select) {
  std::vector<std::string> names;
  const Reply described = connection.describe(select);
  for (std::size_t i = 0; described && i < described->columns(); ++i) names.push_back(described->name(i));
  return names;
}

// What is not counted is not computed.
Ran count(Connection& connection, std::span<const std::string> columns, const std::string& select) {
  std::string list;
  for (const std::string& column : columns)
    list += (list.empty() ? "pg_catalog.count(q." : ", pg_catalog.count(q.") + quoted(column) + ")";
  const Reply counted =
      connection.ask("select " + (list.empty() ? "pg_catalog.count(*)" : list) + " from (\n" + select + "\n) as q", {});
  if (counted) return Ran::well;
  const bool refused = is_about_a_row(counted.error());
  return connection.run("rollback to savepoint sluice_column") && refused ? Ran::refused : Ran::otherwise;
}

}  // namespace

bool is_referred_to(const ServerError& error) { return error.is("23503") || error.is("23001"); }

std::string referring_table(Connection& connection, const std::string& target, const ServerError& refused) {
  if (connection.in_transaction() && !connection.run("rollback")) return {};
  Parameters parameters;
  parameters.text(target).text(refused.constraint);
  if (refused.table.empty()) {
    parameters.null();
  } else {
    parameters.text(quoted(TableName{refused.schema, refused.table}));
  }
  const Reply found = connection.ask(referring_sql, parameters);
  if (!found || found->rows() == 0) return {};
  return found->text(0, 0) + ", by its foreign key " + found->text(0, 1);
}

std::vector<std::string> unreadable_tables(Connection& connection, const std::string& select) {
  std::vector<std::string> names;
  if (!connection.describe(select)) return names;
  const Reply found = connection.ask(unreadable_sql, {});
  for (std::size_t row = 0; found && row < found->rows(); ++row) names.push_back(found->text(row, 0));
  return names;
}

Result<bool> may_make_temporary(Connection& connection) {
  const Reply may =
      connection.ask("select pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')", {});
  if (!may) return fail(connection.error(may.error(), "look up rights on the database"));
  return may->flag(0, 0);
}

std::string temporary_grant(const Connection& connection) {
  return "GRANT TEMPORARY ON DATABASE " + quoted(connection.database()) + " TO " + quoted(connection.user());
}

std::vector<std::string> columns_given_twice(Connection& connection, const std::string& select) {
  std::vector<std::string> twice;
  std::vector<std::string> seen;
  for (std::string& name : names_of_columns(connection, select)) {
    if (std::ranges::find(seen, name) == seen.end()) {
      seen.push_back(std::move(name));
    } else if (std::ranges::find(twice, name) == twice.end()) {
      twice.push_back(std::move(name));
    }
  }
  return twice;
}

std::string column_not_computed(Connection& connection, const std::string& select) {
  if (!connection.run("set local statement_timeout = '3s'; savepoint sluice_column")) return {};
  const std::vector<std::string> names = names_of_columns(connection, select);
  if (count(connection, {}, select) != Ran::well || count(connection, names, select) != Ran::refused) return {};
  std::span<const std::string> among = names;
  while (among.size() > 1) {
    const auto half = among.first(among.size() / 2);
    const Ran first = count(connection, half, select);
    if (first == Ran::otherwise) return {};
    among = first == Ran::refused ? half : among.subspan(half.size());
  }
  // The server's word for no name.
  return among.empty() || among.front() == "?column?" ? std::string() : among.front();
}

std::string advice_on_values(const ServerError& error) {
  if (!error.sqlstate.starts_with("22")) return {};
  // Found while the statement was read: a constant, or a variable that was put in.
  if (error.position > 0) return "mend the constant, or the variable that is put in there";
  std::string what = "a row holds what the SELECT cannot compute";
  if (error.is("22P02")) what = "a row's text is none of the type that it is cast to";
  if (error.is("22007") || error.is("22008")) what = "a row's date or time is none, or out of range";
  return what +
         ": leave such rows out, or handle them by CASE; the server's message may hold values and is not shown, run "
         "the "
         "SELECT in psql to read it";
}

}  // namespace sluice::postgres
