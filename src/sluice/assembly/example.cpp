#include "sluice/assembly/example.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

#include "sluice/core/words.hpp"
#include "sluice/local/duckdb_connection.hpp"
#include "sluice/local/duckdb_model.hpp"
#include "sluice/local/duckdb_table.hpp"
#include "sluice/models/sql_text.hpp"
#include "sluice/project/reader.hpp"

namespace sluice::assembly {
namespace {

using project::Node;

bool same(const std::string& a, const std::string& b) { return strcasecmp(a.c_str(), b.c_str()) == 0; }

TableName parse_table(const std::string& text) {
  const std::size_t dot = text.find('.');
  return dot == std::string::npos ? TableName{"", text} : TableName{text.substr(0, dot), text.substr(dot + 1)};
}

Result<void> read_types(const Node& node, ExampleRows& out) {
  if (node.kind != Node::Kind::map) return project::wrong_shape(node, "'columns'", "a map of names and types");
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const auto type = parse_type(node.items[i].text);
    if (!type) {
      const std::vector<std::string> names(type_names().begin(), type_names().end());
      return fail(Fault::config, node.items[i].place.text() + ": there is no type '" + node.items[i].text + "'",
                  did_you_mean(node.items[i].text, names));
    }
    out.types.emplace_back(node.keys[i], *type);
  }
  return {};
}

Result<ExampleRows> read_rows(const std::string& table, const Place& place, const Node& node) {
  ExampleRows out{.place = place, .table = parse_table(table)};
  const Node* rows = &node;
  if (node.kind == Node::Kind::map) {
    SLUICE_CHECK(project::check_keys(node, project::example_table_keys, "table '" + table + "'"));
    if (const Node* types = node.find("columns")) SLUICE_CHECK(read_types(*types, out));
    rows = node.find("rows");
  }
  if (rows == nullptr || rows->kind == Node::Kind::null) return out;
  if (rows->kind != Node::Kind::list) return project::wrong_shape(*rows, "'" + table + "'", "a list of rows");
  for (const Node& row : rows->items) {
    if (row.kind != Node::Kind::map) return project::wrong_shape(row, "a row", "a map of columns and values");
    for (const std::string& column : row.keys) {
      if (std::ranges::find(out.columns, column) == out.columns.end()) out.columns.push_back(column);
    }
  }
  for (const Node& row : rows->items) {
    std::vector<const Node*> values;
    for (const std::string& column : out.columns) {
      const Node* value = row.find(column);
      if (value != nullptr && value->kind != Node::Kind::scalar && value->kind != Node::Kind::null)
        return project::wrong_shape(*value, "'" + column + "'", "one value");
      values.push_back(value);
    }
    out.rows.push_back(std::move(values));
  }
  return out;
}

bool is_null(const Node* value) { return value == nullptr || value->kind == Node::Kind::null; }

bool is_date(const std::string& text) {
  constexpr std::string_view form = "dddd-dd-dd";
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
  }
  return true;
}

// What a column's values look like, where nobody says what they are.
std::string guess(const std::vector<std::vector<const Node*>>& rows, std::size_t column) {
  bool whole = true;
  bool number = true;
  bool truth = true;
  bool date = true;
  bool any = false;
  for (const auto& row : rows) {
    if (is_null(row[column])) continue;
    any = true;
    const Node& value = *row[column];
    std::int32_t integer = 0;
    const char* end = value.text.data() + value.text.size();
    const auto [last, error] = std::from_chars(value.text.data(), end, integer);
    whole = whole && !value.quoted && error == std::errc{} && last == end;
    number = number && !value.quoted && models::is_number(value.text);
    truth = truth && !value.quoted && (value.text == "true" || value.text == "false");
    date = date && is_date(value.text);
  }
  if (!any) return "VARCHAR";
  return whole ? "INTEGER" : number ? "DOUBLE" : truth ? "BOOLEAN" : date ? "DATE" : "VARCHAR";
}

