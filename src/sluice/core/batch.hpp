// Rows in memory, by column. A Batch only views its values; `owner` keeps them alive.
//
// The layout is that of DuckDB's flat vectors, so that rows go in and out of `select`
// without a copy; nothing here includes DuckDB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "sluice/core/type.hpp"

namespace sluice {

// A piece of text: 16 bytes. Up to 12 bytes stand inside, longer ones are pointed at.
class Text {
 public:
  static constexpr std::uint32_t inline_max = 12;

  Text() : Text(std::string_view{}) {}
  // Views `text` if it is longer than 12 bytes; the bytes must outlive this.
  explicit Text(std::string_view text) : length_(static_cast<std::uint32_t>(text.size())) {
    std::memset(inlined_, 0, sizeof inlined_);
    if (length_ <= inline_max) {
      if (length_ != 0) std::memcpy(inlined_, text.data(), length_);
    } else {
      const char* data = text.data();
      std::memcpy(inlined_, data, 4);
      std::memcpy(inlined_ + 4, &data, sizeof data);
    }
  }
  std::string_view view() const {
    if (length_ <= inline_max) return {inlined_, length_};
    const char* data = nullptr;
    std::memcpy(&data, inlined_ + 4, sizeof data);
    return {data, length_};
  }

 private:
  std::uint32_t length_;
  char inlined_[12];  // the text, or its first 4 bytes and a pointer to all of it
};
static_assert(sizeof(Text) == 16);

// One column's values.
struct Vector {
  const void* values = nullptr;          // `rows` values of the field's Kind
  const std::uint64_t* valid = nullptr;  // bit set: there is a value; null pointer: all there

  bool is_null(std::size_t row) const { return valid != nullptr && (valid[row / 64] >> (row % 64) & 1U) == 0; }
  template <class T>
  const T& at(std::size_t row) const {
    return static_cast<const T*>(values)[row];
  }
};

struct Batch {
  std::shared_ptr<const Schema> schema;
  std::vector<Vector> vectors;  // one a field of the schema
  std::size_t rows = 0;
  // For each row the number of the message in the delivery that it comes from. Rows of one
  // message stand together and in order; a message may have no row (filtered) or several (unnest).
  const std::uint32_t* origin = nullptr;
  std::shared_ptr<const void> owner;
};

}  // namespace sluice
