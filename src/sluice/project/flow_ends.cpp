#include "sluice/project/flow_ends.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sluice/core/words.hpp"
#include "sluice/project/dialect_reader.hpp"

namespace sluice::project {

namespace {

bool is_from_key(const std::string& name) {
  const auto holds = [&name](const auto& rules) {
    return std::ranges::any_of(rules, [&name](const KeyRule& rule) { return rule.name == name; });
  };
  return holds(from_objects_keys) || holds(from_table_keys) || holds(from_query_keys);
}

}  // namespace

Result<const Connection*> FlowEnds::connection_in_role(const std::string& name, Role role, const Place& place) const {
  std::vector<std::string> names;
  for (const Connection& connection : connections_) {
    if (connection.kind->role == role) names.push_back(connection.name);
    if (connection.name != name) continue;
    if (connection.kind->role == role) return &connection;
    return fail(Fault::config, place.text() + ": connection '" + name + "' is " +
                                   std::string(to_string(connection.kind->role)) + " (" +
                                   std::string(connection.kind->name) + "), but " + std::string(to_string(role)) +
                                   " is needed here");
  }
  return fail(Fault::config, place.text() + ": there is no connection '" + name + "'", did_you_mean(name, names));
}

Result<void> FlowEnds::read_from(const Node& node, Flow& flow) {
  From& from = flow.from;
  if (node.kind == Node::Kind::map && node.find("objects") != nullptr) return read_objects(node, from);
  if (node.kind == Node::Kind::map && node.find("queue") == nullptr) {
    const std::vector<std::string> ends{"queue", "objects", "table", "database"};
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const std::string hint = is_from_key(node.keys[i]) ? "" : did_you_mean_near(node.keys[i], ends);
      if (hint.empty()) continue;
      return fail(Fault::config, node.key_places[i].text() + ": 'from' has no key '" + node.keys[i] + "'", hint);
    }
    return fail(
        Fault::config, node.place.text() + ": 'from' does not say where rows come from",
        "give `queue: CONNECTION`, `objects: CONNECTION` with key, glob or prefix, `table: CONNECTION.TABLE`, or "
        "`database: CONNECTION` with query or sql");
  }
  SLUICE_CHECK(check_keys(node, from_queue_keys, "'from'"));
  const Node& queue = *node.find("queue");
  SLUICE_TRY(from.connection, read_text(queue, "queue", variables_));
  SLUICE_CHECK(connection_in_role(from.connection, Role::queue, queue.place));
  return {};
}

Result<void> FlowEnds::read_objects(const Node& node, From& from) {
  SLUICE_CHECK(check_keys(node, from_objects_keys, "'from'"));
  from.role = Role::object_store;
  const Node& objects = *node.find("objects");
  SLUICE_TRY(from.connection, read_text(objects, "objects", variables_));
  SLUICE_CHECK(connection_in_role(from.connection, Role::object_store, objects.place));
  int names = 0;
  for (const auto& [key, by] : {std::pair("key", ObjectNames::By::key), std::pair("glob", ObjectNames::By::glob),
                                std::pair("prefix", ObjectNames::By::prefix)}) {
    const Node* name = node.find(key);
    if (name == nullptr) continue;
    ++names;
    from.objects.by = by;
    SLUICE_TRY(from.objects.text, read_text(*name, key, variables_));
    if (from.objects.text.empty() && by != ObjectNames::By::prefix)
      return fail(Fault::config, name->place.text() + ": '" + key + "' is empty");
    if (by == ObjectNames::By::key && from.objects.text.ends_with('/'))
      return fail(Fault::config, name->place.text() + ": 'key' ends in '/': it is a folder marker, which is never read",
                  "give an object's whole key, or `prefix` for what stands below");
  }
  if (names != 1) {
    return fail(Fault::config,
                node.place.text() + ": 'from' names its objects by " +
                    (names == 0 ? "nothing" : "more than one of key, glob and prefix"),
                "give one of `key: KEY`, `glob: PATTERN` or `prefix: PREFIX`");
  }
  return read_dialect(node, variables_, from.dialect);
}

Result<void> FlowEnds::read_mode(const Node& node, Flow& flow) {
  SLUICE_TRY(flow.mode, read_word(node, "mode",
                                  std::array{std::pair("append", Mode::append), std::pair("replace", Mode::replace),
                                             std::pair("merge", Mode::merge)},
                                  Mode::append, variables_));
  if (const Node* key = node.find("key")) {
    SLUICE_TRY(flow.key, read_names(*key, "key", "a column or a list of columns", variables_));
  }
  if (flow.mode == Mode::merge && flow.key.empty()) {
    return fail(Fault::config, node.place.text() + ": 'mode: merge' needs a key",
                "name the columns that tell rows apart: `key: order_id`, or a list of them");
  }
  if (flow.mode != Mode::append && flow.from.role == Role::queue) {
    return fail(Fault::config, node.find("mode")->place.text() + ": a flow from a queue appends",
                "leave `mode` out; replace and merge are for objects");
  }
  if (const Node* least = node.find("min_rows")) {
    if (flow.mode != Mode::replace) {
      return fail(Fault::config, least->place.text() + ": 'min_rows' is of a flow whose rows take the place of others",
                  "leave it out, or say `mode: replace`");
    }
    SLUICE_TRY(const std::int64_t rows, read_integer(*least, "min_rows", 0, 1'000'000'000'000, variables_));
    flow.min_rows = static_cast<std::uint64_t>(rows);
  }
  const Node* chunk = node.find("chunk_mb");
  if (chunk == nullptr) return {};
  if (flow.mode == Mode::replace || flow.from.role == Role::queue) {
    return fail(Fault::config, chunk->place.text() + ": 'chunk_mb' is of a flow from objects that appends or merges",
                "leave it out; `mode: replace` is one transaction whatever its size");
  }
  SLUICE_TRY(const std::int64_t size, read_integer(*chunk, "chunk_mb", 1, 1024 * 1024, variables_));
  flow.chunk_bytes = static_cast<std::uint64_t>(size) << 20U;
  return {};
}