std::string literal(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

std::string list(const std::vector<std::string>& columns) {
  std::string out;
  for (const std::string& column : columns) out += (out.empty() ? "" : ", ") + local::quoted(std::string_view(column));
  return out;
}

class Trial {
 public:
  Trial(const Assembly& assembly, const Work& work, const Example& example, local::DuckConnection connection)
      : assembly_(assembly), work_(work), example_(example), connection_(std::move(connection)) {}

  Result<std::vector<std::string>> run() {
    for (const ExampleRows& rows : example_.given) SLUICE_CHECK(give(rows));
    SLUICE_CHECK(build());
    for (const ExampleRows& rows : example_.expected) SLUICE_CHECK(compare(rows));
    return std::move(differences_);
  }

 private:
  Result<void> sql(const std::string& text, const Place& place) {
    return connection_.run(text, place.text(), local::Wording::with_message);
  }

  // Types that the project knows: of the flow or the model that writes the table.
  std::vector<std::pair<std::string, Type>> known_types(const TableName& table) const {
    const auto is = [&table](const TableName& name) {
      return same(name.schema, table.schema) && same(name.table, table.table);
    };
    std::vector<std::pair<std::string, Type>> types;
    for (const project::Flow& flow : assembly_.project.flows) {
      if (!is(flow.into_table)) continue;
      const auto plan = plan_flow(assembly_, flow);
      if (!plan) continue;  // no keyring, say: then the values tell
      for (const Field& field : plan->columns) types.emplace_back(field.name, field.type);
      return types;
    }
    for (const Model& model : work_.models) {
      if (!is(model.table)) continue;
      for (const ModelColumn& column : model.columns) {
        if (column.type) types.emplace_back(column.name, *column.type);
      }
    }
    return types;
  }

  Result<void> give(const ExampleRows& rows) {
    std::vector<std::pair<std::string, Type>> types = rows.types.empty() ? known_types(rows.table) : rows.types;
    std::vector<std::string> columns = rows.columns;
    for (const auto& [name, type] : types) {
      if (std::ranges::find(columns, name) == columns.end()) columns.push_back(name);
    }
    if (columns.empty()) {
      return fail(Fault::config, rows.place.text() + ": table " + rows.table.text() + " has neither rows nor columns",
                  "write { columns: { NAME: TYPE }, rows: [] }");
    }
    std::string described;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto known = std::ranges::find(types, columns[i], &std::pair<std::string, Type>::first);
      described += (i == 0 ? "" : ", ") + local::quoted(std::string_view(columns[i])) + " " +
                   (known == types.end() ? guess(rows.rows, i) : local::column_type(known->second));
    }
    if (!rows.table.schema.empty())
      SLUICE_CHECK(
          sql("create schema if not exists " + local::quoted(std::string_view(rows.table.schema)), rows.place));
    SLUICE_CHECK(sql("create table " + local::quoted(rows.table) + " (" + described + ")", rows.place));
    return insert(local::quoted(rows.table), rows);
  }

  Result<void> insert(const std::string& table, const ExampleRows& rows) {
    for (const auto& row : rows.rows) {
      std::string values;
      for (const Node* value : row)
        values += (values.empty() ? "" : ", ") + (is_null(value) ? "NULL" : literal(value->text));
      SLUICE_CHECK(sql("insert into " + table + " (" + list(rows.columns) + ") values (" + values + ")", rows.place));
    }
    return {};
  }

  bool is_given(const Model& model) const {
    return std::ranges::any_of(example_.given, [&model](const ExampleRows& rows) {
      return same(rows.table.table, model.table.table) && same(rows.table.schema, model.table.schema);
    });
  }

  Result<void> build() {
    std::vector<std::string> names;
    for (const Model& model : work_.models) names.push_back(model.name);
    std::vector<bool> needed(work_.graph.steps().size(), false);
    for (const ExampleRows& rows : example_.expected) {
      const auto found = std::ranges::find(work_.models, rows.table.table, &Model::name);
      if (found == work_.models.end() || !rows.table.schema.empty()) {
        return fail(Fault::config, rows.place.text() + ": there is no model '" + rows.table.text() + "'",
                    did_you_mean(rows.table.table, names));
      }
      needed[work_.flows + work_.exports + static_cast<std::size_t>(found - work_.models.begin())] = true;
    }
    const std::vector<std::size_t>& order = work_.graph.order();
    for (auto step = order.rbegin(); step != order.rend(); ++step) {
      if (!needed[*step] || !work_.is_model(*step) || is_given(work_.model(*step))) continue;
      for (const std::size_t before : work_.graph.waits_for(*step)) needed[before] = true;
    }
    for (const std::size_t step : order) {
      if (!needed[step] || !work_.is_model(step) || is_given(work_.model(step))) continue;
      Model model = work_.model(step);
      model.tests.clear();  // they judge the data of a run; an example judges the SQL
      Result<ModelBuilt> built = local::build_model(connection_, model);
      if (built) continue;
      Error error = std::move(built).error().within(model.name);
      if (error.hint.empty()) error.hint = "a table that it reads must stand under `given`";
      error.fault = Fault::config;
      return fail(std::move(error));
    }
    return {};
  }

  Result<void> compare(const ExampleRows& rows) {
    const auto found = std::ranges::find(work_.models, rows.table.table, &Model::name);
    const std::string table = local::quoted(found->table);
    if (rows.columns.empty()) {
      SLUICE_TRY(auto counted, connection_.ask("select count(*)::bigint from " + table, {}, rows.place.text()));
      if (counted.next() && counted.integer(0) > 0)
        differences_.push_back(found->name + ": no row was expected, but there are " +
                               std::to_string(counted.integer(0)));
      return {};
    }
    const std::string columns = list(rows.columns);
    SLUICE_CHECK(
        sql("create or replace temp table expected as select " + columns + " from " + table + " limit 0", rows.place));
    SLUICE_CHECK(insert("temp.expected", rows));
    SLUICE_TRY(const std::string values, comparable(rows));
    SLUICE_CHECK(show("is missing", values + " from temp.expected", values + " from " + table, rows, found->name));
    return show("is too much", values + " from " + table, values + " from temp.expected", rows, found->name);
  }

  // As texts; of floating numbers six places count.
  Result<std::string> comparable(const ExampleRows& rows) {
    std::string out;
    for (const std::string& column : rows.columns) {
      SLUICE_TRY(auto type, connection_.ask("select data_type from duckdb_columns() where database_name = 'temp' and "
                                            "table_name = 'expected' and lower(column_name) = lower($1)",
                                            {column}, rows.place.text()));
      const std::string name = local::quoted(std::string_view(column));
      const bool floating = type.next() && (type.text(0) == "DOUBLE" || type.text(0) == "FLOAT");
      out += (out.empty() ? "select " : ", ") + (floating ? "round(" + name + ", 6)" : name) + "::varchar";
    }
    return out;
  }

  Result<void> show(const std::string& how, const std::string& these, const std::string& without,
                    const ExampleRows& rows, const std::string& model) {
    SLUICE_TRY(auto found, connection_.ask(these + " except all " + without + " order by all", {}, rows.place.text()));
    while (found.next()) {
      std::string text;
      for (std::size_t i = 0; i < rows.columns.size(); ++i)
        text += (i == 0 ? "" : ", ") + rows.columns[i] + ": " + (found.is_null(i) ? "null" : found.text(i));
      differences_.push_back(model + ": { " + text + " } " + how);
    }
    return {};
  }

  const Assembly& assembly_;
  const Work& work_;
  const Example& example_;
  local::DuckConnection connection_;
  std::vector<std::string> differences_;
};

}  // namespace

