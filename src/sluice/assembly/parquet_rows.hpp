// Rows into a Parquet object, but for what Parquet cannot say.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "sluice/core/batch.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/engine/parquet.hpp"
#include "sluice/objects/row_writer.hpp"

namespace sluice::assembly {

class ParquetRows final : public objects::RowWriter {
 public:
  ParquetRows(std::unique_ptr<engine::ParquetWriter> writer, Place place)
      : writer_(std::move(writer)), place_(std::move(place)) {}
  Result<void> write(const Batch& batch) override {
    for (std::size_t column = 0; column < batch.vectors.size(); ++column) SLUICE_CHECK(check_times(batch, column));
    return writer_->write(batch);
  }
  Result<void> finish() override { return writer_->finish(); }
  std::uint64_t bytes() const override { return writer_->bytes(); }

 private:
  // Parquet has no infinity of dates and times: readers would take the number for a day.
  Result<void> check_times(const Batch& batch, std::size_t column) const {
    const Field& field = (*batch.schema)[column];
    const Vector& vector = batch.vectors[column];
    const auto has_infinity = [&]<class T>(T infinity) {
      for (std::size_t row = 0; row < batch.rows; ++row) {
        const T value = vector.at<T>(row);
        if ((value == infinity || value <= -infinity) && !vector.is_null(row)) return true;
      }
      return false;
    };
    const bool timed = field.type.kind == Kind::timestamp || field.type.kind == Kind::timestamp_tz;
    if (!(timed && has_infinity(INT64_MAX)) && !(field.type.kind == Kind::date && has_infinity(INT32_MAX))) return {};
    return fail(Fault::data,
                place_.text() + ": column \"" + field.name + "\" holds an infinite date, which Parquet does not know",
                "cast it to text in the query, or leave such rows out");
  }

  std::unique_ptr<engine::ParquetWriter> writer_;
  Place place_;  // of the query
};

}  // namespace sluice::assembly
