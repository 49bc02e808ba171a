#include "sluice/assembly/personal.hpp"

#include <algorithm>

#include "sluice/assembly/connectors.hpp"
#include "sluice/core/log.hpp"
#include "sluice/core/words.hpp"
#include "sluice/engine/postgres_names.hpp"
#include "sluice/engine/query_select.hpp"
#include "sluice/engine/tables.hpp"

namespace sluice::assembly {
namespace {

constexpr const char* declared_tag = "personal";
constexpr const char* view_tag = "a view, not followed";
constexpr const char* own_tag = "the server's own";
constexpr const char* own_why = "it may hold rows of other tables, statistics of them, or texts of queries";

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// What PostgreSQL keeps there is made of other tables' rows (statistics, long values, defaults), of queries and of what
// clients say.
bool is_own(const TableName& table) { return table.schema.starts_with("pg_") || table.schema == "information_schema"; }

std::set<std::string> names_of(const Schema& columns) {
  std::set<std::string> names;
  for (const Field& field : columns) names.insert(lower(field.name));
  return names;
}

std::set<std::string> names_of(const engine::Lineage& lineage) {
  std::set<std::string> names;
  for (const std::string& name : lineage.columns) names.insert(lower(name));
  return names;
}

// By column of the database the tag it takes from `lineage`, whose columns DuckDB has named and ordered: they differ
// for what has no alias (`lower(x)` is "lower" in PostgreSQL) and for `*` behind USING. What has no counterpart by its
// name may hold any of it.
std::vector<std::string> tags_by_name(const engine::Lineage& lineage, const Schema& columns) {
  std::vector<std::string> tags(columns.size());
  const std::set<std::string> known = names_of(lineage);
  const bool all_known = known.size() == lineage.columns.size() && known == names_of(columns);
  for (const engine::PersonalPath& path : lineage.paths) {
    if (path.passage != engine::Passage::clear || path.pii.empty()) continue;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string name = lower(columns[i].name);
      if (name == lower(path.column) || (!all_known && !known.contains(name))) tags[i] = path.pii;
    }
  }
  return tags;
}

}  // namespace

PersonalColumns::PersonalColumns(const Assembly& assembly, const Work& work, const project::Connection& connection,
                                 Database& database)
    : assembly_(assembly),
      work_(work),
      connection_(connection),
      database_(database),
      is_postgres_(connection.kind->name == "postgres") {}

void PersonalColumns::add(const std::string& table, const std::string& column, const std::string& pii) {
  tags_[lower(table)].emplace(lower(column), pii);
}

Result<void> PersonalColumns::start() {
  if (started_) return {};
  for (const auto& [table, columns] : connection_.personal) {
    declared_.insert(lower(table));
    for (const std::string& column : columns) add(table, column, declared_tag);
  }
  for (const project::Flow& flow : assembly_.project.flows) {
    if (flow.into_connection != connection_.name) continue;
    SLUICE_TRY(const engine::RowsPlan plan, plan_flow(assembly_, flow));
    for (const engine::PersonalPath& path : plan.lineage.paths) {
      if (path.passage == engine::Passage::clear && !path.pii.empty())
        add(flow.into_table.text(), path.column, path.pii);
    }
  }
  if (assembly_.project.models && assembly_.project.models->connection == connection_.name) {
    for (const Model& model : work_.models) models_.emplace(lower(model.table.text()), &model);
  }
  started_ = true;
  return {};
}

// A model that reads its own table gives it what it takes from there: until nothing is added.
Result<void> PersonalColumns::follow_model(const Model& model, const RelationShape& shape) {
  if (!followed_.insert(&model).second) return {};
  open_models_.insert(&model);
  const std::string table = lower(shape.name.text());
  for (bool more = true; more;) {
    SLUICE_TRY(const engine::Lineage lineage, trace(model.sql, model.place, assembly_.project.models->schema));
    const std::vector<std::string> tags = tags_by_name(lineage, shape.columns);
    const std::size_t before = tags_[table].size();
    for (std::size_t i = 0; i < tags.size(); ++i) {
      if (!tags[i].empty()) add(table, shape.columns[i].name, tags[i]);
    }
    more = tags_[table].size() > before;
  }
  open_models_.erase(&model);
  return {};
}

