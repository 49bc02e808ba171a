// What DuckDB's parser leaves out of its tree, read from a query's words.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice::engine {

class SqlTokens {
 public:
  explicit SqlTokens(const std::string& sql);

  // The query with every name that is not quoted in lower case, which is PostgreSQL's name for it. DuckDB's parser can
  // do the same, but for names that are keywords.
  const std::string& folded() const { return folded_; }
  // White space beyond ASCII, which is a part of names for PostgreSQL.
  bool has_other_spaces() const { return other_spaces_; }
  // Without quotes, in whatever case; `word` in lower case.
  bool has_word(std::string_view word) const;
  // What PostgreSQL takes otherwise: the whole row in `f(t.*)` and `array[t.*]`, and the alias of a join with USING,
  // which DuckDB drops; 0x1f, which DuckDB takes for 0 with a name; and '\\', which may not end there.
  std::optional<Error> read_otherwise() const;

 private:
  std::optional<std::size_t> bracket_around(std::size_t token) const;
  std::size_t closing(std::size_t bracket) const;
  bool holds_query(std::size_t bracket) const;
  bool is_argument(std::size_t star) const;
  bool has_alias(std::size_t using_word) const;

  struct Token {
    std::string text;
    bool number = false;
    bool touches = false;  // the token before it
  };
  std::vector<Token> tokens_;
  std::string folded_;
  bool other_spaces_ = false;
};

}  // namespace sluice::engine
