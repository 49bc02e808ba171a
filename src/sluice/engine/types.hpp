// Between our types and DuckDB's.
#pragma once

#include <optional>

#include "sluice/core/type.hpp"
#include "sluice/engine/duck.hpp"

namespace sluice::engine {

// What a column of `input` of this type is in SQL. Decimals are always of 38 digits inside.
duckdb::LogicalType to_duck(Type type);

// What a result column becomes: our type, and the DuckDB type it must be cast to first so that it lies in
// memory as our Kind says. Empty: there is no way (a map of unions, say).
struct Outgoing {
  Type type;
  duckdb::LogicalType cast_to;
};
std::optional<Outgoing> from_duck(const duckdb::LogicalType& type);

// DuckDB keeps a uuid as a 128-bit number with its first bit flipped, so that it sorts. Ours are 16 bytes.
duckdb::hugeint_t uuid_to_duck(const std::uint8_t* bytes);
void uuid_from_duck(const duckdb::hugeint_t& number, std::uint8_t* bytes);

}  // namespace sluice::engine
