// What is told of a query does not tell its text literals: they may be personal.
#pragma once

#include <string>

namespace sluice::local {

// Puts '...' for every literal of `sql` that `text` quotes, as it stands there or as DuckDB writes its value.
void leave_out_literals(std::string& text, const std::string& sql);

}  // namespace sluice::local
