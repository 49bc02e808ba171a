#include "sluice/project/model_reader.hpp"

#include <strings.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sluice/core/words.hpp"
#include "sluice/models/sql_text.hpp"
#include "sluice/models/tests_sql.hpp"
#include "sluice/project/reader.hpp"
#include "sluice/project/vars_reader.hpp"

namespace sluice::project {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t sql_bytes_max = 1U << 20U;
constexpr const char* shared_yaml = "models.yaml";

struct SqlFile {
  std::string name;
  std::string file;
  std::string sql;
};

// What an end of a range must be where its column has this type. Empty: it is, or the database decides.
std::string_view wanted_instead(const std::optional<Type>& type, const std::string& end) {
  if (!type) return {};
  switch (type->kind) {
    case Kind::int32:
    case Kind::int64:
    case Kind::float64:
    case Kind::decimal: return models::is_number(end) ? "" : "a number";
    case Kind::date:
    case Kind::timestamp:
    case Kind::timestamp_tz: return models::is_number(end) ? "a day or a time, such as 2022-09-05" : "";
    default: return {};
  }
}

bool is_above(const std::string& min, const std::string& max) {
  if (is_date(min) && is_date(max)) return min > max;
  if (!models::is_number(min) || !models::is_number(max)) return false;
  return std::strtold(min.c_str(), nullptr) > std::strtold(max.c_str(), nullptr);
}

// The files of a folder and those below it that end in `extension`, hidden ones left out, in the order of their paths.
Result<std::vector<fs::path>> files_in(const std::string& folder, const char* extension) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) {
      if (entry->is_directory()) entry.disable_recursion_pending();
    } else if (entry->path().extension() == extension && !entry->is_directory()) {
      files.push_back(entry->path());
    }
  }
  if (error) return fail(Fault::config, folder + ": the folder cannot be read: " + error.message());
  std::ranges::sort(files);
  return files;
}

Result<SqlFile> read_sql(const fs::path& path) {
  SqlFile out{path.stem().string(), path.string(), {}};
  if (!is_plain_name(out.name)) {
    return fail(Fault::config, out.file + ": '" + out.name + "' is no name",
                "a name has letters, digits, _ and -, does not begin with a digit, and is at most 63 long");
  }
  std::ifstream in(path, std::ios::binary);
  out.sql.resize(sql_bytes_max + 1);
  in.read(out.sql.data(), static_cast<std::streamsize>(out.sql.size()));
  if (in.bad() || (in.fail() && !in.eof())) return fail(Fault::config, out.file + ": cannot be read");
  out.sql.resize(static_cast<std::size_t>(in.gcount()));
  if (out.sql.size() > sql_bytes_max) return fail(Fault::config, out.file + ": is larger than 1 MiB");
  if (out.sql.starts_with("\xef\xbb\xbf")) out.sql.erase(0, 3);
  out.sql = models::without_semicolon(out.sql);
  if (out.sql.empty()) return fail(Fault::config, out.file + ": is empty", "write one SELECT, or remove the file");
  return out;
}

TableName parse_table(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) return {"", text};
  return {text.substr(0, dot), text.substr(dot + 1)};
}

class ModelsReader {
 public:
  ModelsReader(std::string folder, const Variables& variables, const models::ParameterValues& values)
      : folder_(std::move(folder)), variables_(variables), values_(values) {}

