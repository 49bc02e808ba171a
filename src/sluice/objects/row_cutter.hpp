// Cuts bytes into rows. In CSV a row ends at a line end outside quotes; a quote only opens a field at the field's
// first character, as RFC 4180 has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/objects/format.hpp"

namespace sluice::objects {

struct CutRow {
  std::string_view text;   // without its line end
  std::uint64_t line = 0;  // where it begins, from 1
};

class RowCutter {
 public:
  explicit RowCutter(const Dialect& dialect)
      : quote_(dialect.format == Format::csv ? dialect.csv.quote : '\0'), delimiter_(dialect.csv.delimiter) {}

  // Bytes that follow what rest() gave back; they may stand elsewhere now.
  void feed(std::string_view bytes, bool last);
  // The next whole row; empty: more bytes are needed, or there are none.
  std::optional<CutRow> next();
  // What belongs to a row that has not ended.
  std::string_view rest() const { return bytes_; }
  // Of the row that comes next.
  std::uint64_t line() const { return line_; }
  // Before the first feed(), where the bytes do not begin with the first line.
  void begin_at(std::uint64_t line) { line_ = line; }
  // The rest is a row whose quote is open.
  bool open_quote() const { return open_quote_; }

 private:
  // Where the row that begins at bytes_ ends (its '\n', or the end of the last bytes); npos: not here.
  std::size_t quoted_row_end();
  CutRow take(std::size_t end, std::uint64_t lines);

  char quote_;
  char delimiter_;
  std::string_view bytes_;
  bool last_ = false;
  bool open_quote_ = false;
  std::uint64_t line_ = 1;
  const char* quote_at_ = nullptr;  // the next quote in bytes_, or its end
  std::uint64_t lines_inside_ = 0;  // of the row that quoted_row_end() found
};

}  // namespace sluice::objects
