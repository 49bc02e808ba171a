// Reading a database: several queries, all of them of one moment.
//
// The tables that the queries read are locked before that moment is fixed, so that whoever empties or alters one of
// them meanwhile waits for us, and cannot make a query come out short. One thread uses a snapshot and what it opens,
// but for the readers of parts: each of them may have a thread of its own.
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
  // Of a table: the columns that its rows are sorted by, NULL last; empty: as the database gives them.
  std::vector<std::string> order_by{};
  std::size_t readers = 0;  // of a table: how many may read it side by side; 0: as its size asks
};

// Rows in the order in which the database gives them.
class RowReader {
 public:
  virtual ~RowReader() = default;
  // The next rows, at least one and a few thousand at most. False: there are no more. The batch is valid until the
  // next call; where it has an owner, as long as that.
  virtual Result<bool> next(Batch& batch) = 0;
};

// One of several that read a query side by side, by a connection of its own. One thread uses it.
class PartReader {
 public:
  virtual ~PartReader() = default;
  // The rows of one part, whose batches have owners. The reader before it must be gone.
  virtual Result<std::unique_ptr<RowReader>> open(std::size_t part) = 0;
  // From any thread: what it waits for, and whatever is asked of it from now on, fails soon.
  virtual void interrupt() = 0;
};

struct PartedRows {
  std::size_t parts = 0;  // one after the other they are the rows of open(), each once
  std::vector<std::unique_ptr<PartReader>> readers{};
};

class Snapshot {
 public:
  virtual ~Snapshot() = default;
  // Of the query of this number.
  virtual const std::shared_ptr<const Schema>& columns(std::size_t query) const = 0;
  // The reader before it must be gone. A transaction that the database ended meanwhile is an error, never a short read.
  virtual Result<std::unique_ptr<RowReader>> open(std::size_t query) = 0;
  // Two readers or more, which see the same moment; none where one is to read all, by open(). They must be gone before
  // the snapshot is.
  virtual Result<PartedRows> open_parts(std::size_t query) = 0;
  // For a manifest: what the database calls this moment, or "".
  virtual std::string name() const = 0;
};

// A table or view as a query meets it.
struct RelationShape {
  TableName name;  // with its schema
  Schema columns;
  bool is_view = false;  // whose columns come from elsewhere
  // Tables that hold some of its rows, or whose rows it holds a part of: partitions, and what inherits.
  std::vector<TableName> relatives{};
};

}  // namespace sluice
