#include "sluice/engine/query_lineage.hpp"

#include "duckdb/catalog/catalog_entry/table_catalog_entry.hpp"
#include "duckdb/catalog/catalog_search_path.hpp"
#include "duckdb/main/client_data.hpp"
#include "duckdb/parser/keyword_helper.hpp"
#include "sluice/engine/duck_database.hpp"
#include "sluice/engine/plan_walk.hpp"
#include "sluice/engine/planning.hpp"
#include "sluice/engine/types.hpp"

namespace sluice::engine {
namespace {

constexpr const char* default_schema = "main";

std::string quoted(const std::string& name) { return duckdb::KeywordHelper::WriteQuoted(name, '"'); }

std::string schema_of(const Relation& relation) { return relation.schema.empty() ? default_schema : relation.schema; }

std::string create_table(const Relation& relation) {
  std::string columns;
  for (const RelationColumn& column : relation.columns) {
    columns += (columns.empty() ? "" : ", ") + quoted(column.name) + " " + to_duck(column.type).ToString();
  }
  return "create table " + quoted(schema_of(relation)) + "." + quoted(relation.name) + " (" + columns + ")";
}

// Throws where a statement fails.
void make_tables(duckdb::Connection& connection, const TraceOptions& options) {
  const auto make = [&connection](const std::string& sql) {
    if (auto result = connection.Query(sql); result->HasError()) result->ThrowError();
  };
  for (const Relation& relation : options.relations) {
    make("create schema if not exists " + quoted(schema_of(relation)));
    make(create_table(relation));
  }
  if (options.search_path.empty()) return;
  const std::string catalog = duckdb::DatabaseManager::GetDefaultDatabase(*connection.context);
  std::vector<duckdb::CatalogSearchEntry> path;
  for (const std::string& schema : options.search_path) {
    make("create schema if not exists " + quoted(schema));
    path.emplace_back(catalog, schema);
  }
  duckdb::ClientData::Get(*connection.context)
      .catalog_search_path->Set({path.begin(), path.end()}, duckdb::CatalogSetPathType::SET_SCHEMAS);
}

const Relation* relation_of(const duckdb::LogicalGet& get, const std::vector<Relation>& relations) {
  const auto table = get.GetTable();
  if (!table) return nullptr;
  for (const Relation& relation : relations) {
    if (duckdb::StringUtil::CIEquals(relation.name, table->name) &&
        duckdb::StringUtil::CIEquals(schema_of(relation), table->schema.name)) {
      return &relation;
    }
  }
  return nullptr;
}

}  // namespace

Result<Lineage> lineage_of_query(duckdb::DuckDB& database, const TraceOptions& options) {
  try {
    duckdb::Connection connection(database);
    auto statement = parse_select(*connection.context, options.sql);
    if (!statement) return not_one_select(options.place);
    connection.BeginTransaction();  // ended by the connection's end, which rolls it back
    make_tables(connection, options);
    Lineage lineage;
    connection.context->RunFunctionInTransaction([&] {
      duckdb::Planner planner(*connection.context);
      planner.CreatePlan(std::move(statement));
      lineage = lineage_of_plan(*planner.plan, {planner.names.begin(), planner.names.end()}, options.relations,
                                [&](const duckdb::LogicalGet& get) { return relation_of(get, options.relations); });
    });
    connection.Rollback();
    return lineage;
  } catch (const std::exception& error) {
    return planning_error(duckdb::ErrorData(error), options.sql, options.place);
  }
}

}  // namespace sluice::engine
