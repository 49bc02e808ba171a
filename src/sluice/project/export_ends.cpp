// The ends of an export: `from` a database, `into` an object store.
#include "sluice/core/words.hpp"
#include "sluice/models/sql_text.hpp"
#include "sluice/project/dialect_reader.hpp"
#include "sluice/project/flow_ends.hpp"

namespace sluice::project {

Result<void> FlowEnds::read_from_database(const Node& node, const models::ParameterValues& values, Export& to) {
  if (node.find("table") != nullptr) {
    SLUICE_CHECK(check_keys(node, from_table_keys, "'from'"));
    const Node& name = *node.find("table");
    SLUICE_TRY(Table table, read_table(name));
    to.connection = std::move(table.connection);
    to.query.table = std::move(table.table);
    to.query.place = name.place;
    if (const Node* order = node.find("order_by")) {
      SLUICE_TRY(to.query.order_by, read_names(*order, "order_by", "a column or a list of columns", variables_));
      if (to.query.order_by.empty()) return fail(Fault::config, order->place.text() + ": 'order_by' names no column");
    }
    if (const Node* readers = node.find("readers")) {
      SLUICE_TRY(const std::int64_t count, read_integer(*readers, "readers", 1, 64, variables_));
      to.query.readers = static_cast<std::size_t>(count);
    }
    return {};
  }
  for (const auto& [key, hint] : {std::pair("readers", "one connection reads what a query gives"),
                                  std::pair("order_by", "write `order by` into the query")}) {
    if (const Node* value = node.find(key))
      return fail(Fault::config, value->place.text() + ": '" + key + "' is of a table, not of a query", hint);
  }
  SLUICE_CHECK(check_keys(node, from_query_keys, "'from'"));
  const Node& database = *node.find("database");
  SLUICE_TRY(to.connection, read_text(database, "database", variables_));
  SLUICE_CHECK(connection_in_role(to.connection, Role::database, database.place));
  const Node* file = node.find("query");
  const Node* sql = node.find("sql");
  if ((file == nullptr) == (sql == nullptr)) {
    return fail(Fault::config, node.place.text() + ": 'from' gives " + (sql == nullptr ? "no query" : "two queries"),
                "give `query: FILE.sql` or `sql: SELECT ...`");
  }
  std::string text;
  if (file != nullptr) {
    std::string name;
    SLUICE_TRY(text, read_file(*file, "query", name, "write it; it holds one SELECT"));
    to.query.place = {name, 1, 1};
  } else {
    if (sql->kind != Node::Kind::scalar) return wrong_shape(*sql, "'sql'", "a SELECT");
    text = sql->text;
    to.query.place = sql->text_place();
  }
  text = models::without_semicolon(text);
  if (text.empty()) return fail(Fault::config, to.query.place.text() + ": the query is empty");
  SLUICE_TRY(to.query.sql, models::put_in_parameters(text, values, to.query.place));
  return {};
}

Result<void> FlowEnds::read_incremental(const Node& node, Export& to) const {
  SLUICE_CHECK(check_keys(node, incremental_keys, "'incremental'"));
  const Node& key = *node.find("cursor");
  SLUICE_TRY(std::string cursor, read_text(key, "cursor", variables_));
  if (cursor.empty()) return fail(Fault::config, key.place.text() + ": 'cursor' is empty");
  if (!to.query.sql.empty()) {
    return fail(Fault::config, node.place.text() + ": 'incremental' is for a table, not for a query",
                "give `from: { table: CONNECTION.TABLE }`; columns are left out by `select`");
  }
  if (!to.query.order_by.empty() || to.query.readers > 1) {
    return fail(Fault::config, node.place.text() + ": 'incremental' goes with neither 'order_by' nor 'readers'",
                "what is new is read by one connection, as the table gives it");
  }
  if (to.into.publish != Publish::manifest) {
    return fail(Fault::config, node.place.text() + ": 'incremental' adds files, but 'into' has one key",
                "give `into: { objects: CONNECTION, prefix: PREFIX/ }`");
  }
  if (cursor == "*") cursor.clear();
  to.incremental = WatchedTable{to.query.table, std::move(cursor), key.place};
  return {};
}

Result<void> FlowEnds::read_into_objects(const Node& node, IntoObjects& into) {
  SLUICE_CHECK(check_keys(node, into_objects_keys, "'into'"));
  into.place = node.place;
  const Node& objects = *node.find("objects");
  SLUICE_TRY(into.connection, read_text(objects, "objects", variables_));
  SLUICE_CHECK(connection_in_role(into.connection, Role::object_store, objects.place));
  const Node* key = node.find("key");
  const Node* prefix = node.find("prefix");
  if ((key == nullptr) == (prefix == nullptr)) {
    return fail(Fault::config,
                node.place.text() + ": 'into' names " + (key == nullptr ? "no key" : "a key and a prefix"),
                "give `key: KEY` for one object, or `prefix: PREFIX/` for several and their manifest");
  }
  SLUICE_TRY(into.publish, read_word(node, "publish",
                                     Words<Publish, 2>{std::pair("object", Publish::object),
                                                       std::pair("manifest", Publish::manifest)},
                                     key != nullptr ? Publish::object : Publish::manifest, variables_));
  const bool whole = into.publish == Publish::object;
  if (whole != (key != nullptr)) {
    return fail(Fault::config, node.find("publish")->place.text() + ": 'publish' does not fit",
                "`publish: object` has a key, `publish: manifest` a prefix");
  }
  const Node& name = whole ? *key : *prefix;
  SLUICE_TRY(into.key, read_text(name, whole ? "key" : "prefix", variables_));
  if (whole && (into.key.empty() || into.key.ends_with('/'))) {
    return fail(Fault::config, name.place.text() + ": 'key' " + (into.key.empty() ? "is empty" : "ends in /"),
                "a key that ends in / is a folder's marker");
  }
  if (!whole && !into.key.ends_with('/'))
    return fail(Fault::config, name.place.text() + ": 'prefix' must end in /", "write it as " + into.key + "/");
  for (const auto& [other, fits] : {std::pair("manifest", whole), std::pair("file_mb", !whole)}) {
    const Node* value = node.find(other);
    if (value == nullptr || fits) continue;
    return fail(Fault::config, value->place.text() + ": '" + other +
                                   "' is of `publish: " + (whole ? "manifest" : "object") + "` alone");
  }
  if (const Node* manifest = node.find("manifest")) {
    SLUICE_TRY(into.manifest, read_text(*manifest, "manifest", variables_));
    if (into.manifest.empty() || into.manifest.ends_with('/') || into.manifest == into.key)
      return fail(Fault::config, manifest->place.text() + ": 'manifest' is a key of its own");
  }
  if (const Node* size = node.find("file_mb")) {
    SLUICE_TRY(const std::int64_t most, read_integer(*size, "file_mb", 1, 1024 * 1024, variables_));
    into.file_bytes = static_cast<std::size_t>(most) << 20U;
  }
  SLUICE_CHECK(read_dialect(node, variables_, into.dialect));
  if (const Node* rows = node.find("row_group_rows")) {
    if (into.dialect.format != objects::Format::parquet)
      return fail(Fault::config, rows->place.text() + ": 'row_group_rows' is of Parquet, but 'format' is not");
    SLUICE_TRY(const std::int64_t most, read_integer(*rows, "row_group_rows", 2048, 1'000'000, variables_));
    into.row_group_rows = static_cast<std::size_t>(most);
  }
  return {};
}

}  // namespace sluice::project
