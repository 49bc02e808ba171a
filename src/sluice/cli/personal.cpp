#include "sluice/cli/personal.hpp"

#include <algorithm>

#include "sluice/engine/query_select.hpp"
#include "sluice/engine/tables.hpp"

namespace sluice::cli {
namespace {

constexpr const char* declared_tag = "personal";
constexpr const char* view_tag = "a view, not followed";

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

}  // namespace

PersonalColumns::PersonalColumns(const Assembly& assembly, const Work& work, const project::Connection& connection,
                                 Database& database)
    : assembly_(assembly), work_(work), connection_(connection), database_(database) {}

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
  started_ = true;
  if (tags_.empty() || !assembly_.project.models || assembly_.project.models->connection != connection_.name) return {};
  for (const std::size_t step : work_.graph.order()) {
    if (!work_.is_flow(step) && !work_.is_export(step)) SLUICE_CHECK(follow_model(work_.model(step)));
  }
  return {};
}

Result<void> PersonalColumns::follow_model(const Model& model) {
  models_.insert(lower(model.table.text()));
  if (declared_.contains(lower(model.table.text())) || declared_.contains(lower(model.table.table))) return {};
  SLUICE_TRY(const engine::Lineage lineage, trace(model.sql, model.place, assembly_.project.models->schema));
  for (const engine::PersonalPath& path : lineage.paths) {
    if (path.passage == engine::Passage::clear && !path.pii.empty()) add(model.table.text(), path.column, path.pii);
  }
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
  const bool told =
      declared_.contains(table) || declared_.contains(full) || models_.contains(full) || models_.contains(table);
  for (const Field& field : shape->columns) {
    engine::RelationColumn column{field.name, field.type, shape->is_view && !told ? view_tag : ""};
    for (const std::string& key : {table, full}) {
      const auto found = tags_.find(key);
      if (found == tags_.end()) continue;
      const auto tag = found->second.find(lower(field.name));
      if (tag != found->second.end()) column.pii = tag->second;
    }
    relation.columns.push_back(std::move(column));
  }
  relations_.emplace(asked, relation);
  return relation;
}

Result<engine::Lineage> PersonalColumns::trace(const std::string& sql, const Place& place, const std::string& home) {
  SLUICE_TRY(const std::vector<TableName> tables, engine::tables_of(sql, place));
  engine::TraceOptions options{sql, place, {}, {}};
  for (const TableName& table : tables) {
    SLUICE_TRY(engine::Relation relation, relation_of(table, home));
    if (table.schema.empty() && std::ranges::find(options.search_path, relation.schema) == options.search_path.end())
      options.search_path.push_back(relation.schema);
    const bool there = std::ranges::any_of(options.relations, [&](const engine::Relation& other) {
      return lower(other.name) == lower(relation.name) && lower(other.schema) == lower(relation.schema);
    });
    if (!there) options.relations.push_back(std::move(relation));
  }
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

Result<engine::Lineage> check_export(const Assembly& assembly, const project::Export& out, PersonalColumns& personal,
                                     const Schema& columns) {
  SLUICE_TRY(engine::Lineage query, personal.follow(out, columns));
  const engine::PersonalData allowed = far_end(assembly.connection(out.into.connection));
  const std::string query_place = out.query.place.text() + ": " + (out.query.sql.empty() ? "table" : "query");
  if (out.select.empty()) {
    SLUICE_CHECK(engine::check_personal(query, query_place, allowed));
    return query;
  }
  std::vector<std::string> tags(columns.size());
  for (const engine::PersonalPath& path : query.paths) {
    if (path.number < tags.size()) tags[path.number] = path.pii;
  }
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
  SLUICE_CHECK(engine::check_personal(whole, out.select_place.text() + ": select", allowed));
  return whole;
}

}  // namespace sluice::cli
