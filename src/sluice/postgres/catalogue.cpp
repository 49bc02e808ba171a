#include "sluice/postgres/catalogue.hpp"

#include <cstdlib>

namespace sluice::postgres {
namespace {

std::string cell(const ResultSet& rows, int row, int column) {
  return PQgetisnull(rows.get(), row, column) == 1 ? std::string() : std::string(PQgetvalue(rows.get(), row, column));
}

Oid oid_cell(const ResultSet& rows, int row, int column) {
  return static_cast<Oid>(std::strtoul(PQgetvalue(rows.get(), row, column), nullptr, 10));
}

// Follows a domain down to the type it stands for; its NOT NULL is the column's.
Result<void> resolve_domain(Connection& connection, TableColumn& column) {
  for (int level = 0; level < 32; ++level) {
    const Parameter type = text(std::to_string(column.type));
    SLUICE_TRY(const ResultSet rows, connection.run("select typtype, typbasetype, typtypmod, typnotnull from pg_type where oid = $1::oid",
                                                    std::span(&type, 1), "read the catalogue"));
    if (PQntuples(rows.get()) != 1 || cell(rows, 0, 0) != "d") break;
    column.not_null = column.not_null || cell(rows, 0, 3) == "t";
    column.type = oid_cell(rows, 0, 1);
    column.modifier = std::atoi(PQgetvalue(rows.get(), 0, 2));
  }
  return {};
}

Result<void> read_labels(Connection& connection, TableColumn& column) {
  const Parameter type = text(std::to_string(column.type));
  SLUICE_TRY(const ResultSet rows, connection.run("select enumlabel from pg_enum where enumtypid = $1::oid order by enumsortorder",
                                                  std::span(&type, 1), "read the catalogue"));
  for (int row = 0; row < PQntuples(rows.get()); ++row) column.labels.push_back(cell(rows, row, 0));
  return {};
}

}  // namespace

const TableColumn* TableShape::find(std::string_view column) const {
  for (const TableColumn& candidate : columns) {
    if (candidate.name == column) return &candidate;
  }
  return nullptr;
}

Result<std::optional<TableShape>> describe(Connection& connection, const TableName& table) {
  // attgenerated is there from version 12 on: read by way of JSON, so that one query serves all.
  const Parameter name = text(quoted(table));
  SLUICE_TRY(const ResultSet rows,
             connection.run("select a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef, "
                            "a.attidentity, coalesce(to_jsonb(a) ->> 'attgenerated', ''), t.typtype, "
                            "quote_ident(n.nspname) || '.' || quote_ident(c.relname) "
                            "from pg_class c join pg_namespace n on n.oid = c.relnamespace "
                            "left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
                            "left join pg_type t on t.oid = a.atttypid "
                            "where c.oid = to_regclass($1) and c.relkind in ('r', 'p', 'v', 'f') order by a.attnum",
                            std::span(&name, 1), "read the catalogue"));
  if (PQntuples(rows.get()) == 0) return std::nullopt;
  TableShape shape;
  shape.name = cell(rows, 0, 9);
  for (int row = 0; row < PQntuples(rows.get()); ++row) {
    if (PQgetisnull(rows.get(), row, 0) == 1) continue;  // a table without columns
    TableColumn column;
    column.name = cell(rows, row, 0);
    column.type_text = cell(rows, row, 1);
    column.type = oid_cell(rows, row, 2);
    column.modifier = std::atoi(PQgetvalue(rows.get(), row, 3));
    column.not_null = cell(rows, row, 4) == "t";
    const std::string identity = cell(rows, row, 6);
    column.generated = identity == "a" || cell(rows, row, 7) == "s";
    column.has_default = cell(rows, row, 5) == "t" || !identity.empty();
    const std::string kind = cell(rows, row, 8);
    if (kind == "d") SLUICE_CHECK(resolve_domain(connection, column));
    if (kind == "e" || kind == "d") SLUICE_CHECK(read_labels(connection, column));
    shape.columns.push_back(std::move(column));
  }
  return shape;
}

std::string column_type(Type type) {
  switch (type.kind) {
    case Kind::boolean: return "boolean";
    case Kind::int32: return "integer";
    case Kind::int64: return "bigint";
    case Kind::float64: return "double precision";
    case Kind::decimal: return "numeric(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
    case Kind::text: return "text";
    case Kind::bytes: return "bytea";
    case Kind::date: return "date";
    case Kind::timestamp: return "timestamp";
    case Kind::timestamp_tz: return "timestamptz";
    case Kind::uuid: return "uuid";
    case Kind::json: return "jsonb";
  }
  return "text";
}

}  // namespace sluice::postgres
