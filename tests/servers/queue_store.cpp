#include "queue_store.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::servers {

// splitmix64 (Steele, Lea, Flood 2014): message ids only have to differ.
std::uint64_t QueueStore::random() {
  std::uint64_t z = (random_ += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

std::uint64_t& QueueStore::count_of(Message::State state) {
  switch (state) {
    case Message::State::in_flight: return counts_.in_flight;
    case Message::State::delayed: return counts_.delayed;
    default: return counts_.visible;
  }
}

std::uint32_t QueueStore::take_slot() {
  if (free_.empty()) {
    const auto first = static_cast<std::uint32_t>(chunks_.size()) * chunk_size;
    chunks_.push_back(std::make_unique<Message[]>(chunk_size));
    for (std::uint32_t i = chunk_size; i > 0; --i) free_.push_back(first + i - 1);
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  slot(index).birth = ++births_;
  return index;
}

void QueueStore::free_slot(std::uint32_t index) {
  Message& message = slot(index);
  if (message.state != Message::State::none) --count_of(message.state);
  message = Message{};
  free_.push_back(index);
}

const Message& QueueStore::send(std::string_view body, Millis now, Millis delay,
                                std::vector<MessageAttribute> attributes) {
  const std::uint32_t index = take_slot();
  Message& message = slot(index);
  message.body = std::unique_ptr<char[]>(new char[body.size()]);
  std::memcpy(message.body.get(), body.data(), body.size());
  message.body_size = static_cast<std::uint32_t>(body.size());
  message.body_md5 = md5(body);
  message.id = {random(), random()};
  message.sent = now;
  if (!attributes.empty()) message.attributes = std::make_unique<std::vector<MessageAttribute>>(std::move(attributes));
  ++counts_.sent;
  if (delay > 0)
    schedule(index, now + delay, Message::State::delayed);
  else
    show(index);
  return message;
}

void QueueStore::show(std::uint32_t index) {
  Message& message = slot(index);
  if (message.state != Message::State::none) --count_of(message.state);
  message.state = Message::State::visible;
  ++counts_.visible;
  visible_.push_back(handle(index));
}

void QueueStore::schedule(std::uint32_t index, Millis when, Message::State state) {
  Message& message = slot(index);
  if (message.state != Message::State::none) --count_of(message.state);
  message.state = state;
  message.due = when;
  ++count_of(state);
  counts_.in_flight_peak = std::max(counts_.in_flight_peak, counts_.in_flight);

  const std::uint64_t live = counts_.in_flight + counts_.delayed;
  if (due_.size() > 2 * live + 4096) {
    std::erase_if(due_, [this](const Due& due) {
      const Message& named = at(due.slot);
      return named.birth != due.birth || named.due != due.when;
    });
    std::make_heap(due_.begin(), due_.end());
  }
  due_.push_back({when, index, message.birth});
  std::push_heap(due_.begin(), due_.end());
}

void QueueStore::tick(Millis now) {
  while (!due_.empty() && due_.front().when <= now) {
    const Due due = due_.front();
    std::pop_heap(due_.begin(), due_.end());
    due_.pop_back();
    const Message& message = at(due.slot);
    const bool hidden = message.state == Message::State::in_flight || message.state == Message::State::delayed;
    if (message.birth == due.birth && message.due == due.when && hidden) show(due.slot);
  }
}

std::optional<std::uint32_t> QueueStore::receive(Millis now, Millis visibility) {
  while (!visible_.empty()) {
    const Handle next = visible_.front();
    visible_.pop_front();
    Message& message = slot(next.slot);
    if (message.birth != next.birth || message.state != Message::State::visible) continue;
    if (message.receives++ == 0) message.first_received = now;
    ++counts_.received;
    if (visibility > 0) {
      schedule(next.slot, now + visibility, Message::State::in_flight);
    } else {
      --counts_.visible;
      message.state = Message::State::none;
      show(next.slot);
    }
    return next.slot;
  }
  return std::nullopt;
}

bool QueueStore::erase(Handle handle) {
  const bool known = handle.slot / chunk_size < chunks_.size();
  if (!known || at(handle.slot).birth != handle.birth || at(handle.slot).receives != handle.receive) {
    ++counts_.stale;
    return false;
  }
  free_slot(handle.slot);
  ++counts_.deleted;
  return true;
}

QueueStore::Change QueueStore::change_visibility(Handle handle, Millis now, Millis visibility) {
  const bool known = handle.slot / chunk_size < chunks_.size();
  if (!known || at(handle.slot).birth != handle.birth || at(handle.slot).receives != handle.receive)
    return Change::stale;
  if (at(handle.slot).state != Message::State::in_flight) return Change::not_in_flight;
  if (visibility > 0)
    schedule(handle.slot, now + visibility, Message::State::in_flight);
  else
    show(handle.slot);
  return Change::done;
}

void QueueStore::copy(std::uint32_t index) {
  const std::uint32_t twin_index = take_slot();
  Message& twin = slot(twin_index);
  const Message& message = at(index);
  twin.body = std::unique_ptr<char[]>(new char[message.body_size]);
  std::memcpy(twin.body.get(), message.body.get(), message.body_size);
  twin.body_size = message.body_size;
  twin.body_md5 = message.body_md5;
  twin.id = message.id;
  twin.sent = message.sent;
  twin.first_received = message.first_received;
  twin.receives = message.receives;
  if (message.attributes) twin.attributes = std::make_unique<std::vector<MessageAttribute>>(*message.attributes);
  ++counts_.copied;
  show(twin_index);
}

void QueueStore::move_to(QueueStore& other, std::uint32_t index, Millis now) {
  other.tick(now);
  const std::uint32_t there = other.take_slot();
  Message& moved = other.slot(there);
  const std::uint32_t birth = moved.birth;
  Message& message = slot(index);
  if (message.state != Message::State::none) --count_of(message.state);
  moved = std::move(message);
  moved.birth = birth;
  moved.state = Message::State::none;
  message = Message{};
  free_.push_back(index);
  ++other.counts_.sent;
  other.show(there);
}

void QueueStore::purge() {
  for (std::uint32_t index = 0; index < chunks_.size() * chunk_size; ++index)
    if (at(index).state != Message::State::none) free_slot(index);
  visible_.clear();
  due_.clear();
}

}  // namespace sluice::servers
