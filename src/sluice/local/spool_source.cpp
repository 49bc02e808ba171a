#include "sluice/local/spool_source.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"
#include "sluice/core/words.hpp"

namespace sluice::local {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t padding = 64;  // readable bytes after every body
constexpr std::size_t uuid_text = 36;
constexpr std::size_t open_max = 4;  // deliveries out while no worker is idle
constexpr milliseconds poll{100};
constexpr milliseconds second_look{20};

void put_big_endian(std::uint64_t value, std::uint8_t* to, std::size_t size) {
  for (std::size_t i = size; i-- > 0; value >>= 8U) to[i] = static_cast<std::uint8_t>(value);
}

// The names of a segment's lines: made of its random id, the time it was first seen and the line's number, so that
// they are the same at every delivery and grow from line to line.
class LineNames {
 public:
  explicit LineNames(const SegmentHeader& header) {
    put_big_endian(static_cast<std::uint64_t>(header.first_seen / 1000), key_.bytes.data(), 6);
    std::copy_n(header.id.begin(), 6, key_.bytes.begin() + 6);
    Key id;
    id.bytes = header.id;
    text_ = to_uuid(id);
  }

  Key key(std::uint64_t line) {
    put_big_endian(line, key_.bytes.data() + 12, 4);
    return key_;
  }
  // A UUID: 12 bytes of the segment's id, then the line.
  void write_id(std::uint64_t line, char* to) const {
    constexpr char digits[] = "0123456789abcdef";
    std::memcpy(to, text_.data(), uuid_text - 8);
    for (std::size_t i = uuid_text; i-- > uuid_text - 8; line >>= 4U) to[i] = digits[line & 15U];
  }

 private:
  Key key_;
  std::string text_;
};

}  // namespace

SpoolSource::SpoolSource(std::string folder, std::chrono::seconds visibility, const Clock& clock)
    : folder_(std::move(folder)), visibility_(visibility), clock_(clock) {}

// Says which spool an error is about.
template <class T>
Result<T> SpoolSource::placed(Result<T> result) const {
  if (!result) return fail(std::move(result).error().within("spool " + folder_.path()));
  return result;
}

std::int64_t SpoolSource::until() const { return clock_.now_micros() + std::chrono::microseconds(visibility_).count(); }

Result<Next> SpoolSource::next(const Wanted& wanted) {
  SLUICE_CHECK(placed(extend()));
  milliseconds left = wanted.patience;
  while (true) {
    if (wanted.receive && !ready_ && look_is_due(clock_.steady())) SLUICE_CHECK(placed(look(wanted)));
    if (wanted.receive && may_hand_over(wanted)) return hand_over();
    if (wanted.drain && wanted.receive && empty_looks_ >= 2 && open_.empty() && !ready_) return Next{{}, true};
    if (left <= milliseconds(0)) return Next{};
    const milliseconds pause = std::min(left, empty_looks_ == 1 ? second_look : poll);
    if (wait(pause)) return Next{};
    left -= pause;
    look_now_ = look_now_ || pause == poll || empty_looks_ == 1;
  }
}

// Deliveries that nobody waits for would only fill memory: one is kept ready, and few full ones go ahead.
bool SpoolSource::may_hand_over(const Wanted& wanted) const {
  return ready_ && (wanted.hungry || (ready_->full && open_.size() <= open_max));
}

Next SpoolSource::hand_over() {
  Next next;
  next.delivery = std::move(ready_->delivery);
  ready_.reset();
  SLUICE_CRASH_POINT("A1_received");
  return next;
}

bool SpoolSource::look_is_due(std::chrono::steady_clock::time_point now) const {
  return look_now_ || now >= look_after_;
}

// Takes what is visible, up to a delivery.
Result<void> SpoolSource::look(const Wanted& wanted) {
  const Stopwatch watch(receive_seconds_);
  ++receives_;
  Room room{wanted.rows_max, wanted.bytes_max};
  std::vector<Piece> pieces;
  const auto started = clock_.steady();
  // Only a look from the first segment to the last tells that there is nothing.
  for (bool whole = false; !whole && !room.any;) {
    SLUICE_TRY(whole, take(room, pieces));
  }
  look_now_ = room.any;
  if (room.any) {
    empty_looks_ = 0;
    return read(std::move(pieces), room.full);
  }
  const bool anything = std::ranges::any_of(segments_, [](const auto& segment) { return segment.second.hidden > 0; });
  empty_looks_ = anything ? 0 : empty_looks_ + 1;
  // A look at a large segment of which little is left takes time: spend a twentieth on it.
  const auto now = clock_.steady();
  look_after_ = now + std::max<std::chrono::steady_clock::duration>(poll, 20 * (now - started));
  return {};
}

