// Our functions inside `select`: masks, mask_key, reveal, version_int, run_date, run_time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
void register_functions(duckdb::Connection& connection, const mask::Keyring* keyring, std::int64_t run_micros,
                        std::int32_t run_day = 0);

// A call of a mask: what it hides are its first arguments.
struct MaskCall {
  std::string function;
  std::string text{};                    // as mask::call_text() has it
  std::vector<std::string> arguments{};  // the constants that were given, without secrets
  std::size_t inputs = 1;                // how many of the first arguments are hidden: a date comes with its entity
  std::optional<mask::Form> form{};      // that the domain's name or the mask decided; empty: the call did
};
std::optional<MaskCall> mask_call(const duckdb::BoundFunctionExpression& call);

// reveal(value, 'reason') gives the value as it is; the privacy check takes it as allowed. The reason; empty: the
// call is of another function.
std::string reveal_reason(const duckdb::BoundFunctionExpression& call);

// "M.m.p" as M*10^6 + m*10^3 + p, missing parts 0: keeps the order and can be turned back. Empty where a
// part is above 999, there is a fourth, or it is no number.
std::optional<std::int32_t> version_int(std::string_view text);

}  // namespace sluice::engine
