#include "sluice/engine/input.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::engine {

std::size_t width_of(Kind kind) {
  switch (kind) {
    case Kind::boolean: return 1;
    case Kind::int32:
    case Kind::date: return 4;
    case Kind::int64:
    case Kind::float64:
    case Kind::timestamp:
    case Kind::timestamp_tz: return 8;
    case Kind::decimal:
    case Kind::text:
    case Kind::bytes:
    case Kind::uuid:
    case Kind::json: return 16;
  }
  return 16;
}

char* Arena::take(std::size_t size) {
  if (blocks_.empty() || used_ + size > blocks_[block_].size) {
    // Oversized values get a block of their own size, which clear() gives back.
    if (!blocks_.empty()) ++block_;
    if (block_ == blocks_.size() || blocks_[block_].size < size) {
      const std::size_t fresh = std::max(size, block_size);
      blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(block_),
                     Block{std::make_unique<char[]>(fresh), fresh});
    }
    used_ = 0;
  }
  char* at = blocks_[block_].bytes.get() + used_;
  last_ = used_;
  used_ += size;
  return at;
}

std::string_view Arena::copy(std::string_view text) {
  char* at = take(text.size());
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return {at, text.size()};
}

void Arena::clear() {
  std::erase_if(blocks_, [](const Block& block) { return block.size > block_size; });
  block_ = 0;
  used_ = 0;
  last_ = 0;
}

void Column::reserve(std::size_t rows) {
  const std::size_t cells = (rows * width_ + sizeof(Cell) - 1) / sizeof(Cell);
  if (values_.size() < cells) values_.resize(cells);
  if (valid_.size() < (rows + 63) / 64) valid_.resize((rows + 63) / 64);
}

const Schema& message_columns() {
  static const Schema columns{{"message_id", {Kind::text}},
                              {"sent_at", {Kind::timestamp}},  // UTC
                              {"receive_count", {Kind::int32}},
                              {"attributes", {Kind::json}}};
  return columns;
}

Input::Input(const Record& record) {
  for (const RecordField& field : record.fields) columns_.emplace_back(field.type.kind);
  for (const Field& field : message_columns()) own_.emplace_back(field.type.kind);
}

void Input::clear(std::size_t messages) {
  for (Column& column : columns_) {
    column.clear();
    column.reserve(messages);
  }
  for (Column& column : own_) {
    column.clear();
    column.reserve(messages);
  }
  origin_.clear();
  origin_.reserve(messages);
  arena_.clear();
}

void Input::add_row(const Message& message, std::uint32_t number) {
  const std::size_t row = origin_.size();
  own_[0].set(row, Text(message.message_id));
  own_[1].set(row, message.sent_at);
  own_[2].set(row, static_cast<std::int32_t>(std::min<std::uint32_t>(message.receive_count, INT32_MAX)));
  own_[3].set(row, Text(message.attributes));
  origin_.push_back(number);
}

InputView Input::view() const {
  InputView view;
  std::vector<Vector>& all = view.vectors;
  all.reserve(columns_.size() + own_.size());
  for (const Column& column : columns_) all.push_back(column.vector());
  for (const Column& column : own_) all.push_back(column.vector());
  view.origin = origin_.data();
  return view;
}

}  // namespace sluice::engine