// True if every segment was looked at.
Result<bool> SpoolSource::take(Room& room, std::vector<Piece>& pieces) {
  SLUICE_TRY(const SpoolFolder::Lock lock, folder_.lock());
  const bool from_first = position_.empty();
  if (from_first) SLUICE_CHECK(list());
  for (auto segment = segments_.lower_bound(position_); segment != segments_.end();) {
    if (segment->first != position_) {
      segment->second.line = segment->second.live_from;
      segment->second.hidden = 0;
    }
    position_ = segment->first;
    SLUICE_TRY(const bool there, take_from(segment->first, segment->second, room, pieces));
    if (room.full) return false;
    segment = there ? std::next(segment) : segments_.erase(segment);
    position_.clear();
  }
  return from_first;
}

// False if the segment is no more.
Result<bool> SpoolSource::take_from(const std::string& name, Scan& scan, Room& room, std::vector<Piece>& pieces) {
  SLUICE_TRY(std::optional<Segment> segment, Segment::open(folder_, name, clock_.now_micros()));
  if (!segment) return false;
  Piece piece;
  piece.header = segment->header();
  const std::int64_t now = clock_.now_micros();
  while (!segment->scanned(scan) && !room.full) {
    SLUICE_TRY(Taken taken, segment->take(scan, room, now, until()));
    if (!taken.lines.empty()) piece.taken.push_back(std::move(taken));
  }
  if (!piece.taken.empty()) {
    piece.messages = segment->take_messages();
    pieces.push_back(std::move(piece));
  }
  if (segment->scanned(scan) && scan.live_from >= segment->header().lines) {
    SLUICE_CHECK(segment->remove());
    return false;
  }
  return true;
}

Result<void> SpoolSource::list() {
  SLUICE_TRY(const std::vector<std::string> names, folder_.segments());
  std::erase_if(segments_, [&names](const auto& segment) { return !std::ranges::binary_search(names, segment.first); });
  for (const std::string& name : names) segments_.try_emplace(name);
  return {};
}

// Reads the bodies of what was taken; each run of lines is one read.
Result<void> SpoolSource::read(std::vector<Piece> pieces, bool full) {
  std::size_t bytes = padding;
  std::size_t count = 0;
  for (const Piece& piece : pieces) {
    for (const Taken& taken : piece.taken) {
      const LineRecord& last = taken.lines.back();
      bytes += static_cast<std::size_t>(last.offset + last.length - taken.lines.front().offset);
      count += taken.lines.size();
    }
  }
  bytes += count * uuid_text;
  const std::shared_ptr<char[]> memory = std::make_shared_for_overwrite<char[]>(bytes);

  Ready ready;
  ready.full = full;
  ready.delivery.messages.reserve(count);
  ready.delivery.memory = memory;
  ready.delivery.bytes = bytes;
  ready.delivery.receipt.number = ++receipts_;
  Open open;
  open.extend_at = clock_.now_micros() + std::chrono::microseconds(visibility_).count() / 3;
  char* at = memory.get();
  for (Piece& piece : pieces) {
    LineNames names(piece.header);
    for (Taken& taken : piece.taken) {
      const std::uint64_t start = taken.lines.front().offset;
      const auto size = static_cast<std::size_t>(taken.lines.back().offset + taken.lines.back().length - start);
      Result<void> got = piece.messages.read(at, size, start);
      if (!got) return fail(std::move(got).error().within(taken.lease.segment));
      const char* const bodies = at;
      at += size;
      std::uint64_t line = taken.lease.first;
      for (const LineRecord& record : taken.lines) {
        names.write_id(line, at);
        ready.delivery.messages.push_back({names.key(line),
                                           {bodies + (record.offset - start), static_cast<std::size_t>(record.length)},
                                           {at, uuid_text},
                                           piece.header.first_seen,
                                           record.received,
                                           "{}"});
        at += uuid_text;
        ++line;
      }
      open.leases.push_back(std::move(taken.lease));
    }
  }
  std::memset(at, 0, padding);
  assert(at + padding == memory.get() + bytes);
  open_.emplace(receipts_, std::move(open));
  ready_ = std::move(ready);
  return {};
}

