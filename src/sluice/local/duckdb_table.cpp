#include "sluice/local/duckdb_table.hpp"

#include <strings.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "sluice/core/words.hpp"

namespace sluice::local {
namespace {

// The scale of "DECIMAL(10,2)".
int scale_of(std::string_view type) {
  const std::size_t comma = type.find(',');
  int scale = 0;
  if (comma != std::string_view::npos) std::from_chars(type.data() + comma + 1, type.data() + type.size(), scale);
  return scale;
}

// Whether every value either arrives unchanged or is refused.
bool goes_into(Type from, std::string_view to) {
  const std::string_view base = to.substr(0, to.find('('));
  const auto is = [base](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, base) != names.end();
  };
  if (to.ends_with("]")) return false;  // a list
  switch (from.kind) {
    case Kind::boolean: return is({"BOOLEAN"});
    case Kind::int32:
      if (base == "DOUBLE") return true;
      [[fallthrough]];
    case Kind::int64:
      return is({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
                 "UHUGEINT", "DECIMAL"});
    case Kind::float64: return is({"DOUBLE", "FLOAT"});
    case Kind::decimal: return base == "DECIMAL" && scale_of(to) >= from.scale;
    case Kind::text: return is({"VARCHAR", "ENUM", "UUID", "JSON"});
    case Kind::bytes: return is({"BLOB"});
    case Kind::date: return is({"DATE", "TIMESTAMP"});
    case Kind::timestamp: return is({"TIMESTAMP"});
    case Kind::timestamp_tz: return is({"TIMESTAMP WITH TIME ZONE"});
    case Kind::uuid: return is({"UUID", "VARCHAR"});
    case Kind::json: return is({"JSON", "VARCHAR"});
  }
  return false;
}

std::vector<std::string> names_of(const TableShape& table) {
  std::vector<std::string> names;
  for (const TableColumn& column : table.columns) names.push_back(column.name);
  return names;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string column_type(Type type) {
  switch (type.kind) {
    case Kind::boolean: return "BOOLEAN";
    case Kind::int32: return "INTEGER";
    case Kind::int64: return "BIGINT";
    case Kind::float64: return "DOUBLE";
    case Kind::decimal: return "DECIMAL(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
    case Kind::text: return "VARCHAR";
    case Kind::bytes: return "BLOB";
    case Kind::date: return "DATE";
    case Kind::timestamp: return "TIMESTAMP";
    case Kind::timestamp_tz: return "TIMESTAMP WITH TIME ZONE";
    case Kind::uuid: return "UUID";
    case Kind::json: return "JSON";
  }
  return "VARCHAR";
}

const TableColumn* TableShape::find(std::string_view column) const {
  const auto found = std::ranges::find_if(columns, [column](const TableColumn& one) { return same(one.name, column); });
  return found == columns.end() ? nullptr : &*found;
}

Result<std::optional<TableShape>> describe(DuckConnection& connection, const TableName& table) {
  const std::string schema = table.schema.empty() ? "main" : table.schema;
  SLUICE_TRY(DuckRows rows, connection.ask("SELECT schema_name, table_name, column_name, data_type, NOT is_nullable, "
                                           "column_default IS NOT NULL FROM duckdb_columns() "
                                           "WHERE database_name = current_database() AND lower(schema_name) = "
                                           "lower($1) AND lower(table_name) = lower($2) "
                                           "AND NOT internal ORDER BY column_index",
                                           {schema, table.table}, "describe " + table.text()));
  TableShape shape;
  while (rows.next()) {
    shape.name = {rows.text(0), rows.text(1)};
    shape.columns.push_back({rows.text(2), rows.text(3), rows.boolean(4), rows.boolean(5)});
  }
  if (shape.columns.empty()) return std::optional<TableShape>();
  return std::optional<TableShape>(std::move(shape));
}

std::string create_sql(const TableName& table, const Schema& columns, const std::vector<std::string>& key) {
  std::string list;
  for (const Field& field : columns)
    list += (list.empty() ? "" : ", ") + quoted(field.name) + " " + column_type(field.type);
  std::string names;
  for (const std::string& column : key) names += (names.empty() ? "" : ", ") + quoted(column);
  if (!key.empty()) list += ", PRIMARY KEY (" + names + ")";
  return "CREATE TABLE IF NOT EXISTS " + quoted(table) + " (" + list + ")";
}

Result<TablePlan> plan_insert(const Schema& columns, const TableShape& table) {
  std::vector<std::string> wrong;
  std::string hint;
  std::string names;
  for (const Field& field : columns) {
    names += (names.empty() ? "" : ", ") + quoted(field.name);
    const TableColumn* column = table.find(field.name);
    if (column == nullptr) {
      wrong.push_back("it has no column \"" + field.name + "\", which the select gives");
      hint = did_you_mean(field.name, names_of(table));
    } else if (!goes_into(field.type, column->type)) {
      wrong.push_back("column \"" + column->name + "\" is " + column->type + ", but the select gives " +
                      to_string(field.type));
      hint = "cast it in the select";
    }
  }
  for (const TableColumn& column : table.columns) {
    const bool given =
        std::ranges::any_of(columns, [&column](const Field& field) { return same(field.name, column.name); });
    if (given || !column.not_null || column.has_default) continue;
    wrong.push_back("column \"" + column.name + "\" takes no NULL and has no default, but the select does not give it");
    hint = "add it to the select";
  }
  if (!wrong.empty())
    return fail(Fault::conflict, "table " + table.name.text() + ": " + join(wrong, "; "),
                wrong.size() == 1 ? hint : "change the select or the table");
  return TablePlan{"INSERT INTO " + quoted(table.name) + " (" + names + ") SELECT " + names + " FROM sluice_rows",
                   columns};
}

}  // namespace sluice::local
