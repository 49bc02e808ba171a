#include "sluice/models/sql_text.hpp"

#include <algorithm>

namespace sluice::models {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

std::size_t behind(const std::string& sql, std::size_t at, std::string_view end) {
  const std::size_t found = sql.find(end, at);
  return found == std::string::npos ? sql.size() : found + end.size();
}

std::size_t text_end(const std::string& sql, std::size_t at, bool backslashes) {
  std::size_t end = at + 1;
  while (end < sql.size() && sql[end] != sql[at]) end += backslashes && sql[end] == '\\' ? 2 : 1;
  return std::min(end + 1, sql.size());
}

// $$...$$ or $tag$...$tag$; $1 and a lone dollar are none.
std::size_t dollar_end(const std::string& sql, std::size_t at) {
  std::size_t end = at + 1;
  if (end < sql.size() && is_word_start(sql[end])) {
    while (end < sql.size() && is_word_part(sql[end])) ++end;
  }
  if (end >= sql.size() || sql[end] != '$') return at;
  return behind(sql, end + 1, sql.substr(at, end + 1 - at));
}

}  // namespace

bool is_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at > first;
  };
  if (!digits()) return false;
  if (at < text.size() && text[at] == '.' && (++at, !digits())) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word_part(char c) { return is_word_start(c) || is_digit(c); }

std::size_t comment_end(const std::string& sql, std::size_t at) {
  if (sql.compare(at, 2, "--") == 0) return behind(sql, at, "\n");
  if (sql.compare(at, 2, "/*") != 0) return at;
  std::size_t depth = 0;  // PostgreSQL's comments nest
  std::size_t end = at;
  do {
    if (sql.compare(end, 2, "/*") == 0) {
      ++depth;
      end += 2;
    } else if (sql.compare(end, 2, "*/") == 0) {
      --depth;
      end += 2;
    } else {
      ++end;
    }
  } while (depth > 0 && end < sql.size());
  return end;
}

std::size_t quoted_end(const std::string& sql, std::size_t at) {
  const char c = sql[at];
  const bool begins_word = at == 0 || !is_word_part(sql[at - 1]);
  if (c == '\'' || c == '"') return text_end(sql, at, false);
  if ((c == 'e' || c == 'E') && begins_word && sql.compare(at + 1, 1, "'") == 0) return text_end(sql, at + 1, true);
  if (c == '$' && begins_word) return dollar_end(sql, at);
  return comment_end(sql, at);
}

std::string without_semicolon(const std::string& sql) {
  std::size_t last = sql.size();  // where the last thing stands that is no space and no comment
  for (std::size_t at = 0; at < sql.size();) {
    if (const std::size_t end = comment_end(sql, at); end > at) {
      at = end;
    } else if (is_space(sql[at])) {
      ++at;
    } else {
      last = at;
      at = std::max(quoted_end(sql, at), at + 1);
    }
  }
  if (last == sql.size()) return {};
  return sql[last] == ';' ? sql.substr(0, last) : sql;
}

}  // namespace sluice::models