// CONNECTION.TABLE or CONNECTION.SCHEMA.TABLE.
Result<FlowEnds::Table> FlowEnds::read_table(const Node& node) const {
  SLUICE_TRY(const std::string text, read_text(node, "table", variables_));
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if (parts.size() < 2 || parts.size() > 3 || std::ranges::any_of(parts, &std::string::empty)) {
    return fail(Fault::config, node.place.text() + ": a table is CONNECTION.TABLE or CONNECTION.SCHEMA.TABLE");
  }
  SLUICE_CHECK(connection_in_role(parts[0], Role::database, node.place));
  return Table{parts[0], {parts.size() == 3 ? parts[1] : "", parts.back()}};
}

Result<std::vector<Watched>> FlowEnds::read_watch(const Node& schedule) const {
  std::vector<Watched> out;
  const Node* watch = schedule.find("watch");
  if (watch == nullptr) return out;
  const std::string wanted = "a map of connections, each a map of tables and their cursors";
  if (watch->kind != Node::Kind::map || watch->keys.empty()) return wrong_shape(*watch, "'watch'", wanted);
  for (std::size_t i = 0; i < watch->keys.size(); ++i) {
    const std::string& connection = watch->keys[i];
    SLUICE_CHECK(connection_in_role(connection, Role::database, watch->key_places[i]));
    const Node& tables = watch->items[i];
    if (tables.kind != Node::Kind::map || tables.keys.empty())
      return wrong_shape(tables, "'" + connection + "'", wanted);
    for (std::size_t t = 0; t < tables.keys.size(); ++t) {
      const std::string& name = tables.keys[t];
      const std::size_t dot = name.find('.');
      TableName table{dot == std::string::npos ? "" : name.substr(0, dot),
                      dot == std::string::npos ? name : name.substr(dot + 1)};
      if (table.table.empty() || dot == 0 || table.table.find('.') != std::string::npos)
        return fail(Fault::config, tables.key_places[t].text() + ": a watched table is TABLE or SCHEMA.TABLE");
      SLUICE_TRY(std::string cursor, read_text(tables.items[t], name, variables_));
      if (cursor.empty()) {
        return fail(Fault::config, tables.items[t].place.text() + ": table '" + name + "' has no cursor",
                    "name a column that grows as rows are written, or \"*\" to look at the whole table");
      }
      if (cursor == "*") cursor.clear();
      out.push_back({connection, {std::move(table), std::move(cursor), tables.items[t].place}});
    }
  }
  return out;
}

Result<void> FlowEnds::read_into(const Node& node, Flow& flow) {
  SLUICE_CHECK(check_keys(node, into_keys, "'into'"));
  SLUICE_TRY(Table target, read_table(*node.find("table")));
  flow.into_connection = std::move(target.connection);
  flow.into_table = std::move(target.table);
  SLUICE_CHECK(read_mode(node, flow));
  const Node* create = node.find("create");
  if (create == nullptr) return {};
  SLUICE_TRY(const std::string text, read_text(*create, "create", variables_));
  if (text == "false") return {};
  if (text == "true") {
    flow.create = CreateTable{};
    return {};
  }
  CreateTable made;
  SLUICE_TRY(made.sql,
             read_file(*create, "create", made.file, "write it, or `create: true` to make the table from the columns"));
  flow.create = std::move(made);
  return {};
}

Result<std::string> FlowEnds::read_file(const Node& node, const std::string& what, std::string& file,
                                        const std::string& hint) const {
  SLUICE_TRY(const std::string text, read_text(node, what, variables_));
  file = (std::filesystem::path(folder_) / text).lexically_normal().string();
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file))
    return fail(Fault::config, node.place.text() + ": '" + what + "': there is no file " + file, hint);
  std::ostringstream content;
  content << in.rdbuf();
  if (content.str().find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(Fault::config, node.place.text() + ": '" + what + "': " + file + " is empty");
  return content.str();
}

Result<void> FlowEnds::read_rejects(const Node& node, Flow& flow) {
  SLUICE_CHECK(check_keys(node, rejects_keys, "'rejects'"));
  SLUICE_TRY(Table target, read_table(*node.find("table")));
  if (target.connection != flow.into_connection) {
    return fail(Fault::config, node.find("table")->place.text() + ": rejects go into the database of 'into' (" +
                                   flow.into_connection + "), in the transaction of the rows, not into '" +
                                   target.connection + "'");
  }
  flow.rejects = std::move(target.table);
  return {};
}

}  // namespace sluice::project
