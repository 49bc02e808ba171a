// Rows out of PostgreSQL: a query's columns, and binary COPY decoded into batches.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/batch_builder.hpp"
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
  std::string list;  // of columns, with their casts; empty: they come as they are
  Place place;
  std::shared_ptr<const Schema> columns;
  std::vector<Wire> wires;
};
// `described` is what the server says of the query's columns.
Result<ReadPlan> plan_read(const Answer& described, const Place& place);

// What the query cannot compute of its rows is the data's fault.
Error reading_error(const Connection& connection, const ServerError& error, const std::string& what);

// Memory for batches that are still in use when the next one is read. They come back from any thread.
class BuilderPool : public std::enable_shared_from_this<BuilderPool> {
 public:
  explicit BuilderPool(std::shared_ptr<const Schema> schema) : schema_(std::move(schema)) {}
  // Empty; it comes back here when its last owner lets go.
  std::shared_ptr<BatchBuilder> take();

 private:
  std::shared_ptr<const Schema> schema_;
  std::mutex mutex_;  // guards free_
  std::vector<std::unique_ptr<BatchBuilder>> free_;
};

// The rows of `sql`, a SELECT with the columns of the plan. Connection and plan outlive the reader; the connection does
// nothing else until the reader is gone. With a pool, batches have owners.
Result<std::unique_ptr<RowReader>> open_copy_reader(Connection& connection, const ReadPlan& plan,
                                                    const std::string& sql, std::shared_ptr<BuilderPool> pool = {});

}  // namespace sluice::postgres
