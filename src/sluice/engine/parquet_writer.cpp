// The steps of DuckDB's own COPY ... TO (FORMAT parquet), taken one by one, so that rows are pushed and not pulled.
#include <condition_variable>
#include <cstring>
#include <limits>
#include <mutex>
#include <thread>

#include "duckdb/catalog/catalog_entry/copy_function_catalog_entry.hpp"
#include "duckdb/common/types/column/column_data_collection.hpp"
#include "duckdb/function/copy_function.hpp"
#include "sluice/engine/input.hpp"
#include "sluice/engine/parquet_duck.hpp"
#include "sluice/engine/types.hpp"

namespace sluice::engine {
namespace {

using RowGroup = duckdb::unique_ptr<duckdb::ColumnDataCollection>;

// A decimal of up to 18 digits takes 4 or 8 bytes a value in Parquet, and DuckDB wants it in as many.
duckdb::LogicalType column_type(Type type) {
  if (type.kind != Kind::decimal || type.precision == 0) return to_duck(type);
  return duckdb::LogicalType::DECIMAL(type.precision, type.scale);
}

template <class T>
bool narrow(const Vector& from, std::size_t at, std::size_t count, Int128 limit, T* to) {
  const auto* values = static_cast<const Int128*>(from.values) + at;
  for (std::size_t i = 0; i < count; ++i) {
    if (from.is_null(at + i)) {
      to[i] = 0;
      continue;
    }
    if (values[i] >= limit || values[i] <= -limit) return false;
    to[i] = static_cast<T>(values[i]);
  }
  return true;
}

// False: one of the values has more digits than its type says.
bool fill_decimals(const Vector& from, Type type, std::size_t at, std::size_t count, duckdb::Vector& to) {
  Int128 limit = 1;
  for (unsigned i = 0; i < type.precision; ++i) limit *= 10;
  switch (to.GetType().InternalType()) {
    case duckdb::PhysicalType::INT16:
      return narrow(from, at, count, limit, duckdb::FlatVector::GetData<std::int16_t>(to));
    case duckdb::PhysicalType::INT32:
      return narrow(from, at, count, limit, duckdb::FlatVector::GetData<std::int32_t>(to));
    case duckdb::PhysicalType::INT64:
      return narrow(from, at, count, limit, duckdb::FlatVector::GetData<std::int64_t>(to));
    default: std::memcpy(duckdb::FlatVector::GetData(to), static_cast<const Int128*>(from.values) + at, count * 16);
  }
  return true;
}

bool fill(const Vector& from, Type type, std::size_t at, std::size_t count, duckdb::Vector& to, std::uint64_t& texts) {
  auto& valid = duckdb::FlatVector::Validity(to);
  valid.Reset();
  if (from.valid != nullptr) {
    for (std::size_t i = 0; i < count; ++i) {
      if (from.is_null(at + i)) valid.SetInvalid(i);
    }
  }
  switch (type.kind) {
    case Kind::decimal: return fill_decimals(from, type, at, count, to);
    case Kind::uuid: {
      auto* numbers = duckdb::FlatVector::GetData<duckdb::hugeint_t>(to);
      const auto* bytes = static_cast<const std::uint8_t*>(from.values) + at * 16;
      for (std::size_t i = 0; i < count; ++i) numbers[i] = uuid_to_duck(bytes + i * 16);
      return true;
    }
    case Kind::text:
    case Kind::bytes:
    case Kind::json: {
      // Longer texts are viewed here and copied by the row group.
      auto* strings = duckdb::FlatVector::GetData<duckdb::string_t>(to);
      for (std::size_t i = 0; i < count; ++i) {
        const std::string_view text = from.is_null(at + i) ? std::string_view{} : from.at<Text>(at + i).view();
        strings[i] = duckdb::string_t(text.data(), static_cast<std::uint32_t>(text.size()));
        texts += text.size();
      }
      return true;
    }
    default: {
      const std::size_t width = width_of(type.kind);
      std::memcpy(duckdb::FlatVector::GetData(to), static_cast<const std::byte*>(from.values) + at * width,
                  count * width);
      return true;
    }
  }
}

Error error_of(const std::exception& thrown) {
  const duckdb::ErrorData error(thrown);
  if (auto ours = ObjectFiles::error_of(error)) return *std::move(ours);
  // Its message may quote a value.
  return {Fault::failed, "Parquet: " + duckdb::Exception::ExceptionTypeToString(error.Type()) + " error in DuckDB"};
}

class DuckParquetWriter final : public ParquetWriter {
 public:
  DuckParquetWriter(std::shared_ptr<ParquetDuck> duck, std::shared_ptr<const Schema> schema, ObjectWriter& out,
                    const ParquetOptions& options)
      : duck_(std::move(duck)),
        schema_(std::move(schema)),
        options_(options),
        name_(duck_->files.lend(out)),
        connection_(duck_->database) {}

  ~DuckParquetWriter() override {
    stop();
    global_.reset();
    duck_->files.give_back(name_);
  }

