// Our functions inside `select`: masks, reveal, version_int, run_date, run_time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/engine/duck.hpp"
#include "sluice/mask/canonical.hpp"

namespace sluice::mask {
class Keyring;
}

namespace sluice::engine {

// A function that cannot give a value throws this mark, its name, ": " and a reason code. DuckDB
// carries that out as the query's error.
inline constexpr std::string_view refusal_mark = "sluice refuses ";

// Registers all of them in `connection`'s database. `keyring` may be null: masks are then an error when a
// select that uses one is planned. It outlives the database.
void register_functions(duckdb::Connection& connection, const mask::Keyring* keyring, std::int64_t run_micros);

// A call of a mask: what it hides is its first argument.
struct MaskCall {
  std::string function;
  std::string domain;
  mask::Form form;
  bool form_named;  // by the call, not taken from the domain's name
};
std::optional<MaskCall> mask_call(const duckdb::BoundFunctionExpression& call);

// reveal(value, 'reason') gives the value as it is; the privacy check takes it as allowed. The reason; empty: the
// call is of another function.
std::string reveal_reason(const duckdb::BoundFunctionExpression& call);

// "M.m.p" as M*10^6 + m*10^3 + p, missing parts 0: keeps the order and can be turned back. Empty where a
// part is above 999, there is a fourth, or it is no number.
std::optional<std::int32_t> version_int(std::string_view text);

}  // namespace sluice::engine
