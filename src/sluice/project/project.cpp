#include "sluice/project/project.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sluice/core/words.hpp"
#include "sluice/project/reader.hpp"
#include "sluice/project/record_reader.hpp"

namespace sluice::project {
namespace {

class Loader {
 public:
  Loader(const std::string& file, const LoadOptions& options)
      : options_(options), variables_(options.vars, options.environment) {
    project_.file = file;
    project_.folder = std::filesystem::path(file).parent_path().string();
    if (project_.folder.empty()) project_.folder = ".";
  }

  Result<Project> load() {
    SLUICE_TRY(const Node root, read_tree(project_.file));
    SLUICE_CHECK(check_keys(root, project_keys, "the project"));
    for (const auto& [name, value] : options_.built_in) variables_.define(name, value);
    SLUICE_CHECK(variables_.read_dot_env((std::filesystem::path(project_.folder) / ".env").string()));
    if (const Node* vars = root.find("vars")) SLUICE_CHECK(read_vars(*vars));
    SLUICE_TRY(project_.name, read_name(*root.find("name"), "name"));
    SLUICE_CHECK(read_connections(*root.find("connections")));
    if (const Node* keys = root.find("keys")) {
      SLUICE_TRY(const std::string file, read_text(*keys, "keys", variables_));
      project_.keys_file = beside(file);
    }
    project_.values = variables_.values();
    const Node* flows = root.find("flows");
    const Node* models = root.find("models");
    if (flows == nullptr && models == nullptr) {
      return fail(Fault::config,
                  root.place.text() + ": the project needs 'flows': what moves from where to where; or " + "'models'");
    }
    if (flows != nullptr) SLUICE_CHECK(read_flows(*flows));
    if (models != nullptr) SLUICE_CHECK(read_project_models(*models));
    return std::move(project_);
  }

 private:
  std::string beside(const std::string& file) const {
    return (std::filesystem::path(project_.folder) / file).lexically_normal().string();
  }

  Result<std::string> read_name(const Node& node, const std::string& key) {
    SLUICE_TRY(std::string name, read_text(node, key, variables_));
    if (!is_plain_name(name)) return bad_name(node.place, name);
    return name;
  }

  static tl::unexpected<Error> bad_name(const Place& place, const std::string& name) {
    return fail(Fault::config, place.text() + ": '" + name.substr(0, 80) + "' is no name",
                "a name has letters, digits, _ and -, does not begin with a digit, and is at most 63 long");
  }

  Result<void> read_vars(const Node& node) {
    if (node.kind != Node::Kind::map) return wrong_shape(node, "'vars'", "a map of names and values");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      if (options_.built_in.contains(node.keys[i])) {
        return fail(Fault::config, node.key_places[i].text() + ": variable '" + node.keys[i] + "' is built in",
                    "take another name; --var " + node.keys[i] + "=... gives it another value for one run");
      }
      // One may take its value from those before it.
      SLUICE_TRY(std::string value, read_text(node.items[i], node.keys[i], variables_));
      variables_.define(node.keys[i], std::move(value));
    }
    return {};
  }

  Result<void> read_connections(const Node& node) {
    if (node.kind != Node::Kind::map) return wrong_shape(node, "'connections'", "a map of names and connections");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      if (!is_plain_name(node.keys[i])) return bad_name(node.key_places[i], node.keys[i]);
      SLUICE_CHECK(read_connection(node.keys[i], node.items[i]));
    }
    return {};
  }

