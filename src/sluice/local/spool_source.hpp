// Receives from a spool: thousands of lines a delivery, each hidden until it is settled or its lease ends.
//
// Bodies lie in one block a delivery, with at least 64 readable bytes after each body's end: a JSON parser may
// read past the end without looking.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/clock.hpp"
#include "sluice/core/source.hpp"
#include "sluice/local/spool_folder.hpp"
#include "sluice/local/spool_segment.hpp"

namespace sluice::local {

class SpoolSource final : public Source {
 public:
  SpoolSource(std::string folder, std::chrono::seconds visibility, const Clock& clock);

  Result<Next> next(const Wanted& wanted) override;
  Result<void> settle(Receipt receipt) override;
  Result<void> release(Receipt receipt) override;
  Result<void> flush() override;
  void wake() override;
  std::map<std::string, std::uint64_t> calls() const override;
  std::map<std::string, double> seconds() const override;

 private:
  // Received, and neither settled nor released.
  struct Open {
    std::vector<Lease> leases;
    std::int64_t extend_at = 0;
  };
  struct Ready {
    Delivery delivery;
    bool full = false;
  };
  // Lines taken from one segment, still to be read from its file.
  struct Piece {
    File messages;
    SegmentHeader header;
    std::vector<Taken> taken;
  };

  bool may_hand_over(const Wanted& wanted) const;
  Next hand_over();
  bool look_is_due(std::chrono::steady_clock::time_point now) const;
  Result<void> look(const Wanted& wanted);
  Result<bool> take(Room& room, std::vector<Piece>& pieces);
  Result<bool> take_from(const std::string& name, Scan& scan, Room& room, std::vector<Piece>& pieces);
  Result<void> list();
  Result<void> read(std::vector<Piece> pieces, bool full);
  Result<void> extend();
  static std::size_t lines_of(const Open& open);
  template <class Change>
  Result<std::size_t> change(const Open& open, std::size_t from, std::size_t to, Change what);
  Result<void> forget(const Open& open, std::size_t from, std::size_t to);
  template <class T>
  Result<T> placed(Result<T> result) const;
  std::int64_t until() const;
  // Gives true if woken before the time was over.
  bool wait(std::chrono::milliseconds time);

  SpoolFolder folder_;
  std::chrono::seconds visibility_;
  const Clock& clock_;

  std::map<std::string, Scan> segments_;
  std::string position_;                                // the segment to look at next; empty: from the first
  std::chrono::steady_clock::time_point look_after_{};  // nothing was visible: not again before
  bool look_now_ = true;
  unsigned empty_looks_ = 0;  // one after the other that found no message at all

  std::map<std::uint64_t, Open> open_;
  std::optional<Ready> ready_;  // received ahead, so that a worker never waits for the disk
  std::uint64_t receipts_ = 0;

  std::uint64_t receives_ = 0;
  std::uint64_t deletes_ = 0;
  std::uint64_t extensions_ = 0;
  double receive_seconds_ = 0;
  double delete_seconds_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable woken_up_;
  bool woken_ = false;
};

}  // namespace sluice::local