  Result<Models> read(const Node& node) {
    SLUICE_CHECK(check_keys(node, models_keys, "'models'"));
    SLUICE_TRY(out_.connection, read_text(*node.find("on"), "on", variables_));
    if (const Node* schema = node.find("schema")) {
      SLUICE_TRY(out_.schema, read_text(*schema, "schema", variables_));
      if (out_.schema.empty() || out_.schema.size() > 63 || out_.schema.find('\0') != std::string::npos)
        return fail(Fault::config, schema->place.text() + ": 'schema' must have 1 to 63 bytes");
    }
    SLUICE_TRY(const std::string models_folder, read_folder(node, "path", "models"));
    SLUICE_TRY(out_.tests_folder, read_folder(node, "tests", "tests"));
    if (!fs::is_directory(models_folder)) {
      const Node* path = node.find("path");
      return fail(Fault::config,
                  (path == nullptr ? node : *path).place.text() + ": there is no folder " + models_folder,
                  "make it, with a .sql file a model in it, or name another by `path`");
    }
    SLUICE_CHECK(read_sql_files(models_folder));
    SLUICE_CHECK(read_yaml_files(models_folder));
    SLUICE_CHECK(read_test_files());
    return std::move(out_);
  }

 private:
  Result<std::string> read_folder(const Node& node, const char* key, std::string name) {
    if (const Node* given = node.find(key)) {
      SLUICE_TRY(name, read_text(*given, key, variables_));
    }
    return (fs::path(folder_) / name).lexically_normal().string();
  }

  Result<void> read_sql_files(const std::string& folder) {
    SLUICE_TRY(const std::vector<fs::path> files, files_in(folder, ".sql"));
    for (const fs::path& path : files) {
      SLUICE_TRY(SqlFile file, read_sql(path));
      ModelFile made;
      made.model.name = file.name;
      made.model.table = {out_.schema, file.name};
      made.model.place = {file.file, 1, 1};
      for (const ModelFile& other : out_.models) {
        if (strcasecmp(other.model.name.c_str(), file.name.c_str()) == 0) {
          return fail(Fault::config, file.file + ": there are two models of one name: see " + other.model.place.file,
                      "a model has the name of its file, whatever the folder: rename one");
        }
      }
      SLUICE_TRY(made.model.sql, models::put_in_parameters(file.sql, values_, made.model.place));
      out_.models.push_back(std::move(made));
    }
    if (out_.models.empty())
      return fail(Fault::config, folder + ": there is no model in it", "write a .sql file of one SELECT");
    std::ranges::sort(out_.models, {}, [](const ModelFile& file) { return file.model.name; });
    return {};
  }

  Result<void> read_yaml_files(const std::string& folder) {
    SLUICE_TRY(const std::vector<fs::path> files, files_in(folder, ".yaml"));
    for (const fs::path& path : files) {
      SLUICE_TRY(const Node root, read_tree(path.string()));
      if (path.filename() != shared_yaml) {
        SLUICE_CHECK(read_declared(path.stem().string(), {path.string()}, root));
        continue;
      }
      for (std::size_t i = 0; i < root.keys.size(); ++i) {
        SLUICE_CHECK(read_declared(root.keys[i], root.key_places[i], root.items[i]));
      }
    }
    return {};
  }

  Result<void> read_declared(const std::string& name, const Place& place, const Node& node) {
    std::vector<std::string> names;
    for (ModelFile& file : out_.models) {
      names.push_back(file.model.name);
      if (file.model.name != name) continue;
      const auto [other, fresh] = declared_.emplace(name, place);
      if (!fresh) {
        return fail(Fault::config,
                    place.text() + ": model '" + name + "' is declared twice: see " + other->second.text());
      }
      return read_model(node, file);
    }
    return fail(Fault::config, place.text() + ": there is no model '" + name + "', since no file " + name + ".sql",
                did_you_mean(name, names));
  }

