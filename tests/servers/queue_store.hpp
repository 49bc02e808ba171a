// One standard queue in memory: messages that are visible, in flight or delayed.
//
// As in SQS, a message received is hidden until its visibility time-out ends, each receive gives a
// new receipt handle, and only the handle of the latest receive can delete. Order is roughly that of
// arrival. Time is passed in, in milliseconds since 1970. A message costs about 100 bytes and its body.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "digest.hpp"

namespace sluice::servers {

using Millis = std::int64_t;

// What a sender attached to a message, as SQS calls it a message attribute.
struct MessageAttribute {
  std::string name;
  std::string type;
  std::string value;  // bytes when the type is Binary
  bool binary() const { return type.starts_with("Binary"); }
};

struct Message {
  enum class State : std::uint8_t { none, visible, in_flight, delayed };

  std::unique_ptr<char[]> body;
  std::uint32_t body_size = 0;
  std::uint32_t receives = 0;
  std::array<std::uint64_t, 2> id{};
  Md5 body_md5{};
  Millis sent = 0;
  Millis first_received = 0;
  Millis due = 0;           // when it becomes visible, for in_flight and delayed
  std::uint32_t birth = 0;  // tells this message from earlier ones in the same slot
  State state = State::none;
  std::unique_ptr<std::vector<MessageAttribute>> attributes;

  std::string_view text() const { return {body.get(), body_size}; }
};

// Which receive of which message; the text form is what clients see.
struct Handle {
  std::uint32_t slot = 0;
  std::uint32_t birth = 0;
  std::uint32_t receive = 0;
};

class QueueStore {
 public:
  explicit QueueStore(std::uint64_t seed) : random_(seed) {}

  struct Counts {
    std::uint64_t visible = 0, in_flight = 0, delayed = 0;          // now
    std::uint64_t sent = 0, received = 0, deleted = 0, copied = 0;  // ever
    std::uint64_t stale = 0;                                        // deletes by a handle that no longer counts
    std::uint64_t in_flight_peak = 0;
  };

  const Message& send(std::string_view body, Millis now, Millis delay, std::vector<MessageAttribute> attributes = {});
  // Hides the next visible message and returns its slot.
  std::optional<std::uint32_t> receive(Millis now, Millis visibility);
  // False for a stale handle: nothing is deleted.
  bool erase(Handle handle);
  enum class Change { done, stale, not_in_flight };
  Change change_visibility(Handle handle, Millis now, Millis visibility);
  // Makes messages visible whose time has come.
  void tick(Millis now);
  // A second copy under the same message id: SQS delivers at least once.
  void copy(std::uint32_t slot);
  // Moves a message to another queue with its id and counts, as a redrive to a dead-letter queue does.
  void move_to(QueueStore& other, std::uint32_t slot, Millis now);
  void purge();

  const Message& at(std::uint32_t slot) const { return chunks_[slot / chunk_size][slot % chunk_size]; }
  Handle handle(std::uint32_t slot) const { return {slot, at(slot).birth, at(slot).receives}; }
  const Counts& counts() const { return counts_; }

 private:
  static constexpr std::uint32_t chunk_size = 4096;
  struct Due {
    Millis when;
    std::uint32_t slot;
    std::uint32_t birth;
    bool operator<(const Due& other) const { return when > other.when; }
  };

  Message& slot(std::uint32_t index) { return chunks_[index / chunk_size][index % chunk_size]; }
  std::uint32_t take_slot();
  void free_slot(std::uint32_t index);
  void schedule(std::uint32_t index, Millis when, Message::State state);
  void show(std::uint32_t index);
  std::uint64_t& count_of(Message::State state);
  std::uint64_t random();

  std::vector<std::unique_ptr<Message[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::deque<Handle> visible_;  // may name messages that are visible no more: skipped when met
  std::vector<Due> due_;        // a heap; stale entries are skipped, and swept when they are many
  Counts counts_;
  std::uint32_t births_ = 0;
  std::uint64_t random_;
};

}  // namespace sluice::servers
