#include "sluice/local/spool_segment.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace sluice::local {
namespace {

constexpr std::array<char, 8> magic{'s', 'l', 's', 'p', 'o', 'o', 'l', '\n'};
constexpr std::uint32_t version = 1;
constexpr std::size_t window_lines = 4096;  // 128 KiB of state at a time, whatever the segment's size
constexpr std::size_t read_bytes = 1U << 20U;
constexpr std::uint64_t line_bytes_max = 256U << 20U;  // a line is in memory as a whole

std::uint64_t offset_of(std::uint64_t line) { return sizeof(SegmentHeader) + line * sizeof(LineRecord); }

std::int64_t time_of(const struct stat& facts) {
  return std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec;
}

Result<std::array<std::uint8_t, 16>> random_id() {
  std::array<std::uint8_t, 16> id{};
  if (getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size()))
    return fail(system_error("get random bytes"));
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0FU) | 0x80U);
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3FU) | 0x80U);
  return id;
}

// Cuts a file into lines and appends their records to another, a piece at a time.
class Indexer {
 public:
  Indexer(const File& from, const File& to, std::uint64_t size) : from_(from), to_(to), size_(size) {}

  Result<std::uint64_t> run() {
    std::vector<char> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(read_bytes, size_)));
    while (at_ < size_) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), size_ - at_));
      SLUICE_CHECK(from_.read(bytes.data(), count, at_));
      SLUICE_CHECK(cut(bytes.data(), count));
      at_ += count;
    }
    if (line_start_ < size_) SLUICE_CHECK(add(size_));  // the last line without its newline
    SLUICE_CHECK(flush());
    return lines_;
  }

 private:
  Result<void> cut(const char* bytes, std::size_t count) {
    std::size_t from = 0;
    while (from < count) {
      const void* found = std::memchr(bytes + from, '\n', count - from);
      if (found == nullptr) break;
      from = static_cast<std::size_t>(static_cast<const char*>(found) - bytes);
      SLUICE_CHECK(add(at_ + from));
      line_start_ = at_ + ++from;
    }
    return {};
  }
  Result<void> add(std::uint64_t line_end) {
    const std::uint64_t length = line_end - line_start_;
    if (length > line_bytes_max) {
      return fail(Fault::conflict, "line " + std::to_string(lines_ + records_.size() + 1) + " is longer than 256 MiB",
                  "is the file NDJSON, one message a line? take it out of the folder");
    }
    records_.push_back({line_start_, length, 0, 0, 0});
    return records_.size() < window_lines ? Result<void>{} : flush();
  }
  Result<void> flush() {
    SLUICE_CHECK(to_.write(records_.data(), records_.size() * sizeof(LineRecord), offset_of(lines_)));
    lines_ += records_.size();
    records_.clear();
    return {};
  }

  const File& from_;
  const File& to_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  std::uint64_t line_start_ = 0;
  std::uint64_t lines_ = 0;  // written
  std::vector<LineRecord> records_;
};

}  // namespace

