// Which tables a SELECT names, and which functions: read from DuckDB's parser, without a database and before anything
// is bound.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/core/table_name.hpp"

namespace sluice::engine {

// In the order of the text, each once (letter case does not tell two apart); names that WITH gives are none.
// `place` is that of the first line. Errors (config): no SQL that DuckDB's parser knows, or not exactly one SELECT.
Result<std::vector<TableName>> tables_of(const std::string& sql, const Place& place);

// Which functions a SELECT calls, in lower case, and how often (in WITH each counts more than once); operators are
// some, too. Errors as above.
Result<std::map<std::string, std::size_t>> functions_of(const std::string& sql, const Place& place);

// Whether DuckDB's parser knows the text, and as something else than one SELECT.
bool is_no_select(const std::string& sql);

}  // namespace sluice::engine
