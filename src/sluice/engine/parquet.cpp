#include "sluice/engine/parquet.hpp"

#include "sluice/engine/parquet_duck.hpp"

namespace sluice::engine {
namespace {

// Encoding takes its memory elsewhere; this is for what a reader holds of one row group, still packed.
constexpr const char* memory_max = "160MiB";

class DuckParquet final : public Parquet {
 public:
  explicit DuckParquet(std::shared_ptr<ParquetDuck> duck) : duck_(std::move(duck)) {}

  Result<std::unique_ptr<ParquetWriter>> open_writer(std::shared_ptr<const Schema> schema, ObjectWriter& out,
                                                     const ParquetOptions& options) override {
    return open_parquet_writer(duck_, std::move(schema), out, options);
  }
  std::shared_ptr<Parts> open_parts(ObjectStore& store, std::vector<ObjectFacts> objects, Record record,
                                    const ParquetRowsOptions& options) override {
    return open_parquet_parts(duck_, store, std::move(objects), std::move(record), options);
  }

 private:
  std::shared_ptr<ParquetDuck> duck_;
};

}  // namespace

Result<std::shared_ptr<Parquet>> Parquet::open() {
  try {
    duckdb::DBConfig config;
    config.SetOptionByName("threads", duckdb::Value::BIGINT(1));
    config.SetOptionByName("memory_limit", duckdb::Value(memory_max));
    config.SetOptionByName("temp_directory", duckdb::Value(""));
    config.SetOptionByName("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
    config.SetOptionByName("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
    config.SetOptionByName("enable_external_file_cache", duckdb::Value::BOOLEAN(false));
    duckdb::DuckDB database(nullptr, &config);
    auto files = duckdb::make_uniq<ObjectFiles>(std::vector<FileStore>{});
    ObjectFiles& ours = *files;
    database.GetFileSystem().RegisterSubSystem(std::move(files));
    duckdb::Connection connection(database);
    for (const char* lock :
         {ObjectFiles::allowed(), "set enable_external_access = false", "set lock_configuration = true"}) {
      if (connection.Query(lock)->HasError()) return fail(Fault::failed, "the embedded DuckDB cannot be locked down");
    }
    auto duck = std::make_shared<ParquetDuck>(ParquetDuck{std::move(database), ours});
    return std::make_shared<DuckParquet>(std::move(duck));
  } catch (const std::exception& error) {
    return fail(Fault::failed, std::string("the embedded DuckDB does not start: ") + error.what());
  }
}

objects::CsvDialect parquet_row_dialect() { return {}; }

}  // namespace sluice::engine