Result<std::optional<Segment>> Segment::open(const SpoolFolder& folder, const std::string& name, std::int64_t now) {
  Segment segment(folder, name);
  segment.messages_ = File(::open(folder.file(name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!segment.messages_) {
    if (errno == ENOENT) return std::optional<Segment>();
    return fail(system_error("open " + name));
  }
  struct stat facts {};
  if (fstat(segment.messages_.get(), &facts) != 0) return fail(system_error("look at " + name));
  if (!S_ISREG(facts.st_mode)) return fail(Fault::conflict, name + " is no file", "take it out of the folder");
  const auto size = static_cast<std::uint64_t>(facts.st_size);

  segment.state_ = File(::open(folder.file(name + ".state").c_str(), O_RDWR | O_CLOEXEC));
  if (segment.state_) {
    SLUICE_CHECK(segment.read_state(size, time_of(facts)));
  } else if (errno != ENOENT) {
    return fail(system_error("open " + name + ".state"));
  } else if (size == 0) {
    return std::optional<Segment>();  // someone may be about to fill it
  } else {
    Result<void> indexed = segment.index(size, time_of(facts), now);
    if (!indexed) return fail(std::move(indexed).error().within(name));
  }
  return std::optional<Segment>(std::move(segment));
}

Result<void> Segment::index(std::uint64_t file_size, std::int64_t file_time, std::int64_t now) {
  const std::string state = folder_->file(name_ + ".state");
  const std::string unfinished = state + ".new";
  state_ = File(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!state_) return fail(system_error("make the state file"));
  header_ = {};
  header_.magic = magic;
  header_.version = version;
  header_.record_size = sizeof(LineRecord);
  SLUICE_TRY(header_.id, random_id());
  header_.file_size = file_size;
  header_.file_time = file_time;
  header_.first_seen = now;
  SLUICE_TRY(header_.lines, Indexer(messages_, state_, file_size).run());
  SLUICE_CHECK(state_.write(&header_, sizeof header_, 0));
  SLUICE_CHECK(state_.sync());
  if (rename(unfinished.c_str(), state.c_str()) != 0) return fail(system_error("make the state file"));
  return folder_->sync();
}

Error Segment::changed() const {
  return {Fault::conflict, name_ + " has changed since it was first read",
          "move finished files into the folder, and put new messages into a new file; delete " + name_ +
              ".state to receive all lines of this one again, as new messages"};
}

Result<void> Segment::read_state(std::uint64_t file_size, std::int64_t file_time) {
  const Error broken{Fault::conflict, name_ + ".state is damaged, or was made by another version",
                     "delete it to receive all lines of " + name_ + " again, as new messages"};
  struct stat facts {};
  if (fstat(state_.get(), &facts) != 0) return fail(system_error("look at " + name_ + ".state"));
  if (static_cast<std::size_t>(facts.st_size) < sizeof header_) return fail(broken);
  SLUICE_CHECK(state_.read(&header_, sizeof header_, 0));
  if (header_.magic != magic || header_.version != version || header_.record_size != sizeof(LineRecord) ||
      static_cast<std::uint64_t>(facts.st_size) != offset_of(header_.lines)) {
    return fail(broken);
  }
  if (header_.file_size != file_size || header_.file_time != file_time) return fail(changed());
  return {};
}

Result<void> Segment::load(std::uint64_t first, std::size_t count, std::vector<LineRecord>& out) const {
  out.resize(count);
  return state_.read(out.data(), count * sizeof(LineRecord), offset_of(first));
}

Result<void> Segment::store(std::uint64_t first, const LineRecord* records, std::size_t count) const {
  return state_.write(records, count * sizeof(LineRecord), offset_of(first));
}

Result<void> Segment::look_at(std::uint64_t line) {
  if (line >= window_first_ && line < window_first_ + window_.size()) return {};
  window_first_ = line;
  return load(line, static_cast<std::size_t>(std::min<std::uint64_t>(window_lines, header_.lines - line)), window_);
}

Result<Taken> Segment::take(Scan& scan, Room& room, std::int64_t now, std::int64_t until) {
  Taken taken;
  taken.lease.segment = name_;
  taken.lease.id = header_.id;
  while (!scanned(scan) && taken.lines.empty()) {
    SLUICE_CHECK(look_at(scan.line));
    const std::size_t begin = static_cast<std::size_t>(scan.line - window_first_);
    std::size_t i = begin;
    // Past what is deleted or hidden.
    for (; i < window_.size(); ++i) {
      const LineRecord& line = window_[i];
      if (line.deleted == 0 && line.visible_at <= now) break;
      if (line.deleted != 0) {
        if (scan.live_from == window_first_ + i) ++scan.live_from;
      } else {
        ++scan.hidden;
      }
    }
    const std::size_t first = i;
    for (; i < window_.size() && !room.full; ++i) {
      LineRecord& line = window_[i];
      if (line.deleted != 0 || line.visible_at > now) break;
      if (room.rows == 0 || (room.any && line.length > room.bytes)) {
        room.full = true;
        break;
      }
      --room.rows;
      room.bytes -= static_cast<std::size_t>(std::min<std::uint64_t>(line.length, room.bytes));
      room.any = true;
      line.visible_at = until;
      ++line.received;
      ++scan.hidden;
      taken.lines.push_back(line);
      taken.lease.received.push_back(line.received);
    }
    scan.line = window_first_ + i;
    if (i > first) {
      taken.lease.first = window_first_ + first;
      SLUICE_CHECK(store(taken.lease.first, window_.data() + first, i - first));
    } else if (room.full) {
      break;
    }
  }
  return taken;
}

Result<QueueDepth> Segment::depth(std::int64_t now) {
  QueueDepth depth;
  for (std::uint64_t line = 0; line < header_.lines; line += window_.size()) {
    SLUICE_CHECK(look_at(line));
    for (const LineRecord& record : window_) {
      if (record.deleted != 0) continue;
      ++(record.visible_at <= now ? depth.visible : depth.in_flight);
    }
  }
  return depth;
}

template <class Change>
Result<std::size_t> Segment::change(const Lease& lease, std::size_t from, std::size_t to, Change what) {
  std::size_t changed_lines = 0;
  if (lease.id != header_.id) return changed_lines;  // another file of the same name
  while (from < to) {
    const std::size_t count = std::min(window_lines, to - from);
    window_first_ = lease.first + from;
    SLUICE_CHECK(load(window_first_, count, window_));
    std::size_t here = 0;
    for (std::size_t i = 0; i < count; ++i) {
      LineRecord& line = window_[i];
      if (line.deleted != 0 || line.received != lease.received[from + i]) continue;
      what(line);
      ++here;
    }
    if (here > 0) SLUICE_CHECK(store(window_first_, window_.data(), count));
    changed_lines += here;
    from += count;
  }
  return changed_lines;
}

Result<std::size_t> Segment::hide(const Lease& lease, std::size_t from, std::size_t to, std::int64_t until) {
  return change(lease, from, to, [until](LineRecord& line) { line.visible_at = until; });
}

Result<std::size_t> Segment::forget(const Lease& lease, std::size_t from, std::size_t to) {
  SLUICE_TRY(const std::size_t forgotten, change(lease, from, to, [](LineRecord& line) { line.deleted = 1; }));
  if (forgotten == 0) return forgotten;
  header_.deleted += forgotten;
  SLUICE_CHECK(state_.write(&header_.deleted, sizeof header_.deleted, offsetof(SegmentHeader, deleted)));
  if (header_.deleted == header_.lines) SLUICE_CHECK(remove());
  return forgotten;
}

Result<void> Segment::remove() {
  // Someone who wrote to the file in between must not lose what was written.
  struct stat facts {};
  if (stat(folder_->file(name_).c_str(), &facts) == 0 &&
      (static_cast<std::uint64_t>(facts.st_size) != header_.file_size || time_of(facts) != header_.file_time)) {
    return fail(changed());
  }
  // The messages first: a state file left alone is swept, a segment left alone would start anew.
  for (const std::string& name : {name_, name_ + ".state"}) {
    if (unlink(folder_->file(name).c_str()) != 0 && errno != ENOENT) return fail(system_error("remove " + name));
  }
  return {};
}

}  // namespace sluice::local
