#include "sluice/runtime/part_rows.hpp"

#include <algorithm>
#include <cassert>

namespace sluice::runtime {
namespace {

// As a BatchBuilder holds them: 16 bytes a value, of as many rows as fit, and the texts in blocks.
std::size_t bytes_of(const Batch& batch) {
  constexpr std::size_t rows_least = 2048;
  constexpr std::size_t block = std::size_t{256} << 10U;
  std::size_t texts = 0;
  for (std::size_t i = 0; i < batch.vectors.size(); ++i) {
    const Kind kind = (*batch.schema)[i].type.kind;
    if (kind != Kind::text && kind != Kind::bytes && kind != Kind::json) continue;
    for (std::size_t row = 0; row < batch.rows; ++row) {
      if (batch.vectors[i].is_null(row)) continue;
      const std::size_t length = batch.vectors[i].at<Text>(row).view().size();
      if (length > Text::inline_max) texts += length;
    }
  }
  return std::max(batch.rows, rows_least) * batch.vectors.size() * 16 + (texts + block - 1) / block * block;
}

}  // namespace

PartRows::PartRows(PartedRows rows, std::stop_token stop, std::size_t ahead)
    : parts_(rows.parts),
      lane_bytes_(ahead / rows.readers.size()),
      stop_(std::move(stop)),
      readers_(std::move(rows.readers)),
      lanes_(readers_.size()) {
  assert(!readers_.empty());
  for (std::size_t lane = 0; lane < readers_.size(); ++lane)
    threads_.emplace_back([this, lane](const std::stop_token& ended) { read(lane, ended); });
}

PartRows::~PartRows() {
  for (std::jthread& thread : threads_) thread.request_stop();
  for (const auto& reader : readers_) reader->interrupt();
  threads_.clear();
}

Result<bool> PartRows::next(Batch& batch) {
  batch = {};  // its memory is used again
  while (part_ < parts_) {
    Piece piece;
    {
      std::unique_lock lock(mutex_);
      Lane& lane = lanes_[part_ % lanes_.size()];
      changed_.wait(lock, stop_, [&] { return error_ || !lane.pieces.empty(); });
      if (error_) return fail(*error_);
      if (stop_.stop_requested()) return fail(Fault::failed, "stopped before all rows were read");
      piece = std::move(lane.pieces.front());
      lane.pieces.pop_front();
      lane.bytes -= piece.bytes;
    }
    changed_.notify_all();
    if (piece.batch.rows == 0) {
      ++part_;
      continue;
    }
    batch = std::move(piece.batch);
    return true;
  }
  return false;
}

void PartRows::read(std::size_t lane, const std::stop_token& ended) {
  for (std::size_t part = lane; part < parts_; part += lanes_.size()) {
    const Result<bool> wanted = read_part(lane, part, ended);
    if (!wanted) {
      {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = wanted.error();
      }
      changed_.notify_all();
    }
    if (!wanted || !*wanted) return;
  }
}

Result<bool> PartRows::read_part(std::size_t lane, std::size_t part, const std::stop_token& ended) {
  SLUICE_TRY(const auto reader, readers_[lane]->open(part));
  while (true) {
    Piece piece;
    SLUICE_TRY(const bool more, reader->next(piece.batch));
    if (!more) return put(lane, {}, ended);
    piece.bytes = bytes_of(piece.batch);
    if (!put(lane, std::move(piece), ended)) return false;
  }
}

bool PartRows::put(std::size_t lane, Piece piece, const std::stop_token& ended) {
  {
    std::unique_lock lock(mutex_);
    Lane& mine = lanes_[lane];
    const bool room = changed_.wait(
        lock, ended, [&] { return error_ || mine.pieces.empty() || mine.bytes + piece.bytes <= lane_bytes_; });
    if (!room || error_ || ended.stop_requested()) return false;
    mine.bytes += piece.bytes;
    mine.pieces.push_back(std::move(piece));
  }
  changed_.notify_all();
  return true;
}

}  // namespace sluice::runtime
