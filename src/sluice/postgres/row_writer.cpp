#include "sluice/postgres/row_writer.hpp"

#include <algorithm>
#include <cassert>

namespace sluice::postgres {

void RowWriter::lay_out(std::span<const Batch> batches, const Known& known) {
  batches_ = batches;
  spans_.clear();
  bool started = false;
  std::uint32_t last = 0;
  bool skip = false;
  for (std::uint32_t i = 0; i < batches.size(); ++i) {
    const Batch& batch = batches[i];
    assert(batch.vectors.size() == plan_.encoders.size());
    for (std::size_t row = 0; row < batch.rows; ++row) {
      const std::uint32_t message = batch.origin[row];
      if (!started || message != last) {
        started = true;
        last = message;
        skip = message < known.size() && known[message];
        if (!skip) spans_.push_back({message, i, row, 0, false});
      }
      if (!skip) ++spans_.back().rows;
    }
  }
}

std::size_t RowWriter::left(std::size_t first, std::size_t last) const {
  return static_cast<std::size_t>(std::count_if(spans_.begin() + static_cast<std::ptrdiff_t>(first),
                                                spans_.begin() + static_cast<std::ptrdiff_t>(last),
                                                [](const Span& span) { return !span.refused; }));
}

void RowWriter::begin(CopyBuffer& out) const {
  // Signature, flags, length of an extension: none.
  if (!plan_.as_text) out.put(std::string_view("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19));
}

void RowWriter::end(CopyBuffer& out) const {
  if (!plan_.as_text) out.put_int16(-1);
}

const char* RowWriter::append_row(const Batch& batch, std::size_t row, CopyBuffer& out, std::size_t& column) {
  const std::size_t count = plan_.encoders.size();
  if (!plan_.as_text) {
    out.put_int16(static_cast<std::int16_t>(count));
    for (column = 0; column < count; ++column) {
      if (const char* reason = put_binary(plan_.encoders[column], batch.vectors[column], row, out)) return reason;
    }
    return nullptr;
  }
  for (column = 0; column < count; ++column) {
    if (column > 0) out.put('\t');
    if (const char* reason = put_text(plan_.encoders[column], batch.vectors[column], row, out, scratch_)) {
      scratch_.clear();
      return reason;
    }
  }
  out.put('\n');
  return nullptr;
}

std::optional<Reject> RowWriter::append(std::size_t number, CopyBuffer& out) {
  Span& span = spans_[number];
  if (span.refused) return std::nullopt;
  const std::size_t mark = out.size();
  std::uint32_t batch = span.batch;
  std::size_t row = span.row;
  for (std::size_t i = 0; i < span.rows; ++i, ++row) {
    while (row >= batches_[batch].rows) {
      ++batch;
      row = 0;
    }
    std::size_t column = 0;
    if (const char* reason = append_row(batches_[batch], row, out, column)) {
      out.shrink(mark);
      span.refused = true;
      const std::string& name = plan_.encoders[column].name;
      return Reject{span.message, Stage::sink, reason, name, sentence_for(reason, name)};
    }
  }
  return std::nullopt;
}

}  // namespace sluice::postgres