  Result<void> read_connection(const std::string& name, const Node& node) {
    if (node.kind != Node::Kind::map) return wrong_shape(node, "connection '" + name + "'", "a map");
    std::vector<std::string> kinds;
    const ConnectorKind* kind = nullptr;
    for (const ConnectorKind& candidate : options_.connectors) {
      kinds.emplace_back(candidate.name);
      if (node.find(candidate.name) == nullptr) continue;
      if (kind != nullptr) {
        return fail(Fault::config, node.place.text() + ": connection '" + name + "' is both " +
                                       std::string(kind->name) + " and " + std::string(candidate.name));
      }
      kind = &candidate;
    }
    if (kind == nullptr) {
      const std::string first = node.keys.empty() ? "" : node.keys.front();
      return fail(Fault::config, node.place.text() + ": connection '" + name + "' names no connector",
                  did_you_mean(first, kinds));
    }
    std::vector<std::string> known;
    for (const Option& option : kind->options) known.emplace_back(option.name);
    SLUICE_CHECK(check_keys(node, known, "connection '" + name + "' (" + std::string(kind->name) + ")"));

    Connection connection{name, kind, {}};
    connection.settings.connection = name;
    connection.settings.project = project_.name;
    connection.settings.folder = project_.folder;
    connection.settings.place = node.place;
    for (const Option& option : kind->options) {
      const Node* value = node.find(option.name);
      if (value == nullptr) continue;
      SLUICE_TRY(Setting setting, read_setting(*value, option));
      connection.settings.values.emplace(option.name, std::move(setting));
    }
    project_.connections.push_back(std::move(connection));
    return {};
  }

  Result<Setting> read_setting(const Node& node, const Option& option) {
    Setting setting;
    setting.place = node.place;
    const std::string key(option.name);
    if (node.kind == Node::Kind::map && option.type == OptionType::text_or_keywords) {
      for (std::size_t i = 0; i < node.keys.size(); ++i) {
        SLUICE_TRY(setting.keywords[node.keys[i]], read_text(node.items[i], node.keys[i], variables_));
      }
      return setting;
    }
    SLUICE_TRY(setting.text, read_text(node, key, variables_));
    // What is wrong with a value's type is found here, so that `validate` says it without a connector.
    Settings alone;
    alone.values.emplace(key, setting);
    switch (option.type) {
      case OptionType::boolean: SLUICE_CHECK(alone.boolean(key, false)); break;
      case OptionType::integer: SLUICE_CHECK(alone.integer(key, 0, INT64_MIN, INT64_MAX)); break;
      case OptionType::duration: SLUICE_CHECK(alone.duration(key, {})); break;
      case OptionType::text:
      case OptionType::text_or_keywords: break;
    }
    return setting;
  }

  Result<const Connection*> connection_in_role(const std::string& name, Role role, const Place& place) const {
    std::vector<std::string> names;
    for (const Connection& connection : project_.connections) {
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

  Result<void> read_flows(const Node& node) {
    if (node.kind != Node::Kind::map || node.keys.empty())
      return wrong_shape(node, "'flows'", "a map of names and flows");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      if (!is_plain_name(node.keys[i])) return bad_name(node.key_places[i], node.keys[i]);
      SLUICE_CHECK(read_flow(node.keys[i], node.key_places[i], node.items[i]));
    }
    return {};
  }

  Result<void> read_project_models(const Node& node) {
    SLUICE_TRY(project_.models, read_models(node, project_.folder, variables_, project_.values));
    SLUICE_CHECK(connection_in_role(project_.models->connection, Role::database, node.find("on")->place));
    return {};
  }

  Result<void> read_flow(const std::string& name, const Place& place, const Node& node) {
    SLUICE_CHECK(check_keys(node, flow_keys, "flow '" + name + "'"));
    Flow flow;
    flow.name = name;
    flow.place = place;
    SLUICE_CHECK(read_from(*node.find("from"), flow.from));
    SLUICE_TRY(flow.record, read_record(*node.find("record"), variables_));
    if (const Node* extra = node.find("extra")) {
      SLUICE_TRY(const std::string text, read_text(*extra, "extra", variables_));
      if (text != "ignore" && text != "reject")
        return fail(Fault::config, extra->place.text() + ": 'extra' is ignore or reject");
      flow.record.extra = text == "reject" ? Record::Extra::reject : Record::Extra::ignore;
    }
    if (const Node* select = node.find("select")) {
      if (select->kind != Node::Kind::scalar) return wrong_shape(*select, "'select'", "SQL text");
      flow.select = select->text;  // as it stands: SQL has its own use for $
      flow.select_place = select->place;
      if (select->block) flow.select_place = {select->place.file, select->place.line + 1, 1};
    }
    SLUICE_CHECK(read_into(*node.find("into"), flow));
    if (const Node* rejects = node.find("rejects")) SLUICE_CHECK(read_rejects(*rejects, flow));
    if (const Node* limit = node.find("max_rejects")) {
      SLUICE_TRY(flow.max_rejects, read_limit(*limit));
    }
    project_.flows.push_back(std::move(flow));
    return {};
  }

  Result<void> read_from(const Node& node, From& from) {
    if (node.kind == Node::Kind::map && node.find("objects") != nullptr) return read_objects(node, from);
    SLUICE_CHECK(check_keys(node, from_queue_keys, "'from'"));
    const Node& queue = *node.find("queue");
    SLUICE_TRY(from.connection, read_text(queue, "queue", variables_));
    SLUICE_CHECK(connection_in_role(from.connection, Role::queue, queue.place));
    return {};
  }

  Result<void> read_objects(const Node& node, From& from) {
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
    }
    if (names != 1) {
      return fail(Fault::config,
                  node.place.text() + ": 'from' names its objects by " +
                      (names == 0 ? "nothing" : "more than one of key, glob and prefix"),
                  "give one of `key: KEY`, `glob: PATTERN` or `prefix: PREFIX`");
    }
    return read_dialect(node, from.dialect);
  }

