// Rows out of PostgreSQL: a query's columns, and binary COPY decoded into batches.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/snapshot.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

// How a field of a binary COPY lies in memory.
enum class Wire : std::uint8_t {
  boolean,
  int16,
  int32,
  int64,
  float64,
  numeric,
  text,
  bytes,
  date,
  timestamp,
  uuid,
  jsonb
};

struct ColumnWay {
  Type type;
  Wire wire = Wire::text;
  std::string cast{};    // that the server puts it through first: "::text"; empty: none
  std::string before{};  // what stands before the column then
};
// A numeric without a scale, or of more than 38 digits, comes as its text; so does every type that has no way here.
ColumnWay way_of(std::uint32_t type, std::int32_t typmod);

struct ReadPlan {
  std::string copy_sql;
  Place place;
  std::shared_ptr<const Schema> columns;
  std::vector<Wire> wires;
};
// `described` is what the server says of the query's columns.
Result<ReadPlan> plan_read(const Answer& described, const std::string& sql, const Place& place);

// What the query cannot compute of its rows is the data's fault.
Error reading_error(const Connection& connection, const ServerError& error, const std::string& what);

// Both outlive the reader. The connection does nothing else until the reader is gone.
Result<std::unique_ptr<RowReader>> open_copy_reader(Connection& connection, const ReadPlan& plan);

}  // namespace sluice::postgres
