// A query read in parts side by side, handed on in the order of the parts: the rows come as one reader would give them.
//
// A thread a reader. Each reads ahead of its turn as far as its share of the memory goes. An error of any of them ends
// all, and so does letting go of this: no thread outlives it.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "sluice/core/snapshot.hpp"

namespace sluice::runtime {

class PartRows final : public RowReader {
 public:
  static constexpr std::size_t ahead_bytes = std::size_t{48} << 20U;  // of all readers, roughly

  // At least one reader. When `stop` is requested, next() does not wait any longer and gives an error.
  PartRows(PartedRows rows, std::stop_token stop, std::size_t ahead = ahead_bytes);
  ~PartRows() override;
  PartRows(const PartRows&) = delete;
  PartRows& operator=(const PartRows&) = delete;

  Result<bool> next(Batch& batch) override;

 private:
  struct Piece {
    Batch batch{};  // without rows: the part ends here
    std::size_t bytes = 0;
  };
  // What one reader has read, part after part.
  struct Lane {
    std::deque<Piece> pieces{};
    std::size_t bytes = 0;
  };

  void read(std::size_t lane, const std::stop_token& ended);
  Result<bool> read_part(std::size_t lane, std::size_t part, const std::stop_token& ended);
  // False: nobody wants it any more.
  bool put(std::size_t lane, Piece piece, const std::stop_token& ended);

  std::size_t parts_;
  std::size_t part_ = 0;  // that next() is at
  std::size_t lane_bytes_;
  std::stop_token stop_;
  std::vector<std::unique_ptr<PartReader>> readers_;

  std::mutex mutex_;  // guards lanes_ and error_
  std::condition_variable_any changed_;
  std::vector<Lane> lanes_;
  std::optional<Error> error_;  // the first one

  std::vector<std::jthread> threads_;  // the last: they use what stands above
};

}  // namespace sluice::runtime
