// What PostgreSQL says, without the values of rows that its messages carry.
//
// A server's message, DETAIL and CONTEXT quote values; kept are the SQLSTATE, its name, and the names of
// table, column and constraint. Only for statements without values (making tables) is the message itself shown.
#pragma once

#include <libpq-fe.h>

#include <optional>
#include <string>
#include <string_view>

#include "sluice/core/delivery.hpp"
#include "sluice/core/result.hpp"

namespace sluice::postgres {

enum class Wording { state_only, with_message };

// `place` is what was being done: "copy into user_logins". A result without SQLSTATE means that the connection
// is gone.
Error error_of(const PGresult* result, const PGconn* connection, std::string_view place,
               Wording wording = Wording::state_only);

// A connection that was not made.
Error connect_error(const PGconn* connection);

// The refusal of one row (a constraint, a trigger, a value the type does not take): empty if the error is about
// something else. Reason and column only; the caller fills in the message's number.
std::optional<Reject> refused_row(const PGresult* result);

// "23505" -> "unique_violation"; the code itself where it is none of the known ones.
std::string state_name(std::string_view sqlstate);

}  // namespace sluice::postgres
