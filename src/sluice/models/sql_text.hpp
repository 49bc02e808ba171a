// Where SQL text is not SQL: quotes, dollar quotes and comments, as PostgreSQL reads them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::models {

bool is_word_start(char c);  // letters, _ and whatever is not ASCII
bool is_word_part(char c);   // and digits

// 12, -0.5, 1e9: a number and nothing else.
bool is_number(std::string_view text);

// Where the quoted text or the comment that begins at `at` ends; `at` where none begins there. A doubled quote inside
// counts as the end of one text and the beginning of the next. What is never closed ends with the text.
std::size_t quoted_end(const std::string& sql, std::size_t at);
// The same for comments alone.
std::size_t comment_end(const std::string& sql, std::size_t at);

// `sql` without the semicolon at its end and what stands behind that; empty where there are only comments.
std::string without_semicolon(const std::string& sql);

}  // namespace sluice::models