  // One of `words`, or what stands for a key that is not there.
  template <class T, std::size_t N>
  Result<T> read_word(const Node& node, const char* key, const std::array<std::pair<const char*, T>, N>& words,
                      T otherwise) {
    const Node* value = node.find(key);
    if (value == nullptr) return otherwise;
    SLUICE_TRY(const std::string text, read_text(*value, key, variables_));
    std::vector<std::string> known;
    for (const auto& [word, meaning] : words) {
      if (text == word) return meaning;
      known.emplace_back(word);
    }
    return fail(Fault::config, value->place.text() + ": '" + key + "' is one of " + join(known, ", "),
                did_you_mean(text, known));
  }

  Result<void> read_character(const Node& node, const char* key, bool may_be_none, char& out) {
    const Node* value = node.find(key);
    if (value == nullptr) return {};
    SLUICE_TRY(std::string text, read_text(*value, key, variables_));
    if (text == "\\t") text = "\t";
    const bool fits =
        text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80 && text[0] != '\n' && text[0] != '\r';
    if (!fits && !(text.empty() && may_be_none))
      return fail(Fault::config, value->place.text() + ": '" + key + "' is one ASCII character, or \\t for a tab");
    out = text.empty() ? '\0' : text[0];
    return {};
  }

  Result<void> read_dialect(const Node& node, objects::Dialect& dialect) {
    using objects::Compression;
    using objects::Format;
    SLUICE_TRY(
        dialect.format,
        read_word(node, "format", std::array{std::pair("csv", Format::csv), std::pair("json", Format::json_lines)},
                  Format::csv));
    SLUICE_TRY(dialect.compression,
               read_word(node, "compression",
                         std::array{std::pair("auto", Compression::by_name), std::pair("none", Compression::none),
                                    std::pair("gzip", Compression::gzip), std::pair("zstd", Compression::zstd)},
                         Compression::by_name));
    if (dialect.format != Format::csv) {
      for (const char* key : {"delimiter", "quote", "header", "null_text"}) {
        if (const Node* value = node.find(key))
          return fail(Fault::config, value->place.text() + ": '" + key + "' is of CSV, but 'format' is json");
      }
    }
    SLUICE_CHECK(read_character(node, "delimiter", false, dialect.csv.delimiter));
    SLUICE_CHECK(read_character(node, "quote", true, dialect.csv.quote));
    if (dialect.csv.delimiter == dialect.csv.quote)
      return fail(Fault::config, node.place.text() + ": 'delimiter' and 'quote' are the same character");
    if (const Node* header = node.find("header")) {
      SLUICE_TRY(dialect.csv.header, read_boolean(*header, "header", variables_));
    }
    if (const Node* null = node.find("null_text")) {
      SLUICE_TRY(dialect.csv.null_text, read_text(*null, "null_text", variables_));
    }
    return {};
  }

