// Rows as a text table, with columns as wide as they need to be.
#pragma once

#include <string>
#include <vector>

namespace sluice::assembly {

class Table {
 public:
  explicit Table(std::vector<std::string> names) { rows_.push_back(std::move(names)); }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Numbers to the right: the columns counted from 0.
  void align_right(std::vector<std::size_t> columns) { right_ = std::move(columns); }
  std::string text(std::size_t indent = 2) const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> right_;
};

// 1234567 -> "1,234,567"
std::string thousands(std::uint64_t number);
std::string seconds_text(double seconds);  // "0.042 s", "12.3 s"
// Microseconds since 1970 as "2026-01-31 12:00:05" (UTC); "" for 0.
std::string time_text(std::int64_t micros);
// Without control characters, and cut to `most` characters: a value from outside must not draw on a terminal.
std::string printable(std::string_view text, std::size_t most = 60);

}  // namespace sluice::assembly
