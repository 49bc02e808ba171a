#include "sluice/scan/header.hpp"

#include <algorithm>

#include "sluice/mask/canonical.hpp"
#include "sluice/scan/column.hpp"
#include "sluice/scan/detectors.hpp"
#include "sluice/scan/shapes.hpp"

namespace sluice::scan {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}
std::ptrdiff_t digits(std::string_view text) { return std::ranges::count_if(text, is_digit); }
bool has_letter(std::string_view text) { return std::ranges::any_of(text, is_letter); }
bool has_blank(std::string_view text) { return text.find(' ') != std::string_view::npos; }

// No name of a column, whatever stands below it.
bool is_suspicious(std::string_view cell) {
  if (!has_letter(cell) || is_digit(cell.front()) || cell.find('@') != std::string_view::npos) return true;
  if (cell.front() == '+' || cell.front() == '(' || cell.front() == '-') return true;
  int run = 0;
  for (const char c : cell) {
    run = is_digit(c) ? run + 1 : 0;
    if (run == 4) return true;
  }
  return is_value(cell);
}

// What a column has below its cell of the first line.
struct Below {
  std::vector<std::string_view> values;

  template <class Test>
  bool mostly(Test test) const {
    return !values.empty() && std::ranges::count_if(values, test) * 2 > static_cast<std::ptrdiff_t>(values.size());
  }
  bool has(std::string_view value) const { return std::ranges::find(values, value) != values.end(); }
};

Below below(std::size_t column, std::span<const std::vector<std::string>> rows) {
  Below out;
  for (const std::vector<std::string>& row : rows) {
    if (column >= row.size()) continue;
    const std::string_view value = mask::trimmed(row[column]);
    if (!value.empty()) out.values.push_back(value);
  }
  return out;
}

// "Elm Street 5" over streets, "A1B2C3" over codes of six.
bool is_like(std::string_view cell, const Below& values) {
  if (values.has(cell)) return true;
  if (has_blank(cell) && digits(cell) > 0 && is_some_street(cell)) {
    return values.mostly([](std::string_view value) { return digits(value) > 0 && is_some_street(value); });
  }
  if (digits(cell) < 2 || !is_some_id(cell)) return false;
  return values.mostly(
      [&](std::string_view value) { return value.size() == cell.size() && digits(value) > 1 && is_some_id(value); });
}

// A word that only names of columns are ("Telefon"), or one over numbers.
bool proves_a_header(std::string_view cell, const Below& values) {
  if (!has_blank(cell) && is_known_name(cell)) return true;
  return digits(cell) == 0 && values.mostly([](std::string_view value) { return !has_letter(value); });
}

// What columns are called besides what is looked for: in English, Estonian, Finnish, Swedish and German.
constexpr std::string_view common_words =
    "id key code nr no number num count total sum amount price cost rate quantity qty value val type kind status state "
    "level class category group date day month year time timestamp ts at created updated modified deleted start end "
    "from "
    "to version description note comment title label text url link file path size length weight height width currency "
    "country region city language lang locale order item product model brand source target flag is has active enabled "
    "index position rank score name first last user customer client account company event kood kuupäev aeg hind summa "
    "kogus olek liik pvm aika hinta määrä tila tyyppi datum tid pris antal belopp typ preis menge betrag zeit land "
    "stadt "
    "linn riik maa kaupunki ort";

}  // namespace

bool is_field_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || is_suspicious(text)) return false;
  return std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("_-.$").find(c) != std::string_view::npos;
  });
}

bool is_known_name(std::string_view text) {
  return has_word(text, common_words) ||
         std::ranges::any_of(detectors(), [&](const Detector& row) { return has_word(text, row.words); });
}

bool holds_values(std::span<const std::string> line, std::span<const std::vector<std::string>> rows,
                  std::span<const std::string> trusted) {
  bool proven = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (std::ranges::find(trusted, line[i]) != trusted.end()) {
      proven = true;
      continue;
    }
    const std::string_view cell = mask::trimmed(line[i]);
    const Below values = below(i, rows);
    if (cell.empty() || is_suspicious(cell) || is_like(cell, values)) return true;
    proven = proven || proves_a_header(cell, values);
  }
  return !proven;
}

}  // namespace sluice::scan
