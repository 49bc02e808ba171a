#include "sluice/objects/object_source.hpp"

#include <cassert>

namespace sluice::objects {

std::vector<std::vector<ObjectFacts>> group(std::vector<ObjectFacts> objects, bool together) {
  constexpr std::size_t objects_max = 64;
  std::vector<std::vector<ObjectFacts>> groups;
  std::uint64_t bytes = 0;
  for (ObjectFacts& object : objects) {
    const bool fits = !groups.empty() && groups.back().size() < objects_max && bytes + object.bytes <= group_bytes_max;
    if (groups.empty() || (!together && !fits)) {
      groups.emplace_back();
      bytes = 0;
    }
    bytes += object.bytes;
    groups.back().push_back(std::move(object));
  }
  return groups;
}

ObjectSource::ObjectSource(ObjectStore& store, std::vector<std::vector<ObjectFacts>> groups, RowsOptions options)
    : store_(store),
      groups_(std::make_move_iterator(groups.begin()), std::make_move_iterator(groups.end())),
      options_(std::move(options)) {}

Result<Next> ObjectSource::next(const Wanted& wanted) {
  Next next;
  if (groups_.empty() && open_ == 0) {
    next.ended = true;
    return next;
  }
  if (groups_.empty() || !wanted.receive || !wanted.hungry) {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, wanted.patience, [this] { return awake_; });
    awake_ = false;
    return next;
  }
  Delivery delivery;
  delivery.proof = Proof::objects;
  delivery.receipt.number = ++deliveries_;
  for (const ObjectFacts& object : groups_.front()) delivery.objects.push_back(proof_of(store_, object));
  delivery.parts = open_parts(store_, std::move(groups_.front()), options_);
  groups_.pop_front();
  ++open_;
  next.delivery = std::move(delivery);
  return next;
}

Result<void> ObjectSource::settle(Receipt) {
  assert(open_ > 0);
  --open_;
  return {};
}

Result<void> ObjectSource::release(Receipt receipt) { return settle(receipt); }

void ObjectSource::wake() {
  const std::lock_guard lock(mutex_);
  awake_ = true;
  woken_.notify_all();
}

}  // namespace sluice::objects