Result<std::unique_ptr<Example>> read_example(const std::string& file) {
  auto example = std::make_unique<Example>();
  SLUICE_TRY(example->root, project::read_tree(file));
  const Node& root = example->root;
  SLUICE_CHECK(project::check_keys(root, project::example_keys, "an example"));
  if (const Node* vars = root.find("vars")) {
    if (vars->kind != Node::Kind::map) return project::wrong_shape(*vars, "'vars'", "a map of names and values");
    for (std::size_t i = 0; i < vars->keys.size(); ++i) {
      if (vars->items[i].kind != Node::Kind::scalar)
        return project::wrong_shape(vars->items[i], "a variable", "a text");
      example->vars[vars->keys[i]] = vars->items[i].text;
    }
  }
  for (const auto& [key, rows] : {std::pair("given", &example->given), std::pair("expect", &example->expected)}) {
    const Node* node = root.find(key);
    if (node == nullptr) continue;
    if (node->kind != Node::Kind::map)
      return project::wrong_shape(*node, std::string("'") + key + "'", "a map of tables");
    for (std::size_t i = 0; i < node->keys.size(); ++i) {
      SLUICE_TRY(ExampleRows read, read_rows(node->keys[i], node->key_places[i], node->items[i]));
      rows->push_back(std::move(read));
    }
  }
  return example;
}

Result<std::vector<std::string>> try_example(const Assembly& assembly, const Work& work, const Example& example) {
  SLUICE_TRY(auto file, local::DuckFile::open({.file = ":memory:"}));
  SLUICE_TRY(auto connection, local::DuckConnection::open(std::move(file)));
  return Trial(assembly, work, example, std::move(connection)).run();
}

}  // namespace sluice::assembly
