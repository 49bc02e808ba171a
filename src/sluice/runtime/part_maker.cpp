#include "sluice/runtime/part_maker.hpp"

#include "sluice/runtime/report.hpp"

namespace sluice::runtime {

PartMaker::PartMaker(Parts& parts, Worker& worker, Shared& shared) : parts_(parts), shared_(shared) {
  slots_[0].transform = worker.transform.get();
  slots_[1].transform = worker.other.get();
  for (MadePart& slot : slots_) {
    if (slot.transform != nullptr) free_.push(&slot);
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

void PartMaker::loop(const std::stop_token& stop) {
  while (const auto slot = free_.pop(stop)) {
    Result<MadePart*> made = make(**slot);
    const bool more = made && *made != nullptr;
    ready_.push(std::move(made));
    if (!more) return;
  }
}

Result<MadePart*> PartMaker::make(MadePart& slot) {
  SLUICE_TRY(const bool more, fetch(slot.part));
  if (!more) return nullptr;
  SLUICE_TRY(slot.rows, slot.transform->apply(slot.part));
  return &slot;
}

Result<bool> PartMaker::fetch(Delivery& part) {
  double waited = 0;
  Result<bool> more = [&] {
    const Stopwatch watch(waited);
    return parts_.next(part);
  }();
  const std::lock_guard lock(shared_.mutex);
  shared_.report.receive += waited;
  return more;
}

}  // namespace sluice::runtime
