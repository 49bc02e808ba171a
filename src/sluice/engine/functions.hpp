// Our functions inside `select`: masks, version_int, run_date, run_time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/engine/duck.hpp"

namespace sluice::mask {
class Keyring;
}

namespace sluice::engine {

// A function that cannot give a value throws this mark, its name, ": " and a reason code. DuckDB
// carries that out as the query's error.
inline constexpr std::string_view refusal_mark = "sluice refuses ";

// Which columns of `input` are tagged `pii:`, kept at the connection that plans a select.
struct PersonalColumns final : duckdb::ClientContextState {
  static constexpr const char* key = "sluice_personal_columns";
  std::map<std::string, std::string> pii;  // by column name
};

// Registers all of them in `connection`'s database. `keyring` may be null: masks are then an error when a
// select that uses one is planned. It outlives the database.
void register_functions(duckdb::Connection& connection, const mask::Keyring* keyring, std::int64_t run_micros);

// "mask_siv, domain ip" if the expression is a call of a mask; else empty.
std::string mask_text(const duckdb::Expression& expression);

// "M.m.p" as M*10^6 + m*10^3 + p, missing parts 0: keeps the order and can be turned back. Empty where a
// part is above 999, there is a fourth, or it is no number.
std::optional<std::int32_t> version_int(std::string_view text);

}  // namespace sluice::engine