// The table, or view, with its tags. One without a schema stands in `home`, if it is there.
Result<engine::Relation> PersonalColumns::relation_of(const TableName& name, const std::string& home) {
  const std::string asked = home + "/" + name.text();
  if (const auto found = relations_.find(asked); found != relations_.end()) return found->second;
  std::optional<RelationShape> shape;
  if (name.schema.empty() && !home.empty()) {
    SLUICE_TRY(shape, database_.shape_of({home, name.table}));
  }
  if (!shape) {
    SLUICE_TRY(shape, database_.shape_of(name));
  }
  if (!shape) {
    return fail(Fault::conflict, connection_.name + ": there is no table " + name.text(),
                "where its columns come from can be followed once it is there");
  }
  engine::Relation relation{shape->name.table, {}, shape->name.schema};
  const std::string table = lower(shape->name.table);
  const std::string full = lower(shape->name.text());
  // What is told of a table holds for its partitions and children, and the other way round: they share rows.
  std::vector<std::string> keys{table, full};
  for (const TableName& relative : shape->relatives) {
    keys.push_back(lower(relative.table));
    keys.push_back(lower(relative.text()));
  }
  const bool told = declared_.contains(table) || declared_.contains(full);
  const Model* model = nullptr;
  for (const std::string& key : {full, table}) {
    const auto found = models_.find(key);
    if (!told && model == nullptr && found != models_.end()) model = found->second;
  }
  if (model != nullptr) SLUICE_CHECK(follow_model(*model, *shape));
  SLUICE_CHECK(check_declared(*shape));
  const bool own = is_postgres_ && is_own(shape->name);
  const char* unknown = told || model != nullptr ? "" : own ? own_tag : shape->is_view ? view_tag : "";
  for (const Field& field : shape->columns) {
    engine::RelationColumn column{field.name, field.type, unknown};
    for (const std::string& key : keys) {
      const auto found = tags_.find(key);
      if (found == tags_.end() || !column.pii.empty()) continue;
      const auto tag = found->second.find(lower(field.name));
      if (tag != found->second.end()) column.pii = tag->second;
    }
    relation.columns.push_back(std::move(column));
  }
  // Of a model that is being followed not all is known yet.
  if (model == nullptr || !open_models_.contains(model)) relations_.emplace(asked, relation);
  return relation;
}

// A column that was misspelt, or renamed since, would be let out.
Result<void> PersonalColumns::check_declared(const RelationShape& shape) const {
  const std::set<std::string> there = names_of(shape.columns);
  const bool told = declared_.contains(lower(shape.name.table)) || declared_.contains(lower(shape.name.text()));
  for (const auto& [table, columns] : connection_.personal) {
    if (lower(table) != lower(shape.name.table) && lower(table) != lower(shape.name.text())) {
      if (!told) SLUICE_CHECK(check_misspelt(table, shape.name));
      continue;
    }
    for (const std::string& column : columns) {
      if (there.contains(lower(column))) continue;
      return fail(Fault::config,
                  connection_.name + ": `personal:` names column '" + column + "' of " + table + ", but " +
                      shape.name.text() + " has none",
                  did_you_mean(column, std::vector<std::string>(there.begin(), there.end())));
    }
  }
  return {};
}

// A table that is not there, but nearly has the name of one that is read.
Result<void> PersonalColumns::check_misspelt(const std::string& declared, const TableName& read) const {
  const std::size_t dot = declared.find('.');
  const TableName name =
      dot == std::string::npos ? TableName{"", declared} : TableName{declared.substr(0, dot), declared.substr(dot + 1)};
  if (nearest(lower(name.table), std::vector{lower(read.table)}).empty()) return {};
  SLUICE_TRY(const auto there, database_.shape_of(name));
  if (there) return {};
  return fail(Fault::config, connection_.name + ": `personal:` names table '" + declared + "', which is not there",
              "did you mean '" + read.table + "'?");
}

// Which table a name without a schema means is told by the database's search path, which DuckDB does not have.
Result<void> PersonalColumns::check_unambiguous(const std::vector<TableName>& tables,
                                                const engine::TraceOptions& options) const {
  for (const TableName& table : tables) {
    if (!table.schema.empty()) continue;
    const auto count = std::ranges::count_if(options.relations, [&](const engine::Relation& one) {
      return lower(one.name) == lower(table.table) &&
             std::ranges::find(options.search_path, one.schema) != options.search_path.end();
    });
    if (count < 2) continue;
    return fail(Fault::config, options.place.text() + ": table " + table.table + " may be one of two schemas",
                "write its schema, so that where personal data goes can be followed");
  }
  return {};
}

// The database's own function comes before DuckDB's of the same name, and may read any table.
Result<void> PersonalColumns::check_functions(const std::string& sql, const Place& place) {
  SLUICE_TRY(const auto called, engine::functions_of(sql, place));
  if (!own_functions_) {
    SLUICE_TRY(own_functions_, database_.own_functions());
  }
  for (const std::string& name : *own_functions_) {
    if (!called.contains(name)) continue;
    return fail(Fault::config,
                place.text() + ": " + connection_.name + " has a function '" + name +
                    "' of its own, and what that reads cannot be followed",
                "do without it in this query, while columns of the database are personal");
  }
  return {};
}

