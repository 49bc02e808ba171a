#include "sluice/project/project.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "sluice/core/words.hpp"
#include "sluice/project/dialect_reader.hpp"
#include "sluice/project/flow_ends.hpp"
#include "sluice/project/places.hpp"
#include "sluice/project/reader.hpp"
#include "sluice/project/record_reader.hpp"
#include "sluice/project/schedule_reader.hpp"
#include "sluice/project/vars_reader.hpp"

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
    if (const auto day = variables_.given("run_date"); day && !is_date(*day))
      return fail(Fault::config, "--var run_date must be a day, written as 2022-09-05");
    SLUICE_CHECK(variables_.read_dot_env((std::filesystem::path(project_.folder) / ".env").string()));
    if (const Node* vars = root.find("vars")) SLUICE_CHECK(read_vars(*vars, options_.built_in, variables_));
    SLUICE_TRY(project_.name, read_name(*root.find("name"), "name"));
    SLUICE_CHECK(read_connections(*root.find("connections")));
    if (const Node* keys = root.find("keys")) {
      SLUICE_TRY(const std::string file, read_text(*keys, "keys", variables_));
      project_.keys_file = beside(file);
    }
    values_ = models::ParameterValues(variables_.values());
    const Node* flows = root.find("flows");
    const Node* models = root.find("models");
    if (flows == nullptr && models == nullptr) {
      return fail(Fault::config,
                  root.place.text() + ": the project needs 'flows': what moves from where to where; or " + "'models'");
    }
    if (flows != nullptr) SLUICE_CHECK(read_flows(*flows));
    if (const Node* schedule = root.find("schedule")) {
      SLUICE_TRY(project_.schedule, read_schedule(*schedule, variables_));
      SLUICE_TRY(project_.watch, ends().read_watch(*schedule));
    }
    if (models != nullptr) SLUICE_CHECK(read_project_models(*models));
    SLUICE_CHECK(check_places(project_));
    project_.strange_vars = variables_.strange(values_.asked());
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
    for (const KeyRule& rule : connection_keys) {
      if (fits(rule, kind->role)) known.emplace_back(rule.name);
    }
    SLUICE_CHECK(check_keys(node, known, "connection '" + name + "' (" + std::string(kind->name) + ")"));

    Connection connection{.name = name, .kind = kind, .settings = {}};
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
    SLUICE_CHECK(read_personal(node, connection));
    project_.connections.push_back(std::move(connection));
    return {};
  }

  Result<void> read_personal(const Node& node, Connection& connection) {
    const Words<bool, 2> words{std::pair("allowed", true), std::pair("refused", false)};
    SLUICE_TRY(connection.personal_data_allowed, read_word(node, "personal_data", words, false, variables_));
    const Node* personal = node.find("personal");
    if (personal == nullptr) return {};
    if (personal->kind != Node::Kind::map)
      return wrong_shape(*personal, "'personal'", "a map of tables and their columns");
    for (std::size_t i = 0; i < personal->keys.size(); ++i) {
      SLUICE_TRY(connection.personal[personal->keys[i]],
                 read_names(personal->items[i], personal->keys[i], "a column or a list of columns", variables_));
    }
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
    SLUICE_TRY(project_.models, read_models(node, project_.folder, variables_, values_));
    SLUICE_CHECK(ends().connection_in_role(project_.models->connection, Role::database, node.find("on")->place));
    return {};
  }

  FlowEnds ends() const { return FlowEnds(project_.connections, variables_, project_.folder); }

  static Result<void> read_select(const Node& node, std::string& sql, Place& place) {
    const Node* select = node.find("select");
    if (select == nullptr) return {};
    if (select->kind != Node::Kind::scalar) return wrong_shape(*select, "'select'", "SQL text");
    sql = select->text;  // as it stands: SQL has its own use for $
    place = select->text_place();
    return {};
  }

  Result<void> read_export(const std::string& name, const Place& place, const Node& node) {
    SLUICE_CHECK(check_keys(node, export_keys, "flow '" + name + "' (from a database)"));
    Export made;
    made.name = name;
    made.place = place;
    FlowEnds ends = this->ends();
    SLUICE_CHECK(ends.read_from_database(*node.find("from"), values_, made));
    SLUICE_CHECK(read_select(node, made.select, made.select_place));
    SLUICE_CHECK(ends.read_into_objects(*node.find("into"), made.into));
    if (const Node* after = node.find("after")) {
      SLUICE_TRY(made.after, read_names(*after, "after", "a model or a flow", variables_));
      made.after_place = after->place;
    }
    if (const Node* incremental = node.find("incremental")) SLUICE_CHECK(ends.read_incremental(*incremental, made));
    if (const Node* schedule = node.find("schedule")) {
      SLUICE_TRY(made.schedule, read_schedule(*schedule, variables_));
      SLUICE_TRY(made.watch, ends.read_watch(*schedule));
    }
    project_.exports.push_back(std::move(made));
    return {};
  }

  Result<void> read_flow(const std::string& name, const Place& place, const Node& node) {
    const Node* from = node.kind == Node::Kind::map ? node.find("from") : nullptr;
    if (from != nullptr && from->kind == Node::Kind::map &&
        (from->find("table") != nullptr || from->find("database") != nullptr)) {
      return read_export(name, place, node);
    }
    SLUICE_CHECK(check_keys(node, flow_keys, "flow '" + name + "'"));
    Flow flow;
    flow.name = name;
    flow.place = place;
    FlowEnds ends = this->ends();
    SLUICE_CHECK(ends.read_from(*node.find("from"), flow));
    SLUICE_TRY(flow.record, read_record(*node.find("record"), variables_));
    if (const Node* extra = node.find("extra")) {
      SLUICE_TRY(const std::string text, read_text(*extra, "extra", variables_));
      if (text != "ignore" && text != "reject")
        return fail(Fault::config, extra->place.text() + ": 'extra' is ignore or reject");
      flow.record.extra = text == "reject" ? Record::Extra::reject : Record::Extra::ignore;
    }
    SLUICE_CHECK(read_select(node, flow.select, flow.select_place));
    SLUICE_CHECK(ends.read_into(*node.find("into"), flow));
    if (const Node* rejects = node.find("rejects")) SLUICE_CHECK(ends.read_rejects(*rejects, flow));
    if (const Node* limit = node.find("max_rejects")) {
      SLUICE_TRY(flow.max_rejects, read_limit(*limit));
    }
    if (const Node* schedule = node.find("schedule")) {
      SLUICE_TRY(flow.schedule, read_schedule(*schedule, variables_));
      SLUICE_TRY(flow.watch, ends.read_watch(*schedule));
    }
    project_.flows.push_back(std::move(flow));
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
  models::ParameterValues values_;  // of :name in SQL: variables of the file, of the command line, and built-in ones
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