  Result<void> read_model(const Node& node, ModelFile& file) {
    Model& model = file.model;
    SLUICE_CHECK(check_keys(node, model_keys, "model '" + model.name + "'"));
    if (const Node* materialize = node.find("materialize")) {
      SLUICE_TRY(model.materialize, read_materialize(*materialize));
    }
    if (const Node* key = node.find("key")) {
      SLUICE_TRY(model.key, read_texts(*key, "key"));
      if (model.materialize == Materialize::view)
        return fail(Fault::config, key->place.text() + ": a view has no key", "declare its columns `unique: true`");
    }
    const bool needs_key = model.materialize == Materialize::incremental || model.materialize == Materialize::upsert;
    if (needs_key && model.key.empty()) {
      return fail(Fault::config, node.find("materialize")->place.text() + ": model '" + model.name + "' needs a key",
                  "name the columns that tell which rows give way: `key: day`, or a list of them");
    }
    if (const Node* columns = node.find("columns")) SLUICE_CHECK(read_columns(*columns, model));
    if (model.materialize != Materialize::incremental)
      add(model, models::key_tests(model.table, model.key), node.place);
    if (const Node* tests = node.find("tests")) SLUICE_CHECK(read_tests(*tests, model));
    if (const Node* reads = node.find("reads")) {
      SLUICE_TRY(const std::vector<std::string> names, read_texts(*reads, "reads"));
      file.reads.emplace();
      for (const std::string& name : names) file.reads->push_back(parse_table(name));
    }
    return {};
  }

  Result<Materialize> read_materialize(const Node& node) {
    SLUICE_TRY(const std::string text, read_text(node, "materialize", variables_));
    constexpr std::array words{std::pair("table", Materialize::table), std::pair("view", Materialize::view),
                               std::pair("incremental", Materialize::incremental),
                               std::pair("upsert", Materialize::upsert)};
    std::vector<std::string> known;
    for (const auto& [word, meaning] : words) {
      if (text == word) return meaning;
      known.emplace_back(word);
    }
    return fail(Fault::config, node.place.text() + ": 'materialize' is one of " + join(known, ", "),
                did_you_mean_near(text, known));
  }

  // One text, or a list of them.
  Result<std::vector<std::string>> read_texts(const Node& node, const char* key) {
    std::vector<std::string> out;
    if (node.kind == Node::Kind::list) {
      for (const Node& item : node.items) {
        SLUICE_TRY(std::string text, read_text(item, key, variables_));
        out.push_back(std::move(text));
      }
      if (out.empty())
        return fail(Fault::config, node.place.text() + ": '" + key + "' is an empty list", "fill it, or leave it out");
      return out;
    }
    SLUICE_TRY(std::string text, read_text(node, key, variables_));
    out.push_back(std::move(text));
    return out;
  }

  Result<void> read_columns(const Node& node, Model& model) {
    if (node.kind != Node::Kind::map) return wrong_shape(node, "'columns'", "a map of names and types");
    for (std::size_t i = 0; i < node.keys.size(); ++i) SLUICE_CHECK(read_column(node.keys[i], node.items[i], model));
    return {};
  }

  Result<Type> read_type(const Node& node) {
    SLUICE_TRY(const std::string text, read_text(node, "type", variables_));
    if (const auto type = parse_type(text)) return *type;
    const std::vector<std::string> names(type_names().begin(), type_names().end());
    return fail(Fault::config, node.place.text() + ": there is no type '" + text + "'", did_you_mean(text, names));
  }

  Result<void> read_column(const std::string& name, const Node& node, Model& model) {
    ModelColumn column{.name = name};
    models::ColumnRules rules{.column = name};
    if (node.kind == Node::Kind::scalar) {
      SLUICE_TRY(column.type, read_type(node));
      model.columns.push_back(std::move(column));
      return {};
    }
    SLUICE_CHECK(check_keys(node, model_column_keys, "column '" + name + "'"));
    if (const Node* type = node.find("type")) {
      SLUICE_TRY(column.type, read_type(*type));
    }
    for (const auto& [key, flag] : {std::pair("not_null", &rules.not_null), std::pair("unique", &rules.unique)}) {
      const Node* value = node.find(key);
      if (value == nullptr) continue;
      SLUICE_TRY(*flag, read_boolean(*value, key, variables_));
    }
    if (const Node* accepted = node.find("accepted")) {
      if (accepted->kind != Node::Kind::list) return wrong_shape(*accepted, "'accepted'", "a list of values");
      SLUICE_TRY(rules.accepted, read_texts(*accepted, "accepted"));
    }
    if (const Node* range = node.find("range")) SLUICE_CHECK(read_range(*range, rules, column.type));
    if (const Node* related = node.find("relationships")) SLUICE_CHECK(read_related(*related, rules));
    column.not_null = rules.not_null;
    model.columns.push_back(std::move(column));
    add(model, models::column_tests(model.table, rules), node.place);
    return {};
  }