// A third of the lease after it was taken or extended, it is extended.
Result<void> SpoolSource::extend() {
  const std::int64_t now = clock_.now_micros();
  for (auto& [number, open] : open_) {
    if (now < open.extend_at) continue;
    open.extend_at = now + std::chrono::microseconds(visibility_).count() / 3;
    ++extensions_;
    SLUICE_TRY(
        const std::size_t kept,
        change(open, 0, SIZE_MAX, [this](Segment& segment, const Lease& lease, std::size_t from, std::size_t to) {
          return segment.hide(lease, from, to, until());
        }));
    const std::size_t lost = lines_of(open) - kept;
    if (lost > 0)
      log::warning("leases lost, another reader has the messages too",
                   {{"spool", folder_.path()}, {"messages", std::to_string(lost)}});
  }
  return {};
}

std::size_t SpoolSource::lines_of(const Open& open) {
  std::size_t count = 0;
  for (const Lease& lease : open.leases) count += lease.received.size();
  return count;
}

// The lines [from, to) of a delivery, counted through its leases.
template <class Change>
Result<std::size_t> SpoolSource::change(const Open& open, std::size_t from, std::size_t to, Change what) {
  SLUICE_TRY(const SpoolFolder::Lock lock, folder_.lock());
  std::optional<Segment> segment;
  std::size_t changed = 0;
  std::size_t start = 0;
  for (const Lease& lease : open.leases) {
    const std::size_t size = lease.received.size();
    const std::size_t first = std::clamp(from, start, start + size) - start;
    const std::size_t last = std::clamp(to, start, start + size) - start;
    start += size;
    if (first == last) continue;
    if (!segment || segment->name() != lease.segment) {
      SLUICE_TRY(segment, Segment::open(folder_, lease.segment, clock_.now_micros()));
      if (!segment) continue;  // all its lines were deleted by another reader
    }
    SLUICE_TRY(const std::size_t here, what(*segment, lease, first, last));
    changed += here;
  }
  return changed;
}

Result<void> SpoolSource::forget(const Open& open, std::size_t from, std::size_t to) {
  SLUICE_CHECK(change(open, from, to, [](Segment& segment, const Lease& lease, std::size_t first, std::size_t last) {
    return segment.forget(lease, first, last);
  }));
  return {};
}

Result<void> SpoolSource::settle(Receipt receipt) {
  const auto found = open_.find(receipt.number);
  assert(found != open_.end());
  const Stopwatch watch(delete_seconds_);
  ++deletes_;
  const Open open = std::move(found->second);
  open_.erase(found);
  look_now_ = look_now_ || open_.empty();  // was it the last?
  const std::size_t half = lines_of(open) / 2;
  SLUICE_CRASH_POINT("A4_before_delete");
  SLUICE_CHECK(placed(forget(open, 0, half)));
  SLUICE_CRASH_POINT("A5_delete_half");
  SLUICE_CHECK(placed(forget(open, half, SIZE_MAX)));
  SLUICE_CRASH_POINT("A7_deleted");
  return {};
}

Result<void> SpoolSource::release(Receipt receipt) {
  const auto found = open_.find(receipt.number);
  assert(found != open_.end());
  const Open open = std::move(found->second);
  open_.erase(found);
  look_now_ = true;
  SLUICE_CHECK(
      placed(change(open, 0, SIZE_MAX, [](Segment& segment, const Lease& lease, std::size_t from, std::size_t to) {
        return segment.hide(lease, from, to, 0);
      })));
  return {};
}

Result<void> SpoolSource::flush() {
  if (!ready_) return {};
  const Receipt receipt = ready_->delivery.receipt;
  ready_.reset();
  return release(receipt);
}

void SpoolSource::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  woken_up_.notify_one();
}

bool SpoolSource::wait(milliseconds time) {
  std::unique_lock lock(mutex_);
  woken_up_.wait_for(lock, time, [this] { return woken_; });
  return std::exchange(woken_, false);
}

std::map<std::string, std::uint64_t> SpoolSource::calls() const {
  return {{"receive", receives_}, {"delete", deletes_}, {"extend", extensions_}};
}

std::map<std::string, double> SpoolSource::seconds() const {
  return {{"receive", receive_seconds_}, {"delete", delete_seconds_}};
}

}  // namespace sluice::local
