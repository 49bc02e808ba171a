#include "sluice/models/publish.hpp"

#include <strings.h>

#include <algorithm>

#include "sluice/core/words.hpp"
#include "sluice/models/assignment.hpp"

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

const std::string& stored(const TableColumn& column) {
  return column.domain_of.empty() ? column.type : column.domain_of;
}

// By their texts where the database has no `=` for them, or one that takes two values for the same. What becomes JSON
// of another kind is written as that writes it.
std::string differ(const std::string& before, const TableColumn& there, const std::string& value,
                   const TableColumn& given, const Dialect& dialect) {
  if (!dialect.compares || (dialect.compares(stored(there)) && dialect.compares(stored(given))))
    return before + " is distinct from " + value;
  const std::string& type = stored(there);
  const std::string as_stored = type == "json" || type == "jsonb" ? "::" + type : "";
  return before + "::text is distinct from " + value + as_stored + "::text";
}

constexpr const char* cast_it = "cast it in the SELECT";

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

Result<void> check_stage(const Model& model, const TableColumns& stage, const Dialect& dialect) {
  std::vector<std::string> wanted = model.key;
  for (const ModelColumn& column : model.columns) wanted.push_back(column.name);
  for (const std::string& name : wanted) {
    if (find(stage, name) != nullptr) continue;
    return fail(Fault::conflict, model.place.file + ": the SELECT gives no column '" + name + "', which is declared",
                did_you_mean(name, names_of(stage)));
  }
  std::vector<std::string> wrong;
  for (const ModelColumn& column : model.columns) {
    if (!column.type) continue;
    const TableColumn& given = *find(stage, column.name);
    if (given.only_null || dialect.holds(*column.type, given.type)) continue;
    if (model.materialize != Materialize::view && assignable(stored(given), dialect.type_name(*column.type))) continue;
    wrong.push_back("column \"" + column.name + "\" is declared " + to_string(*column.type) +
                    ", but the SELECT gives " + given.type);
  }
  if (wrong.empty()) return {};
  return fail(Fault::conflict, model.place.file + ": " + join(wrong, "; "), cast_it);
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
  std::string hint = "a table that is there is never altered: change it or the model, or drop it to have it made again";
  for (const TableColumn& column : stage) {
    const TableColumn* there = find(table, column.name);
    const ModelColumn* declared = find(model.columns, column.name);
    if (there == nullptr) {
      wrong.push_back("it has no column \"" + column.name + "\", which the SELECT gives");
    } else if (declared != nullptr && declared->type && !dialect.holds(*declared->type, there->type)) {
      wrong.push_back("column \"" + there->name + "\" is " + there->type + ", but declared " +
                      to_string(*declared->type));
    } else if (!column.only_null && !assignable(stored(column), stored(*there))) {
      wrong.push_back("column \"" + there->name + "\" is " + there->type + ", but the SELECT gives " + column.type);
      if (wrong.size() == 1) hint = std::string(cast_it) + "; " + hint;
    }
  }
  for (const TableColumn& column : table) {
    if (!column.has_default && find(stage, column.name) == nullptr)
      wrong.push_back("column \"" + column.name + "\" has no default, and the SELECT does not give it");
  }
  if (wrong.empty()) return {};
  return fail(Fault::conflict, model.place.file + ": table " + model.table.text() + ": " + join(wrong, "; "),
              std::move(hint));
}

Error KeyCheck::error(const Model& model, std::int64_t count) const {
  return {Fault::data,
          model.place.file + ": the SELECT gives " + what + " (" + join(model.key, ", ") +
              "): " + std::to_string(count) + " " + one + (count == 1 ? "" : "s"),
          hint};
}

std::vector<KeyCheck> key_checks(const Model& model, const TableColumns& stage, const std::string& from) {
  if (model.materialize != Materialize::upsert && model.materialize != Materialize::incremental) return {};
  std::vector<std::string> key;
  std::vector<std::string> missing;
  for (const std::string& name : model.key) {
    key.push_back(quoted(find(stage, name)->name));
    missing.push_back(key.back() + " is null");
  }
  // NULL equals nothing: such a row would never give way, and stand there once more with each run.
  std::vector<KeyCheck> checks{{"select count(*) from " + from + " where " + joined(missing, " or "), "row",
                                "no value in the key", "leave such rows out, or give them a value"}};
  if (model.materialize == Materialize::upsert) {
    const std::string list = joined(key, ", ");
    checks.push_back(
        {"select count(*) from (select " + list + " from " + from + " group by " + list +
             " having count(*) > 1) as keys_given_twice",
         "key", "more than one row of a key",
         "choose or add up the rows of a key, or say `materialize: incremental`, which keeps all of them"});
  }
  return checks;
}

std::vector<std::string> change_sql(const Model& model, const TableColumns& stage, const TableColumns& table,
                                    const std::string& from, const Dialect& dialect) {
  const std::string into = quoted(model.table);
  std::vector<std::string> names;
  std::vector<std::string> values;
  std::vector<std::string> same_key;
  std::vector<std::string> changes;
  std::vector<std::string> differs;
  for (const TableColumn& column : stage) {
    const TableColumn& there = *find(table, column.name);
    const std::string name = quoted(there.name);
    const std::string value = column.only_null ? "null" : "new_rows." + quoted(column.name);
    names.push_back(name);
    values.push_back(value);
    if (is_key(model, column.name)) {
      same_key.push_back("old_rows." + name + " = " + value);
    } else {
      changes.push_back(name + " = " + value);
      differs.push_back(differ("old_rows." + name, there, value, column, dialect));
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
