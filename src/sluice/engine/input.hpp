// Decoded messages, by column: what `select` reads as its relation `input`.
//
// Columns are filled message by message and used again for the next delivery, so that the
// memory of the largest one is kept and nothing is allocated a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "sluice/core/batch.hpp"
#include "sluice/core/delivery.hpp"
#include "sluice/core/record.hpp"
#include "sluice/core/type.hpp"

namespace sluice::engine {

// The bytes one value of a kind takes in a Vector.
std::size_t width_of(Kind kind);

// Bytes that stay where they are until clear().
class Arena {
 public:
  // At least `size` bytes; give back what was not needed with shrink_last().
  char* take(std::size_t size);
  // The last take() used only `used` bytes.
  void shrink_last(std::size_t used) { used_ = last_ + used; }
  std::string_view copy(std::string_view text);
  void clear();

 private:
  static constexpr std::size_t block_size = 256U << 10U;
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  std::vector<Block> blocks_;
  std::size_t block_ = 0;  // the one being filled
  std::size_t used_ = 0;   // of it
  std::size_t last_ = 0;   // where the last take() began
};

class Column {
 public:
  explicit Column(Kind kind) : kind_(kind), width_(width_of(kind)) {}

  Kind kind() const { return kind_; }
  void reserve(std::size_t rows);
  // `row` is below what was reserved.
  template <class T>
  void set(std::size_t row, const T& value) {
    reinterpret_cast<T*>(values_.data())[row] = value;
    valid_[row / 64] |= std::uint64_t{1} << (row % 64);
  }
  void set_null(std::size_t row) {
    valid_[row / 64] &= ~(std::uint64_t{1} << (row % 64));
    has_null_ = true;
  }
  void clear() { has_null_ = false; }
  Vector vector() const { return {values_.data(), has_null_ ? valid_.data() : nullptr}; }

 private:
  struct alignas(16) Cell {
    std::byte bytes[16];
  };
  Kind kind_;
  std::size_t width_;
  std::vector<Cell> values_;
  std::vector<std::uint64_t> valid_;
  bool has_null_ = false;
};

// The message's own columns, that every `input` has beside the record's: `select *` leaves them out.
const Schema& message_columns();

// Rows as `select` reads them; what is pointed at outlives it.
struct InputView {
  std::vector<Vector> vectors;            // the record's columns, then the message's own, if it has any
  const std::uint32_t* origin = nullptr;  // by row, the message that it came from; null: rows come from no message
};

class Input {
 public:
  explicit Input(const Record& record);

  void clear(std::size_t messages);
  std::vector<Column>& columns() { return columns_; }
  Arena& arena() { return arena_; }
  std::size_t rows() const { return origin_.size(); }
  // The row that is being filled becomes one; it came from this message.
  void add_row(const Message& message, std::uint32_t number);

  InputView view() const;
  const std::vector<std::uint32_t>& origin() const { return origin_; }

 private:
  std::vector<Column> columns_;
  std::vector<Column> own_;
  std::vector<std::uint32_t> origin_;
  Arena arena_;
};

}  // namespace sluice::engine
