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

}  // namespace sluice::scan
