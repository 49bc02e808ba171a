#include "sluice/engine/sql_tokens.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "duckdb/parser/parser.hpp"
#include "sluice/engine/duck.hpp"

namespace sluice::engine {

SqlTokens::SqlTokens(const std::string& sql) : folded_(sql) {
  using duckdb::SimplifiedTokenType;
  const auto raw = duckdb::Parser::Tokenize(sql);
  std::string stripped;
  other_spaces_ = duckdb::Parser::StripUnicodeSpaces(sql, stripped);
  std::size_t end = sql.size() + 1;  // of the token before, without white space and comments
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i].type == SimplifiedTokenType::SIMPLIFIED_TOKEN_COMMENT) continue;
    const std::size_t stop = i + 1 < raw.size() ? raw[i + 1].start : sql.size();
    std::string text = sql.substr(raw[i].start, stop - raw[i].start);
    // A token ends where white space or a comment begins, but for those in quotes.
    if (text.find_first_of("'\"$") == std::string::npos)
      text.resize(std::min({text.size(), text.find_first_of(" \t\r\n\f\v"), text.find("/*"), text.find("--")}));
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
    const bool is_word = raw[i].type == SimplifiedTokenType::SIMPLIFIED_TOKEN_IDENTIFIER ||
                         raw[i].type == SimplifiedTokenType::SIMPLIFIED_TOKEN_KEYWORD;
    if (is_word && text.find('"') == std::string::npos)
      folded_.replace(raw[i].start, text.size(), duckdb::StringUtil::Lower(text));
    const bool touches = raw[i].start == end;
    end = raw[i].start + text.size();
    tokens_.push_back({duckdb::StringUtil::Lower(text),
                       raw[i].type == SimplifiedTokenType::SIMPLIFIED_TOKEN_NUMERIC_CONSTANT, touches});
  }
}

bool SqlTokens::has_word(std::string_view word) const {
  return std::ranges::any_of(tokens_, [&](const Token& token) { return token.text == word; });
}

// The innermost that is open there.
std::optional<std::size_t> SqlTokens::bracket_around(std::size_t token) const {
  std::size_t depth = 0;
  for (std::size_t i = token; i-- > 0;) {
    const std::string& text = tokens_[i].text;
    if (text == ")" || text == "]") ++depth;
    if ((text == "(" || text == "[") && depth-- == 0) return i;
  }
  return std::nullopt;
}

std::size_t SqlTokens::closing(std::size_t bracket) const {
  std::size_t depth = 0;
  for (std::size_t i = bracket; i < tokens_.size(); ++i) {
    const std::string& text = tokens_[i].text;
    if (text == "(" || text == "[") ++depth;
    if ((text == ")" || text == "]") && --depth == 0) return i;
  }
  return tokens_.size();
}

bool SqlTokens::holds_query(std::size_t bracket) const {
  static constexpr std::array<std::string_view, 4> words{"select", "with", "values", "table"};
  return std::ranges::find(words, std::string_view(tokens_[bracket + 1].text)) != words.end();
}

bool SqlTokens::is_argument(std::size_t star) const {
  const auto bracket = bracket_around(star);
  if (!bracket) return false;
  if (tokens_[*bracket].text == "[") return true;
  const bool counts = *bracket > 0 && tokens_[*bracket - 1].text == "count";
  return !counts && !holds_query(*bracket) && tokens_[*bracket + 1].text != "(";
}

// Behind its columns, or behind a bracket around the join.
bool SqlTokens::has_alias(std::size_t using_word) const {
  static constexpr std::array<std::string_view, 24> words{
      ")",     ",",      ";",       "where",     "join",   "left",  "right", "full",
      "inner", "cross",  "natural", "on",        "using",  "group", "order", "limit",
      "union", "except", "having",  "intersect", "window", "fetch", "for",   "offset"};
  std::optional<std::size_t> bracket = using_word + 1;
  while (bracket && !holds_query(*bracket)) {
    const std::size_t after = closing(*bracket) + 1;
    if (after >= tokens_.size()) return false;
    if (std::ranges::find(words, std::string_view(tokens_[after].text)) == words.end()) return true;
    bracket = bracket_around(*bracket);
  }
  return false;
}

std::optional<Error> SqlTokens::read_otherwise() const {
  for (std::size_t i = 1; i < tokens_.size(); ++i) {
    if (tokens_[i].touches && tokens_[i - 1].number &&
        std::isalpha(static_cast<unsigned char>(tokens_[i].text[0])) != 0)
      return Error{Fault::config, "a number that goes on with letters, which is no name in PostgreSQL",
                   "put a space behind the number"};
    if (tokens_[i].text.starts_with('\'') && tokens_[i].text.find("\\'") != std::string::npos)
      return Error{Fault::config,
                   "a backslash before a quote, which ends no text where standard_conforming_strings is off",
                   "write chr(92) for it"};
    if (tokens_[i].text == "*" && tokens_[i - 1].text == "." && is_argument(i))
      return Error{Fault::config, "a row as an argument (t.*), which DuckDB leaves out", "name the columns"};
    if (tokens_[i - 1].text == "using" && tokens_[i].text == "(" && has_alias(i - 1))
      return Error{Fault::config, "an alias of a join with USING, which DuckDB leaves out",
                   "give it to a sub-query: (select ... from a join b using (...)) as j"};
  }
  return std::nullopt;
}

}  // namespace sluice::engine
