// The parts of a delivery, each fetched and transformed on a thread of its own while the one before is written.
#pragma once

#include <array>
#include <thread>

#include "sluice/core/delivery.hpp"
#include "sluice/core/transform.hpp"
#include "sluice/runtime/run_shared.hpp"

namespace sluice::runtime {

// A part with its rows. Two of them take turns.
struct MadePart {
  Transform* transform = nullptr;
  Delivery part;
  Transformed rows;
};

// What it is made of outlives it. An error ends the parts.
class PartMaker {
 public:
  PartMaker(Parts& parts, Worker& worker, Shared& shared);

  // Null: there are no more. A part is given back by written() before the one after the next comes.
  Result<MadePart*> next() { return ready_.pop(thread_.get_stop_token()).value(); }
  void written(MadePart* slot) { free_.push(slot); }

 private:
  void loop(const std::stop_token& stop);
  Result<MadePart*> make(MadePart& slot);
  Result<bool> fetch(Delivery& part);

  Parts& parts_;
  Shared& shared_;
  std::array<MadePart, 2> slots_;
  Pipe<MadePart*> free_;
  Pipe<Result<MadePart*>> ready_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace sluice::runtime