  Result<void> open() {
    duckdb::ClientContext& context = *connection_.context;
    try {
      duckdb::vector<std::string> names;
      for (const Field& field : *schema_) {
        names.push_back(field.name);
        types_.push_back(column_type(field.type));
      }
      context.RunFunctionInTransaction([&] {
        auto& entry = duckdb::Catalog::GetSystemCatalog(context).GetEntry<duckdb::CopyFunctionCatalogEntry>(
            context, DEFAULT_SCHEMA, "parquet");
        copy_ = std::make_unique<duckdb::CopyFunction>(entry.function);
        duckdb::CopyInfo info;
        info.options["compression"] = {duckdb::Value("zstd")};
        info.options["row_group_size"] = {duckdb::Value::UBIGINT(options_.row_group_rows)};
        duckdb::CopyFunctionBindInput input(info);
        bound_ = copy_->copy_to_bind(context, input, names, types_);
        global_ = copy_->copy_to_initialize_global(context, *bound_, name_);
      });
      chunk_.Initialize(duckdb::Allocator::DefaultAllocator(), types_);
      begin_group();
    } catch (const std::exception& thrown) {
      return fail(error_of(thrown));
    }
    encoder_ = std::thread([this] { encode(); });
    return {};
  }

  Result<void> write(const Batch& batch) override {
    try {
      for (std::size_t at = 0; at < batch.rows;) {
        const std::size_t room = options_.row_group_rows - group_->Count();
        const std::size_t count = std::min<std::size_t>({batch.rows - at, room, STANDARD_VECTOR_SIZE});
        std::uint64_t texts = 0;
        for (std::size_t i = 0; i < schema_->size(); ++i) {
          if (!fill(batch.vectors[i], (*schema_)[i].type, at, count, chunk_.data[i], texts)) {
            return fail(Fault::data,
                        "column " + (*schema_)[i].name + " holds a number with more digits than its type " +
                            to_string((*schema_)[i].type) + " has",
                        "cast it to a wider type");
          }
        }
        chunk_.SetCardinality(count);
        group_->Append(append_, chunk_);
        texts_ += texts;
        bytes_ += texts + count * fixed_bytes();
        at += count;
        if (group_->Count() >= options_.row_group_rows || texts_ >= options_.row_group_bytes) SLUICE_CHECK(submit());
      }
    } catch (const std::exception& thrown) {
      return fail(error_of(thrown));
    }
    return {};
  }

  Result<void> finish() override {
    if (group_->Count() > 0) SLUICE_CHECK(submit());
    stop();
    if (error_) return fail(*error_);
    try {
      copy_->copy_to_finalize(*connection_.context, *bound_, *global_);
    } catch (const std::exception& thrown) {
      return fail(error_of(thrown));
    }
    return {};
  }

  std::uint64_t bytes() const override { return bytes_; }

 private:
  std::size_t fixed_bytes() const {
    std::size_t sum = 0;
    for (const Field& field : *schema_) sum += width_of(field.type.kind);
    return sum;
  }

  void begin_group() {
    group_ = duckdb::make_uniq<duckdb::ColumnDataCollection>(duckdb::Allocator::DefaultAllocator(), types_);
    group_->InitializeAppend(append_);
    texts_ = 0;
  }

  // Hands the row group to the encoder, which takes one at a time: waits while another is waiting for it.
  Result<void> submit() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return waiting_ == nullptr || error_; });
      if (error_) return fail(*error_);
      waiting_ = std::move(group_);
    }
    changed_.notify_all();
    begin_group();
    return {};
  }

  void encode() {
    while (true) {
      RowGroup group;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return waiting_ != nullptr || ended_; });
        if (waiting_ == nullptr) return;
        group = std::move(waiting_);
      }
      changed_.notify_all();
      try {
        duckdb::ClientContext& context = *connection_.context;
        auto prepared = copy_->prepare_batch(context, *bound_, *global_, std::move(group));
        copy_->flush_batch(context, *bound_, *global_, *prepared);
      } catch (const std::exception& thrown) {
        const std::lock_guard lock(mutex_);
        error_ = error_of(thrown);
        ended_ = true;
        waiting_.reset();
      }
      changed_.notify_all();
    }
  }

  // What waits is still written.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    if (encoder_.joinable()) encoder_.join();
  }

  std::shared_ptr<ParquetDuck> duck_;
  std::shared_ptr<const Schema> schema_;
  ParquetOptions options_;
  std::string name_;
  duckdb::Connection connection_;
  duckdb::vector<duckdb::LogicalType> types_;
  std::unique_ptr<duckdb::CopyFunction> copy_;
  duckdb::unique_ptr<duckdb::FunctionData> bound_;
  duckdb::unique_ptr<duckdb::GlobalFunctionData> global_;
  duckdb::DataChunk chunk_;
  RowGroup group_;  // the one that is being filled
  duckdb::ColumnDataAppendState append_;
  std::uint64_t texts_ = 0;  // bytes of them in `group_`
  std::uint64_t bytes_ = 0;

  std::thread encoder_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  RowGroup waiting_;
  std::optional<Error> error_;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<ParquetWriter>> open_parquet_writer(std::shared_ptr<ParquetDuck> duck,
                                                           std::shared_ptr<const Schema> schema, ObjectWriter& out,
                                                           const ParquetOptions& options) {
  auto writer = std::make_unique<DuckParquetWriter>(std::move(duck), std::move(schema), out, options);
  SLUICE_CHECK(writer->open());
  return std::unique_ptr<ParquetWriter>(std::move(writer));
}

}  // namespace sluice::engine
