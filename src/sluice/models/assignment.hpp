// Which types a SELECT may give for a column of another type: those that nothing is lost by, or that fail aloud.
//
// By the names that PostgreSQL (format_type) and DuckDB write. Databases round, cut and shift in an assignment without
// a word (1.6 becomes 2, a time with a zone the date of the session's zone): what is not listed is refused.
#pragma once

#include <string_view>

namespace sluice::models {

// - The same type.
// - Whole numbers of any width into each other, and into decimals: one that is too large is an error of the database.
// - Decimals where the scale does not shrink: too many digits are an error of the database.
// - Whole numbers and decimals into a floating type that holds all their digits; `real` into `double precision`.
// - Texts into texts: one that is too long is an error. Only blanks at the end are cut, which is what SQL says.
// - A date into a timestamp: its midnight. Timestamps where the precision does not shrink.
// - json and jsonb, and either into a text; DuckDB checks a VARCHAR that becomes JSON. The one loss that is taken:
//   jsonb keeps the last value of a key that a json text repeats, as readers of JSON do, and no blanks.
bool assignable(std::string_view from, std::string_view to);

}  // namespace sluice::models
