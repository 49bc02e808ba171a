// From SQL text to one bound SELECT, and what DuckDB says where that fails.
#pragma once

#include <string>

#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/engine/duck.hpp"

namespace sluice::engine {

// Null where the text is not exactly one SELECT; throws DuckDB's exception on a syntax error.
duckdb::unique_ptr<duckdb::SQLStatement> parse_select(duckdb::ClientContext& context, const std::string& sql);

tl::unexpected<Error> not_one_select(const Place& place);
// Whether SQL, or a message about it, is about an object as a file.
bool names_an_object(std::string_view text);
// Of the objects that a SELECT reads; nothing of what stands there.
Error unreadable_object(const duckdb::ErrorData& error);

// The place is that of the line DuckDB means. Its message quotes the SQL, never a row: of objects that a SELECT
// reads, nothing is told.
tl::unexpected<Error> planning_error(const duckdb::ErrorData& error, const std::string& sql, const Place& place);

}  // namespace sluice::engine
