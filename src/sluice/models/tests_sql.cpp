#include "sluice/models/tests_sql.hpp"

#include "sluice/core/words.hpp"
#include "sluice/models/sql_text.hpp"

namespace sluice::models {
namespace {

std::string doubled(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += c;
    out += c;
  }
  return out + quote;
}

std::string quoted(const std::string& name) { return doubled(name, '"'); }

std::string quoted(const TableName& name) {
  return (name.schema.empty() ? "" : quoted(name.schema) + ".") + quoted(name.table);
}

// A text of unknown type: it becomes a number or a date where it is compared with one.
std::string literal(std::string text) {
  if (text.find('\\') == std::string::npos) return doubled(text, '\'');
  for (std::size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at + 2))
    text.insert(at, 1, '\\');
  return "E" + doubled(text, '\'');
}

ModelTest not_null(const TableName& table, const std::string& column) {
  return {"not_null " + column, "select 1 as fault from " + quoted(table) + " where " + quoted(column) + " is null"};
}

ModelTest unique(const TableName& table, const std::vector<std::string>& columns) {
  std::string list;
  std::string there;
  for (const std::string& column : columns) {
    list += (list.empty() ? "" : ", ") + quoted(column);
    there += (there.empty() ? " where " : " and ") + quoted(column) + " is not null";
  }
  return {"unique " + join(columns, ", "),
          "select " + list + " from " + quoted(table) + there + " group by " + list + " having count(*) > 1"};
}

ModelTest accepted(const TableName& table, const ColumnRules& rules) {
  std::string values;
  for (const std::string& value : rules.accepted) values += (values.empty() ? "" : ", ") + literal(value);
  return {"accepted " + rules.column, "select 1 as fault from " + quoted(table) + " where cast(" +
                                          quoted(rules.column) + " as varchar) not in (" + values + ")"};
}

ModelTest range(const TableName& table, const ColumnRules& rules) {
  // A number as such: as a text it would take the column's type, and 0.5 would not be one of an integer's.
  const auto written = [](const std::string& end) { return is_number(end) ? "(" + end + ")" : literal(end); };
  std::string outside;
  if (rules.min) outside += quoted(rules.column) + " < " + written(*rules.min);
  if (rules.max) outside += (outside.empty() ? "" : " or ") + quoted(rules.column) + " > " + written(*rules.max);
  return {"range " + rules.column, "select 1 as fault from " + quoted(table) + " where " + outside};
}

ModelTest related(const TableName& table, const std::string& column, const Related& to) {
  return {"relationships " + column, "select 1 as fault from " + quoted(table) + " as child where child." +
                                         quoted(column) + " is not null and not exists (select 1 from " +
                                         quoted(to.table) + " as parent where parent." + quoted(to.column) +
                                         " = child." + quoted(column) + ")"};
}

}  // namespace

std::vector<ModelTest> column_tests(const TableName& table, const ColumnRules& rules) {
  std::vector<ModelTest> tests;
  if (rules.not_null) tests.push_back(not_null(table, rules.column));
  if (rules.unique) tests.push_back(unique(table, {rules.column}));
  if (!rules.accepted.empty()) tests.push_back(accepted(table, rules));
  if (rules.min || rules.max) tests.push_back(range(table, rules));
  if (rules.related) tests.push_back(related(table, rules.column, *rules.related));
  return tests;
}

std::vector<ModelTest> key_tests(const TableName& table, const std::vector<std::string>& key) {
  std::vector<ModelTest> tests;
  for (const std::string& column : key) tests.push_back(not_null(table, column));
  if (!key.empty()) tests.push_back(unique(table, key));
  return tests;
}

}  // namespace sluice::models
