// Reading a database: several queries, all of them of one moment.
//
// The tables that the queries read are locked before that moment is fixed, so that whoever empties or alters one of
// them meanwhile waits for us, and cannot make a query come out short. One thread uses a snapshot and its readers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sluice/core/batch.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/core/table_name.hpp"

namespace sluice {

// What one flow reads: a table as it is, or what a SELECT gives.
struct ReadQuery {
  TableName table{};
  std::string sql{};  // one SELECT, its values put in; empty: the table
  Place place{};      // of its first line, or of the flow, for errors
};

// Rows in the order in which the database gives them.
class RowReader {
 public:
  virtual ~RowReader() = default;
  // The next rows, at least one and a few thousand at most. False: there are no more. The batch is valid until the
  // next call.
  virtual Result<bool> next(Batch& batch) = 0;
};

class Snapshot {
 public:
  virtual ~Snapshot() = default;
  // Of the query of this number.
  virtual const std::shared_ptr<const Schema>& columns(std::size_t query) const = 0;
  // The reader before it must be gone. A transaction that the database ended meanwhile is an error, never a short read.
  virtual Result<std::unique_ptr<RowReader>> open(std::size_t query) = 0;
  // For a manifest: what the database calls this moment, or "".
  virtual std::string name() const = 0;
};

// A table or view as a query meets it.
struct RelationShape {
  TableName name;  // with its schema
  Schema columns;
  bool is_view = false;  // whose columns come from elsewhere
};

}  // namespace sluice