Result<engine::Lineage> PersonalColumns::trace(const std::string& text, const Place& place, const std::string& home) {
  const std::string sql = is_postgres_ ? engine::folded_names(text) : text;
  SLUICE_CHECK(check_functions(sql, place));
  SLUICE_TRY(const std::vector<TableName> tables, engine::tables_of(sql, place));
  engine::TraceOptions options{sql, place, {}, {}};
  for (const TableName& table : tables) {
    SLUICE_TRY(engine::Relation relation, relation_of(table, home));
    if (!relation.columns.empty() && relation.columns.front().pii == own_tag) {
      return fail(Fault::config,
                  place.text() + ": " + relation.schema + "." + relation.name + " is the server's own: " + own_why,
                  "do without it in this query, while columns of the database are personal");
    }
    if (table.schema.empty() && std::ranges::find(options.search_path, relation.schema) == options.search_path.end())
      options.search_path.push_back(relation.schema);
    const bool there = std::ranges::any_of(options.relations, [&](const engine::Relation& other) {
      return lower(other.name) == lower(relation.name) && lower(other.schema) == lower(relation.schema);
    });
    if (!there) options.relations.push_back(std::move(relation));
  }
  SLUICE_CHECK(check_unambiguous(tables, options));
  if (is_postgres_) SLUICE_CHECK(engine::check_names_of_postgres(sql, place, options.relations));
  Result<engine::Lineage> lineage = assembly_.engine->trace(options);
  if (lineage) return lineage;
  Error error = std::move(lineage).error();
  error.hint =
      "where personal data goes is followed by DuckDB, which must understand this SQL; what cannot be proved "
      "clean is refused";
  return fail(std::move(error));
}

Result<engine::Lineage> PersonalColumns::follow(const project::Export& out, const Schema& columns) {
  SLUICE_CHECK(start());
  if (tags_.empty()) {
    engine::Lineage nothing;
    for (const Field& field : columns) nothing.columns.push_back(field.name);
    return nothing;
  }
  if (!out.query.sql.empty()) return trace(out.query.sql, out.query.place, "");
  SLUICE_TRY(const engine::Relation relation, relation_of(out.query.table, ""));
  return as_it_is(relation);
}

ModelWarnings PersonalColumns::of_models() {
  ModelWarnings warnings;
  if (!start() || tags_.empty()) return warnings;
  for (const Model& model : work_.models) {
    const Result<engine::Lineage> lineage = trace(model.sql, model.place, assembly_.project.models->schema);
    if (!lineage) continue;
    for (const std::string& warning : engine::warnings_of(*lineage)) {
      warnings[model.name].push_back(model.place.text() + ": " + warning);
    }
  }
  return warnings;
}

void log_warnings(const std::string& step, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) log::warning("personal data", {{"name", step}, {"warning", warning}});
}

ModelWarnings warnings_of_models(const Assembly& assembly, const Work& work) {
  if (work.models.empty()) return {};
  const project::Connection& connection = assembly.connection(assembly.project.models->connection);
  const bool is_file = connection.kind->name == "duckdb";
  const bool is_read = std::ranges::any_of(
      assembly.project.exports, [&](const project::Export& out) { return out.connection == connection.name; });
  if (!is_file && !is_read) return {};
  const auto database = open_database(connection, system_clock());
  return database ? PersonalColumns(assembly, work, connection, **database).of_models() : ModelWarnings();
}

namespace {

// As tags_by_name, of a query whose expressions stand in the order of `columns`.
std::vector<std::string> tags_of(const engine::Lineage& query, const Schema& columns) {
  std::vector<std::string> tags = tags_by_name(query, columns);
  if (names_of(query) == names_of(columns)) return tags;
  for (const engine::PersonalPath& path : query.paths) {
    if (path.number < tags.size()) tags[path.number] = path.pii;
  }
  return tags;
}

}  // namespace

Result<engine::Lineage> check_export(const Assembly& assembly, const project::Export& out, PersonalColumns& personal,
                                     const Schema& columns) {
  SLUICE_TRY(engine::Lineage query, personal.follow(out, columns));
  for (const std::string& column : out.query.order_by) {
    for (const engine::PersonalPath& path : query.paths) {
      if (path.column == column) query.implicit.push_back({path.source, path.pii, "order by"});
    }
  }
  const engine::PersonalData allowed = far_end(assembly.connection(out.into.connection));
  const std::string query_place = out.query.place.text() + ": " + (out.query.sql.empty() ? "table" : "query");
  if (out.select.empty()) {
    if (Result<void> clean = engine::check_personal(query, query_place, allowed); !clean) {
      Error error = std::move(clean).error();
      // Masks are ours: the database that runs the query does not know them.
      error.hint =
          "add `select:` to the flow, over `input`: masks (mask_siv, mask_hmac) and reveal() work there; or leave the "
          "column out";
      return fail(std::move(error));
    }
    return query;
  }
  const std::vector<std::string> tags = tags_of(query, columns);
  SLUICE_TRY(const engine::QuerySelect select,
             engine::QuerySelect::open(*assembly.engine, out.select, out.select_place, columns, tags));
  // One path from the database's column on.
  engine::Lineage whole = select.lineage();
  for (engine::PersonalPath& path : whole.paths) {
    const auto before = std::ranges::find(query.paths, path.source, &engine::PersonalPath::column);
    if (before == query.paths.end()) continue;
    if (before->path != path.source) path.path = before->path + " -> " + path.path;
    path.source = before->source;
  }
  whole.implicit.insert(whole.implicit.begin(), query.implicit.begin(), query.implicit.end());
  SLUICE_CHECK(engine::check_personal(whole, out.select_place.text() + ": select", allowed));
  return whole;
}

}  // namespace sluice::assembly
