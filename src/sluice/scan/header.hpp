// Whether the first line of a file gives names of columns, or is the first row of a file that has no header.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace sluice::scan {

// True where a cell looks like a value by itself, or like the values below it; `rows` are some of those, and `trusted`
// are names that are known to be names. A line of words over a file of nothing but words is taken for values: a name
// of a column shown by its number can be borne, a name of a person shown cannot.
bool holds_values(std::span<const std::string> line, std::span<const std::vector<std::string>> rows,
                  std::span<const std::string> trusted);

// Whether a text has the form of a field's name: letters, digits, _ - . $, first no digit, no long number.
bool is_field_name(std::string_view text);

// Whether it has a word that names of columns have: those that the detectors look for, and id, status, amount, ...
bool is_known_name(std::string_view text);

}  // namespace sluice::scan
