#include "sluice/local/duckdb_literals.hpp"

#include <string_view>

#include "sluice/models/sql_text.hpp"

namespace sluice::local {
namespace {

// What a literal of the query stands for: 'it''s', e'\n' or $$text$$.
std::string value_of(std::string_view literal) {
  if (literal.starts_with('$')) {
    const std::size_t tag = literal.find('$', 1) + 1;
    return literal.size() < 2 * tag ? std::string() : std::string(literal.substr(tag, literal.size() - 2 * tag));
  }
  const bool backslashes = !literal.starts_with('\'');
  literal.remove_prefix(backslashes ? 2 : 1);
  if (literal.ends_with('\'')) literal.remove_suffix(1);
  std::string value;
  for (std::size_t at = 0; at < literal.size(); ++at) {
    char c = literal[at];
    if ((c == '\'' || (backslashes && c == '\\')) && at + 1 < literal.size()) {
      const bool escaped = c == '\\';
      c = literal[++at];
      if (escaped) c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
    }
    value += c;
  }
  return value;
}

// As it stands in the query, and as DuckDB may quote its value.
void leave_out(std::string& text, std::string_view literal) {
  const std::string value = value_of(literal);
  if (value.empty()) return;
  std::string doubled;
  for (const char c : value) doubled += c == '\'' ? "''" : std::string(1, c);
  for (const std::string& form : {std::string(literal), "'" + doubled + "'", "'" + value + "'", '"' + value + '"'}) {
    for (std::size_t found = text.find(form); found != std::string::npos; found = text.find(form, found + 5))
      text.replace(found, form.size(), "'...'");
  }
}

}  // namespace

void leave_out_literals(std::string& text, const std::string& sql) {
  for (std::size_t at = 0; at < sql.size();) {
    std::size_t end = models::quoted_end(sql, at);
    if (end == at) {
      ++at;
      continue;
    }
    const bool literal = models::comment_end(sql, at) == at && sql[at] != '"';
    // A doubled quote goes on.
    while (literal && sql[at] != '$' && end < sql.size() && sql[end] == '\'') end = models::quoted_end(sql, end);
    if (literal) leave_out(text, std::string_view(sql).substr(at, end - at));
    at = end;
  }
}

}  // namespace sluice::local
