// Parquet files: rows written as one, and its rows as messages of a flow.
//
// DuckDB encodes and decodes, in an instance of its own that reaches nothing but the objects it is given.
#pragma once

#include <memory>
#include <string_view>

#include "sluice/core/batch.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/core/record.hpp"
#include "sluice/objects/object_rows.hpp"

namespace sluice::engine {

struct ParquetOptions {
  std::size_t row_group_rows = 122'880;
  std::size_t row_group_bytes = std::size_t{32} << 20U;  // of texts, before packing: wide rows make shorter groups
};

struct ParquetRowsOptions {
  std::size_t part_bytes = std::size_t{4} << 20U;
  bool warn_of_no_rows = true;
};

// One thread writes. A row group is encoded and sent while the next one is filled, in a thread of the writer's own, so
// `out` is used by that thread from open() to finish(). Two groups are in memory at most, and what one becomes.
class ParquetWriter {
 public:
  virtual ~ParquetWriter() = default;
  // The values are copied. An error (data) where a decimal has more digits than its type.
  virtual Result<void> write(const Batch& batch) = 0;
  // The last row group and the footer. `out` is not finished by it.
  virtual Result<void> finish() = 0;
  // So far, before they were packed.
  virtual std::uint64_t bytes() const = 0;
};

// Shared by readers and writers, from any thread. It outlives them.
class Parquet {
 public:
  static Result<std::shared_ptr<Parquet>> open();
  virtual ~Parquet() = default;

  // Packed by zstd; columns keep their types. `out` outlives the writer. Destroyed before finish(): `out` holds a part.
  virtual Result<std::unique_ptr<ParquetWriter>> open_writer(std::shared_ptr<const Schema> schema, ObjectWriter& out,
                                                             const ParquetOptions& options) = 0;

  // The rows of objects: the record's columns, each row as a line of CSV (row_dialect()), row group by row group, of
  // which only the columns of the record are fetched. A file that is cut off or no Parquet, a column that is missing or
  // of a type that the record's cannot hold, is an error (conflict) that names the object.
  virtual std::shared_ptr<Parts> open_parts(ObjectStore& store, std::vector<ObjectFacts> objects, Record record,
                                            const ParquetRowsOptions& options = {}) = 0;
};

// How Parquet's rows stand in messages.
objects::CsvDialect parquet_row_dialect();

}  // namespace sluice::engine
