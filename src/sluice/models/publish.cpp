#include "sluice/models/publish.hpp"

#include <strings.h>

#include <algorithm>

#include "sluice/core/words.hpp"

namespace sluice::models {
namespace {

template <class List>
auto* find(List& columns, const std::string& name) {
  const auto found =
      std::ranges::find_if(columns, [&](const auto& one) { return strcasecmp(one.name.c_str(), name.c_str()) == 0; });
  return found == columns.end() ? nullptr : &*found;
}

bool is_key(const Model& model, const std::string& column) {
  return std::ranges::any_of(model.key,
                             [&](const std::string& name) { return strcasecmp(name.c_str(), column.c_str()) == 0; });
}

std::vector<std::string> names_of(const TableColumns& columns) {
  std::vector<std::string> names;
  for (const TableColumn& column : columns) names.push_back(column.name);
  return names;
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : between) + part;
  return out;
}

}  // namespace

std::string quoted(const std::string& identifier) {
  std::string out = "\"";
  for (const char c : identifier) {
    if (c == '"') out += c;
    out += c;
  }
  return out += '"';
}

std::string quoted(const TableName& name) {
  return name.schema.empty() ? quoted(name.table) : quoted(name.schema) + "." + quoted(name.table);
}

Result<void> check_stage(const Model& model, const TableColumns& stage) {
  std::vector<std::string> wanted = model.key;
  for (const ModelColumn& column : model.columns) wanted.push_back(column.name);
  for (const std::string& name : wanted) {
    if (find(stage, name) != nullptr) continue;
    return fail(Fault::conflict, model.place.file + ": the SELECT gives no column '" + name + "', which is declared",
                did_you_mean(name, names_of(stage)));
  }
  return {};
}

std::string create_table_sql(const Model& model, const TableColumns& stage, const Dialect& dialect) {
  std::vector<std::string> lines;
  for (const TableColumn& column : stage) {
    const ModelColumn* declared = find(model.columns, column.name);
    const bool typed = declared != nullptr && declared->type;
    const bool not_null = (declared != nullptr && declared->not_null) || is_key(model, column.name);
    lines.push_back(quoted(column.name) + " " + (typed ? dialect.type_name(*declared->type) : column.type) +
                    (not_null ? " not null" : ""));
  }
  // Several rows of one key give way together in an incremental model.
  if (!model.key.empty() && model.materialize != Materialize::incremental) {
    std::vector<std::string> key;
    for (const std::string& name : model.key) key.push_back(quoted(find(stage, name)->name));
    lines.push_back("primary key (" + joined(key, ", ") + ")");
  }
  return "create table " + quoted(model.table) + " (" + joined(lines, ", ") + ")";
}

Result<void> check_table(const Model& model, const TableColumns& stage, const TableColumns& table,
                         const Dialect& dialect) {
  std::vector<std::string> wrong;
  for (const TableColumn& column : stage) {
    const TableColumn* there = find(table, column.name);
    const ModelColumn* declared = find(model.columns, column.name);
    if (there == nullptr) {
      wrong.push_back("it has no column \"" + column.name + "\", which the SELECT gives");
    } else if (declared != nullptr && declared->type && !dialect.holds(*declared->type, there->type)) {
      wrong.push_back("column \"" + there->name + "\" is " + there->type + ", but declared " +
                      to_string(*declared->type));
    }
  }
  for (const TableColumn& column : table) {
    if (column.not_null && !column.has_default && find(stage, column.name) == nullptr)
      wrong.push_back("column \"" + column.name +
                      "\" takes no NULL and has no default, but the SELECT does not give it");
  }
  if (wrong.empty()) return {};
  return fail(Fault::conflict, model.place.file + ": table " + model.table.text() + ": " + join(wrong, "; "),
              "a table that is there is never altered: change it or the model, or drop it to have it made again");
}

std::vector<std::string> change_sql(const Model& model, const TableColumns& stage, const TableColumns& table,
                                    const std::string& from) {
  const std::string into = quoted(model.table);
  std::vector<std::string> names;
  std::vector<std::string> values;
  std::vector<std::string> same_key;
  std::vector<std::string> changes;
  std::vector<std::string> differs;
  for (const TableColumn& column : stage) {
    const std::string name = quoted(find(table, column.name)->name);
    const std::string value = "new_rows." + quoted(column.name);
    names.push_back(name);
    values.push_back(value);
    if (is_key(model, column.name)) {
      same_key.push_back("old_rows." + name + " = " + value);
    } else {
      changes.push_back(name + " = " + value);
      differs.push_back("old_rows." + name + " is distinct from " + value);
    }
  }
  const std::string of_one_key = joined(same_key, " and ");
  const std::string insert = "insert into " + into + " (" + joined(names, ", ") + ") select " + joined(values, ", ") +
                             " from " + from + " as new_rows";
  switch (model.materialize) {
    case Materialize::view: return {};
    case Materialize::table: return {"delete from " + into, insert};
    case Materialize::incremental:
      return {"delete from " + into + " as old_rows where exists (select 1 from " + from + " as new_rows where " +
                  of_one_key + ")",
              insert};
    case Materialize::upsert: break;
  }
  std::vector<std::string> statements;
  // A row that would stay as it is is not written.
  if (!changes.empty()) {
    statements.push_back("update " + into + " as old_rows set " + joined(changes, ", ") + " from " + from +
                         " as new_rows where " + of_one_key + " and (" + joined(differs, " or ") + ")");
  }
  statements.push_back(insert + " where not exists (select 1 from " + into + " as old_rows where " + of_one_key + ")");
  return statements;
}

std::string count_sql(const ModelTest& test) {
  return "select count(*) from (" + test.sql + "\n) as rows_at_fault";  // its last line may be a comment
}

}  // namespace sluice::models
