// Rows to the bytes of one object, packed on the way, in bounded memory.
#pragma once

#include <memory>
#include <string_view>

#include "sluice/core/batch.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/objects/format.hpp"

namespace sluice::objects {

class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual Result<void> write(const Batch& batch) = 0;
  // The last bytes. What they were written to is not finished by it.
  virtual Result<void> finish() = 0;
  // So far, before they were packed.
  virtual std::uint64_t bytes() const = 0;
};

// `out` outlives it. The key tells the compression where the dialect leaves it to the name.
Result<std::unique_ptr<RowWriter>> open_row_writer(const Dialect& dialect, std::string_view key,
                                                   std::shared_ptr<const Schema> schema, ObjectWriter& out);

// ".csv", ".json.gz", ...: how the name of such an object ends, where the dialect says its compression.
std::string_view extension_of(const Dialect& dialect);
// "text/csv", ...; of the packed kind where it is packed.
std::string_view content_type_of(const Dialect& dialect, std::string_view key);

}  // namespace sluice::objects
