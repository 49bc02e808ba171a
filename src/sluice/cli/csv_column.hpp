// One column of a CSV file changed, and everything else passed on as the bytes it was.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice::cli {

// Changes a cell's value in place. Empty cells are not asked about. `others` are values of the same row.
using ChangeCell = std::function<Result<void>(std::string& value, const std::vector<std::string>& others)>;

// From `in` to `out`, a row at a time: RFC 4180 with a header, which names `column` and `others`. Quotes are put only
// around changed values that need them. Gives how many were changed. Rows before one that fails have been written;
// errors name the row.
Result<std::uint64_t> change_column(std::streambuf& in, std::ostream& out, const std::string& column,
                                    const std::vector<std::string>& others, char delimiter, const ChangeCell& change);

}  // namespace sluice::cli
