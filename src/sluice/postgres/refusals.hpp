// What stands behind a refusal that the server tells in values or not at all: asked of its catalogue, in a transaction
// of its own, since the one that failed answers nothing any more.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

// Rows were to be taken out of a table while another one refers to them.
bool is_referred_to(const ServerError& error);

// Which table refers to rows of `target`, a quoted name: "public.items, by its foreign key items_order". Empty where
// none is found, since a trigger may raise what it likes, and where `target` itself or a partition of it is at fault: a
// row of it refers to nothing. Ends the transaction, if there is one.
std::string referring_table(Connection& connection, const std::string& target, const ServerError& refused);

// The tables of a SELECT that the user may not read; those that stand behind a view are read by its owner. Wants a
// transaction.
std::vector<std::string> unreadable_tables(Connection& connection, const std::string& select);

// Whether the user may make temporary tables in this database, and what gives the right.
Result<bool> may_make_temporary(Connection& connection);
std::string temporary_grant(const Connection& connection);

// The columns that a SELECT gives more than once. Wants a transaction.
std::vector<std::string> columns_given_twice(Connection& connection, const std::string& select);

// Of a SELECT that was refused for a row: the column whose value cannot be computed. Empty where none is at fault alone
// (a WHERE is), where the column has no name of its own, and where some seconds are not enough to find it. Runs the
// SELECT again a few times, for a part of its columns each. Wants a transaction.
std::string column_not_computed(Connection& connection, const std::string& select);

// What to do where a row, or a value in the text of the SQL itself, cannot be computed with. Empty for other errors.
std::string advice_on_values(const ServerError& error);

}  // namespace sluice::postgres
