#include "sluice/postgres/catalogue.hpp"

#include <algorithm>
#include <array>

#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

// attgenerated exists from server 12 on, hence the way through jsonb.
constexpr const char* columns_sql = R"(
with recursive base as (
  select a.attnum, a.atttypid as type, a.atttypmod as typmod, false as not_null, false as has_default
  from pg_catalog.pg_attribute a where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
  union all
  select b.attnum, t.typbasetype, case when t.typtypmod >= 0 then t.typtypmod else b.typmod end,
         b.not_null or t.typnotnull, b.has_default or t.typdefault is not null
  from base b join pg_catalog.pg_type t on t.oid = b.type where t.typtype = 'd')
select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), t.oid, b.typmod,
       a.attnotnull or b.not_null, a.atthasdef or a.attidentity <> '' or b.has_default,
       coalesce(pg_catalog.to_jsonb(a)->>'attgenerated', '') <> '', t.typtype = 'e',
       case when a.atttypid <> t.oid then pg_catalog.format_type(t.oid, b.typmod) else '' end
from pg_catalog.pg_attribute a
join base b on b.attnum = a.attnum
join pg_catalog.pg_type t on t.oid = b.type and t.typtype <> 'd'
where a.attrelid = $1::oid
order by a.attnum)";

constexpr const char* table_sql = R"(
select c.oid, n.nspname, c.relname, c.relkind, pg_catalog.has_any_column_privilege(c.oid, 'INSERT'),
       pg_catalog.has_any_column_privilege(c.oid, 'SELECT'), c.relpersistence = 'u',
       pg_catalog.row_security_active(c.oid),
       (select count(*) from pg_catalog.pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = pg_catalog.to_regclass($1))";

Error denied(const Connection& connection, const ServerError& error, const TableName& name) {
  Error out = connection.error(error, "look up table \"" + name.text() + "\"");
  if (error.is("42501") && !name.schema.empty()) {
    out.hint = "GRANT USAGE ON SCHEMA " + quoted(name.schema) + " TO " + quoted(connection.user());
  }
  return out;
}

}  // namespace

Result<std::optional<Table>> describe(Connection& connection, const TableName& name) {
  if (name.text().find('\0') != std::string::npos) return fail(Fault::config, "a table's name holds a NUL");
  Reply found = connection.ask(table_sql, Parameters().text(quoted(name)));
  if (!found) return fail(denied(connection, found.error(), name));
  if (found->rows() == 0) return std::optional<Table>();
  Table table;
  table.id = static_cast<std::uint32_t>(found->integer(0, 0));
  table.name = {found->text(0, 1), found->text(0, 2)};
  table.kind = found->bytes(0, 3).empty() ? '?' : found->bytes(0, 3).front();
  table.may_insert = found->flag(0, 4);
  table.may_read = found->flag(0, 5);
  table.unlogged = found->flag(0, 6);
  table.row_security = found->flag(0, 7);
  table.triggers = static_cast<std::uint32_t>(found->integer(0, 8));

  Reply columns = connection.ask(columns_sql, Parameters().integer(table.id));
  if (!columns) return fail(denied(connection, columns.error(), name));
  for (std::size_t row = 0; row < columns->rows(); ++row) {
    Column column;
    column.name = columns->text(row, 0);
    column.type_name = columns->text(row, 1);
    column.type = static_cast<std::uint32_t>(columns->integer(row, 2));
    column.typmod = static_cast<std::int32_t>(columns->integer(row, 3));
    column.not_null = columns->flag(row, 4);
    column.is_generated = columns->flag(row, 6);
    column.has_default = columns->flag(row, 5) && !column.is_generated;
    column.is_enum = columns->flag(row, 7);
    column.domain_of = columns->text(row, 8);
    table.columns.push_back(std::move(column));
  }
  for (Column& column : table.columns) {
    if (!column.is_enum) continue;
    Reply labels =
        connection.ask("select enumlabel from pg_catalog.pg_enum where enumtypid = $1::oid order by enumlabel",
                       Parameters().integer(column.type));
    if (!labels) return fail(denied(connection, labels.error(), name));
    for (std::size_t row = 0; row < labels->rows(); ++row) column.labels.push_back(labels->text(row, 0));
  }
  return std::optional<Table>(std::move(table));
}

bool compares(const std::string& type) {
  constexpr std::array well{"smallint",
                            "integer",
                            "bigint",
                            "numeric",
                            "real",
                            "double precision",
                            "boolean",
                            "text",
                            "character varying",
                            "character",
                            "bpchar",
                            "name",
                            "bytea",
                            "date",
                            "uuid",
                            "jsonb",
                            "time without time zone",
                            "timestamp without time zone",
                            "timestamp with time zone"};
  std::string base = type.substr(0, type.find_first_of("(["));
  // "timestamp(3) without time zone"
  if (const std::size_t close = type.find(')'); close != std::string::npos && type.find('[') == std::string::npos)
    base += type.substr(close + 1);
  return std::ranges::find(well, base) != well.end();
}

}  // namespace sluice::postgres