  Result<void> read_mode(const Node& node, Flow& flow) {
    SLUICE_TRY(flow.mode, read_word(node, "mode",
                                    std::array{std::pair("append", Mode::append), std::pair("replace", Mode::replace),
                                               std::pair("merge", Mode::merge)},
                                    Mode::append));
    if (const Node* key = node.find("key")) {
      const std::vector<Node> alone{*key};
      if (key->kind == Node::Kind::map || key->kind == Node::Kind::null)
        return wrong_shape(*key, "'key'", "a column or a list of columns");
      for (const Node& column : key->kind == Node::Kind::list ? key->items : alone) {
        SLUICE_TRY(std::string name, read_text(column, "key", variables_));
        flow.key.push_back(std::move(name));
      }
    }
    if (flow.mode == Mode::merge && flow.key.empty()) {
      return fail(Fault::config, node.place.text() + ": 'mode: merge' needs a key",
                  "name the columns that tell rows apart: `key: order_id`, or a list of them");
    }
    if (flow.mode != Mode::append && flow.from.role == Role::queue) {
      return fail(Fault::config, node.find("mode")->place.text() + ": a flow from a queue appends",
                  "leave `mode` out; replace and merge are for objects");
    }
    return {};
  }

  struct Target {
    std::string connection;
    TableName table;
  };

  // CONNECTION.TABLE or CONNECTION.SCHEMA.TABLE.
  Result<Target> read_table(const Node& node) {
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
    return Target{parts[0], {parts.size() == 3 ? parts[1] : "", parts.back()}};
  }

  Result<void> read_into(const Node& node, Flow& flow) {
    SLUICE_CHECK(check_keys(node, into_keys, "'into'"));
    SLUICE_TRY(Target target, read_table(*node.find("table")));
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
    const std::string file = beside(text);
    std::ifstream in(file, std::ios::binary);
    if (!in || std::filesystem::is_directory(file)) {
      return fail(Fault::config, create->place.text() + ": 'create': there is no file " + file,
                  "write it, or `create: true` to make the table from the columns");
    }
    std::ostringstream sql;
    sql << in.rdbuf();
    if (sql.str().find_first_not_of(" \t\r\n") == std::string::npos)
      return fail(Fault::config, create->place.text() + ": 'create': " + file + " is empty");
    flow.create = CreateTable{sql.str(), file};
    return {};
  }

  Result<void> read_rejects(const Node& node, Flow& flow) {
    SLUICE_CHECK(check_keys(node, rejects_keys, "'rejects'"));
    SLUICE_TRY(Target target, read_table(*node.find("table")));
    if (target.connection != flow.into_connection) {
      return fail(Fault::config, node.find("table")->place.text() + ": rejects go into the database of 'into' (" +
                                     flow.into_connection + "), in the transaction of the rows, not into '" +
                                     target.connection + "'");
    }
    flow.rejects = std::move(target.table);
    return {};
  }

  Result<RejectLimit> read_limit(const Node& node) {
    SLUICE_TRY(std::string text, read_text(node, "max_rejects", variables_));
    RejectLimit limit;
    const bool percent = text.ends_with('%');
    if (percent) text.pop_back();
    const char* end = text.data() + text.size();
    if (percent) {
      double number = 0;
      const auto [last, error] = std::from_chars(text.data(), end, number);
      if (error == std::errc{} && last == end && number >= 0 && number <= 100) {
        limit.percent = number;
        return limit;
      }
    } else {
      std::uint64_t number = 0;
      const auto [last, error] = std::from_chars(text.data(), end, number);
      if (error == std::errc{} && last == end) {
        limit.count = number;
        return limit;
      }
    }
    return fail(Fault::config,
                node.place.text() + ": 'max_rejects' is a number of messages, as 100, or a share of them, as 1%");
  }

  const LoadOptions& options_;
  Variables variables_;
  Project project_;
};

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::queue: return "a queue";
    case Role::object_store: return "an object store";
    case Role::database: return "a database";
  }
  return "?";
}

Result<Project> load(const std::string& file, const LoadOptions& options) { return Loader(file, options).load(); }

}  // namespace sluice::project
