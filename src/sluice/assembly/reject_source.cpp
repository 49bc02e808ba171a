#include "sluice/assembly/reject_source.hpp"

#include <thread>

namespace sluice::assembly {
namespace {

// The decoder reads a little past the end of a body.
constexpr std::size_t padding = 64;

}  // namespace

RejectSource::RejectSource(std::vector<StoredReject> rejects) : rejects_(std::move(rejects)) {
  for (std::size_t i = 0; i < rejects_.size(); ++i) {
    rejects_[i].envelope.body.reserve(rejects_[i].envelope.body.size() + padding);
    waiting_.push_back(i);
  }
}

Result<Next> RejectSource::next(const Wanted& wanted) {
  if (waiting_.empty() && open_.empty()) return Next{{}, true};
  if (waiting_.empty() || !wanted.receive) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return Next{};
  }
  Delivery delivery;
  delivery.proof = Proof::reject_ids;
  delivery.receipt.number = ++receipts_;
  while (!waiting_.empty() && delivery.messages.size() < wanted.rows_max && delivery.bytes < wanted.bytes_max) {
    const std::size_t number = waiting_.front();
    waiting_.pop_front();
    const StoredReject& reject = rejects_[number];
    delivery.messages.push_back({reject.id, reject.envelope.body, reject.envelope.message_id, reject.envelope.sent_at,
                                 reject.envelope.receive_count, reject.envelope.attributes, reject.envelope.line});
    delivery.bytes += reject.envelope.body.size();
    open_[receipts_].push_back(number);
  }
  return Next{std::move(delivery), false};
}

Result<void> RejectSource::settle(Receipt receipt) {
  open_.erase(receipt.number);
  return {};
}

Result<void> RejectSource::release(Receipt receipt) {
  for (const std::size_t number : open_[receipt.number]) waiting_.push_back(number);
  open_.erase(receipt.number);
  return {};
}

}  // namespace sluice::assembly