  Result<void> read_range(const Node& node, models::ColumnRules& rules, const std::optional<Type>& type) {
    SLUICE_CHECK(check_keys(node, range_keys, "'range'"));
    for (const auto& [key, end] : {std::pair("min", &rules.min), std::pair("max", &rules.max)}) {
      const Node* value = node.find(key);
      if (value == nullptr) continue;
      SLUICE_TRY(*end, read_text(*value, key, variables_));
      if (const std::string_view wanted = wanted_instead(type, **end); !wanted.empty()) {
        return fail(Fault::config, value->place.text() + ": '" + key + "' of column '" + rules.column +
                                       "', which is declared " + to_string(*type) + ", must be " + std::string(wanted));
      }
    }
    if (!rules.min && !rules.max) return fail(Fault::config, node.place.text() + ": 'range' needs min, max or both");
    if (rules.min && rules.max && is_above(*rules.min, *rules.max))
      return fail(Fault::config, node.place.text() + ": 'range' lets no value pass: min is above max");
    return {};
  }

  Result<void> read_related(const Node& node, models::ColumnRules& rules) {
    SLUICE_CHECK(check_keys(node, relationships_keys, "'relationships'"));
    SLUICE_TRY(const std::string to, read_text(*node.find("to"), "to", variables_));
    SLUICE_TRY(std::string column, read_text(*node.find("column"), "column", variables_));
    rules.related = models::Related{parse_table(to), std::move(column)};
    return {};
  }

  Result<void> read_tests(const Node& node, Model& model) {
    if (node.kind != Node::Kind::map) return wrong_shape(node, "'tests'", "a map of names and SELECTs");
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
      const Node& sql = node.items[i];
      if (sql.kind != Node::Kind::scalar) return wrong_shape(sql, "test '" + node.keys[i] + "'", "a SELECT");
      const Place place = sql.text_place();
      const std::string text = models::without_semicolon(sql.text);
      if (text.empty()) return fail(Fault::config, sql.place.text() + ": test '" + node.keys[i] + "' is empty");
      SLUICE_TRY(std::string ready, models::put_in_parameters(text, values_, place));
      add(model, {{node.keys[i], std::move(ready)}}, node.key_places[i]);
    }
    return {};
  }

  // One test of one name counts once: a key may be declared not_null, too.
  static void add(Model& model, std::vector<ModelTest> tests, const Place& place) {
    for (ModelTest& test : tests) {
      test.place = place;
      if (std::ranges::find(model.tests, test.name, &ModelTest::name) == model.tests.end())
        model.tests.push_back(std::move(test));
    }
  }

  Result<void> read_test_files() {
    if (!fs::is_directory(out_.tests_folder)) return {};
    SLUICE_TRY(const std::vector<fs::path> files, files_in(out_.tests_folder, ".sql"));
    for (const fs::path& path : files) {
      SLUICE_TRY(SqlFile file, read_sql(path));
      const Place place{file.file, 1, 1};
      SLUICE_TRY(std::string sql, models::put_in_parameters(file.sql, values_, place));
      out_.tests.push_back({{file.name, std::move(sql), place}, place});
    }
    return {};
  }

  std::string folder_;
  const Variables& variables_;
  const models::ParameterValues& values_;
  std::map<std::string, Place> declared_;
  Models out_;
};

}  // namespace

Result<Models> read_models(const Node& node, const std::string& folder, const Variables& variables,
                           const models::ParameterValues& values) {
  return ModelsReader(folder, variables, values).read(node);
}

}  // namespace sluice::project
