#include "sluice/core/batch_builder.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

BatchBuilder::BatchBuilder(std::shared_ptr<const Schema> schema, std::size_t rows_max)
    : schema_(std::move(schema)), rows_max_(rows_max), columns_(schema_->size()) {
  for (Column& column : columns_) {
    column.values.resize(rows_max_);  // 16 bytes are enough for a value of any kind
    column.valid.assign((rows_max_ + 63) / 64, ~std::uint64_t{0});
  }
}

void BatchBuilder::set_null(std::size_t column) {
  columns_[column].valid[rows_ / 64] &= ~(std::uint64_t{1} << (rows_ % 64));
  columns_[column].has_null = true;
}

std::string_view BatchBuilder::keep(std::string_view text) {
  bytes_ += text.size();
  if (blocks_.empty() || used_ + text.size() > blocks_[block_].size) {
    if (!blocks_.empty()) ++block_;
    if (block_ == blocks_.size() || blocks_[block_].size < text.size()) {
      const std::size_t size = std::max(text.size(), block_bytes);
      blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(block_),
                     Block{std::make_unique<char[]>(size), size});
    }
    used_ = 0;
  }
  char* at = blocks_[block_].bytes.get() + used_;
  std::memcpy(at, text.data(), text.size());
  used_ += text.size();
  return {at, text.size()};
}

Batch BatchBuilder::batch() const {
  Batch batch;
  batch.schema = schema_;
  batch.rows = rows_;
  batch.vectors.reserve(columns_.size());
  for (const Column& column : columns_) {
    batch.vectors.push_back({column.values.data(), column.has_null ? column.valid.data() : nullptr});
  }
  return batch;
}

void BatchBuilder::clear() {
  for (Column& column : columns_) {
    if (column.has_null) column.valid.assign(column.valid.size(), ~std::uint64_t{0});
    column.has_null = false;
  }
  // Blocks of an oversized text are given back.
  std::erase_if(blocks_, [](const Block& block) { return block.size > block_bytes; });
  rows_ = 0;
  bytes_ = 0;
  block_ = 0;
  used_ = 0;
}

}  // namespace sluice
