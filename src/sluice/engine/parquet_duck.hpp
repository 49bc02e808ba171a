// The DuckDB instance behind Parquet, and the two things that use it.
#pragma once

#include "sluice/engine/duck_database.hpp"
#include "sluice/engine/object_files.hpp"
#include "sluice/engine/parquet.hpp"

namespace sluice::engine {

struct ParquetDuck {
  duckdb::DuckDB database;
  ObjectFiles& files;  // the database's own
};

Result<std::unique_ptr<ParquetWriter>> open_parquet_writer(std::shared_ptr<ParquetDuck> duck,
                                                           std::shared_ptr<const Schema> schema, ObjectWriter& out,
                                                           const ParquetOptions& options);
std::shared_ptr<Parts> open_parquet_parts(std::shared_ptr<ParquetDuck> duck, ObjectStore& store,
                                          std::vector<ObjectFacts> objects, Record record,
                                          const ParquetRowsOptions& options);

}  // namespace sluice::engine
