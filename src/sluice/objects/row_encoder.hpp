// Rows as the text of an object, format by format.
#pragma once

#include <memory>
#include <string>

#include "sluice/core/batch.hpp"
#include "sluice/core/result.hpp"
#include "sluice/objects/format.hpp"

namespace sluice::objects {

class RowEncoder {
 public:
  virtual ~RowEncoder() = default;
  // What stands before the first row.
  virtual void begin(std::string& out) = 0;
  virtual Result<void> add(const Batch& batch, std::string& out) = 0;
};

// Quotes as PostgreSQL's COPY does: where a field holds the delimiter, a quote or a line's end, or would read as NULL.
// add() fails (data) where a field would need quotes and the dialect has none; the error names the column.
std::unique_ptr<RowEncoder> csv_encoder(const CsvDialect& dialect, std::shared_ptr<const Schema> schema);
// One object a line. Times are ISO 8601 with T and Z; a decimal is a number of all its digits; what JSON has no number
// for (NaN, Infinity) is a text.
std::unique_ptr<RowEncoder> json_encoder(std::shared_ptr<const Schema> schema);

}  // namespace sluice::objects
