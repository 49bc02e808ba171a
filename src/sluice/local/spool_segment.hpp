// One file of a spool, and the state file beside it that says which of its lines are hidden or deleted.
//
//   NAME.ndjson        the messages, one a line; never written by a reader
//   NAME.ndjson.state  a header, then one record a line; written in place, under the folder's lock
//
// The state is made and synced before the first message leaves, because the messages' keys come from the id
// in it. Later changes are not synced: after a power loss a deletion may be undone, never a message lost.
// Integers lie in the machine's byte order: a spool belongs to one machine.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/delivery.hpp"
#include "sluice/core/queue.hpp"
#include "sluice/local/spool_folder.hpp"

namespace sluice::local {

struct SegmentHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t record_size;
  std::array<std::uint8_t, 16> id;  // random, in the form of a UUID of version 8
  std::uint64_t file_size;          // of the ndjson when it was first seen
  std::int64_t file_time;           // its modification, nanoseconds since 1970
  std::uint64_t lines;
  std::int64_t first_seen;  // microseconds since 1970 UTC: the messages' sent_at
  // At most as many as there are: a crash may leave it too low, and then a scan finds out.
  std::uint64_t deleted;
};

struct LineRecord {
  std::uint64_t offset;
  std::uint64_t length;
  std::int64_t visible_at;  // microseconds since 1970 UTC; 0: at once
  // How often it was received. A receipt names the count it was handed out with, so a receipt of an
  // earlier time is stale.
  std::uint32_t received;
  std::uint32_t deleted;  // 0 or 1
};
static_assert(sizeof(SegmentHeader) == 72 && sizeof(LineRecord) == 32);

// Lines of one segment that were received together, one after the other.
struct Lease {
  std::string segment;
  std::array<std::uint8_t, 16> id;
  std::uint64_t first = 0;
  std::vector<std::uint32_t> received;  // one a line
};

// What a reader remembers of a segment between two looks.
struct Scan {
  std::uint64_t live_from = 0;  // every line before is deleted, for good
  std::uint64_t line = 0;       // where to look on
  std::uint64_t hidden = 0;     // lines seen in between that are neither deleted nor visible
};

// What may still be taken.
struct Room {
  std::size_t rows = 0;
  std::size_t bytes = 0;
  bool any = false;  // something was taken: the first message is taken whatever its size
  bool full = false;
};

// Lines that were taken, with where they stand.
struct Taken {
  Lease lease;  // empty `received`: nothing was visible
  std::vector<LineRecord> lines;
};

// The folder's lock must be held during every call.
class Segment {
 public:
  // Makes the state on first sight. Empty: the file is gone, or has no byte yet.
  static Result<std::optional<Segment>> open(const SpoolFolder& folder, const std::string& name, std::int64_t now);

  const SegmentHeader& header() const { return header_; }
  const std::string& name() const { return name_; }
  // To read bodies from when the lock is no longer held.
  File take_messages() { return std::move(messages_); }

  // Takes the next visible lines from scan.line on and hides them until `until`: as many as stand
  // together, have room, and lie in one window of the state.
  Result<Taken> take(Scan& scan, Room& room, std::int64_t now, std::int64_t until);
  bool scanned(const Scan& scan) const { return scan.line >= header_.lines; }

  // Changes nothing.
  Result<QueueDepth> depth(std::int64_t now);

  // These change only lines that are still out with this lease, and give how many those were.
  Result<std::size_t> hide(const Lease& lease, std::size_t from, std::size_t to, std::int64_t until);
  // Removes the segment with its last line.
  Result<std::size_t> forget(const Lease& lease, std::size_t from, std::size_t to);

  // Both files, once every line is deleted.
  Result<void> remove();

 private:
  Segment(const SpoolFolder& folder, std::string name) : folder_(&folder), name_(std::move(name)) {}

  Result<void> index(std::uint64_t file_size, std::int64_t file_time, std::int64_t now);
  Result<void> read_state(std::uint64_t file_size, std::int64_t file_time);
  Error changed() const;
  // Makes window_ hold `line`.
  Result<void> look_at(std::uint64_t line);
  Result<void> load(std::uint64_t first, std::size_t count, std::vector<LineRecord>& out) const;
  Result<void> store(std::uint64_t first, const LineRecord* records, std::size_t count) const;
  template <class Change>
  Result<std::size_t> change(const Lease& lease, std::size_t from, std::size_t to, Change what);

  const SpoolFolder* folder_;
  std::string name_;
  File messages_;
  File state_;
  SegmentHeader header_{};
  std::vector<LineRecord> window_;  // a piece of the state, as it stands in the file
  std::uint64_t window_first_ = 0;
};

}  // namespace sluice::local
