// Fills a Batch row by row. Its memory is used again for the next one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "sluice/core/batch.hpp"

namespace sluice {

class BatchBuilder {
 public:
  explicit BatchBuilder(std::shared_ptr<const Schema> schema, std::size_t rows_max = 2048);

  // Of the row that is being filled; every column of it is set or null before end_row().
  template <class T>
  void set(std::size_t column, const T& value) {
    reinterpret_cast<T*>(columns_[column].values.data())[rows_] = value;
  }
  // The bytes are copied.
  void set_text(std::size_t column, std::string_view text) {
    set(column, Text(text.size() > Text::inline_max ? keep(text) : text));
  }
  void set_null(std::size_t column);
  void end_row() { ++rows_; }

  std::size_t rows() const { return rows_; }
  // Rows or bytes are as many as one batch should have.
  bool full() const { return rows_ == rows_max_ || bytes_ >= bytes_max; }
  // Valid until clear().
  Batch batch() const;
  void clear();

 private:
  static constexpr std::size_t bytes_max = std::size_t{2} << 20U;
  static constexpr std::size_t block_bytes = std::size_t{256} << 10U;

  struct alignas(16) Cell {
    std::byte bytes[16];
  };
  struct Column {
    std::vector<Cell> values;
    std::vector<std::uint64_t> valid;
    bool has_null = false;
  };
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  std::string_view keep(std::string_view text);

  std::shared_ptr<const Schema> schema_;
  std::size_t rows_max_;
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;  // of texts
  std::vector<Column> columns_;
  std::vector<Block> blocks_;
  std::size_t block_ = 0;  // the one being filled
  std::size_t used_ = 0;   // of it
};

}  // namespace sluice
