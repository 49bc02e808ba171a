#include "sluice/cli/csv_column.hpp"

#include <algorithm>
#include <optional>
#include <ostream>
#include <streambuf>
#include <vector>

#include "sluice/core/words.hpp"

namespace sluice::cli {
namespace {

constexpr int at_end = std::char_traits<char>::eof();
constexpr std::size_t row_size_max = std::size_t{16} << 20U;  // a quote that is never closed must not fill the memory

struct Cell {
  std::string raw;    // as the file has it, quotes included
  std::string value;  // what it says
};

// Cells of one row; the line's end goes into `end`. False behind the last row.
class Rows {
 public:
  Rows(std::streambuf& in, char delimiter) : in_(in), delimiter_(delimiter) {}

  Result<bool> next(std::vector<Cell>& cells, std::string& end) {
    cells.clear();
    end.clear();
    if (in_.sgetc() == at_end) return false;
    ++row_;
    cells.emplace_back();
    bool quoted = false;
    for (std::size_t size = 0;; ++size) {
      const int next = in_.sbumpc();
      if (next == at_end) {
        if (quoted) return fail(Fault::data, place() + ": a quote is not closed");
        return true;
      }
      if (size > row_size_max) return fail(Fault::data, place() + ": longer than 16 MiB; is a quote not closed?");
      const char c = static_cast<char>(next);
      Cell& cell = cells.back();
      if (quoted) {
        cell.raw += c;
        if (c != '"') {
          cell.value += c;
        } else if (in_.sgetc() == '"') {
          cell.raw += static_cast<char>(in_.sbumpc());
          cell.value += '"';
        } else {
          quoted = false;
        }
      } else if (c == '"' && cell.raw.empty()) {
        cell.raw += c;
        quoted = true;
      } else if (c == delimiter_) {
        cells.emplace_back();
      } else if (c == '\n' || (c == '\r' && in_.sgetc() == '\n')) {
        end = c;
        if (c == '\r') end += static_cast<char>(in_.sbumpc());
        return true;
      } else {
        cell.raw += c;
        cell.value += c;
      }
    }
  }

  std::string place() const { return "row " + std::to_string(row_); }

 private:
  std::streambuf& in_;
  char delimiter_;
  std::uint64_t row_ = 0;  // the header is row 1
};

void write(std::ostream& out, const std::vector<Cell>& cells, const std::string& end, char delimiter) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i != 0) out << delimiter;
    out << cells[i].raw;
  }
  out << end;
}

std::string quoted(const std::string& value, char delimiter) {
  const bool plain = value.find_first_of("\"\r\n") == std::string::npos && value.find(delimiter) == std::string::npos;
  if (plain && !value.empty()) return value;
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"') out += c;
    out += c;
  }
  return out += '"';
}

}  // namespace

Result<std::uint64_t> change_column(std::streambuf& in, std::ostream& out, const std::string& column,
                                    const std::vector<std::string>& others, char delimiter, const ChangeCell& change) {
  Rows rows(in, delimiter);
  std::vector<Cell> cells;
  std::string end;
  SLUICE_TRY(const bool header, rows.next(cells, end));
  if (!header) return fail(Fault::data, "the file is empty", "its first row names the columns");
  std::vector<std::string> names;
  for (const Cell& cell : cells) names.push_back(cell.value);
  if (names[0].starts_with("\xef\xbb\xbf")) names[0].erase(0, 3);  // the byte order mark of a spreadsheet
  const auto number_of = [&](const std::string& name) -> Result<std::size_t> {
    const auto found = std::ranges::find(names, name);
    if (std::ranges::count(names, name) > 1) {
      return fail(Fault::config, "the file's first row names the column '" + name + "' twice",
                  "give one of the two another name");
    }
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    // Without a header the first row is one of values: only a name that is nearly the one asked for is told.
    const std::string near = did_you_mean_near(name, names);
    return fail(Fault::config,
                "the file's first row, of " + std::to_string(names.size()) + " cells, names no column '" + name + "'",
                near.empty() ? "the first row must name the columns; write the name as it stands there" : near);
  };
  SLUICE_TRY(const std::size_t number, number_of(column));
  std::vector<std::size_t> other_numbers;
  for (const std::string& other : others) {
    SLUICE_TRY(other_numbers.emplace_back(), number_of(other));
  }
  std::vector<std::string> other_values(others.size());
  write(out, cells, end, delimiter);
  std::uint64_t changed = 0;
  while (true) {
    SLUICE_TRY(const bool more, rows.next(cells, end));
    if (!more) return changed;
    if (number < cells.size() && !cells[number].value.empty()) {
      Cell& cell = cells[number];
      for (std::size_t i = 0; i < others.size(); ++i)
        other_values[i] = other_numbers[i] < cells.size() ? cells[other_numbers[i]].value : std::string();
      if (auto done = change(cell.value, other_values); !done)
        return fail(std::move(done).error().within(rows.place()));
      cell.raw = quoted(cell.value, delimiter);
      ++changed;
    }
    write(out, cells, end, delimiter);
  }
}

}  // namespace sluice::cli
