#include "sluice/objects/row_cutter.hpp"

#include <cstring>

namespace sluice::objects {
namespace {

constexpr auto none = std::string_view::npos;

const char* find(const char* from, const char* end, char c) {
  const void* found = from == end ? nullptr : std::memchr(from, c, static_cast<std::size_t>(end - from));
  return found == nullptr ? end : static_cast<const char*>(found);
}

}  // namespace

void RowCutter::feed(std::string_view bytes, bool last) {
  bytes_ = bytes;
  last_ = last;
  open_quote_ = false;
  quote_at_ = nullptr;
}

CutRow RowCutter::take(std::size_t end, std::uint64_t lines) {
  CutRow row{bytes_.substr(0, end), line_};
  if (row.text.ends_with('\r')) row.text.remove_suffix(1);
  bytes_.remove_prefix(end < bytes_.size() ? end + 1 : end);
  line_ += lines + 1;
  return row;
}

std::optional<CutRow> RowCutter::next() {
  if (bytes_.empty()) return std::nullopt;
  const char* begin = bytes_.data();
  const char* end = begin + bytes_.size();
  const char* newline = find(begin, end, '\n');
  if (quote_ != '\0') {
    // Looked for once, not once a row: most files have few.
    if (quote_at_ == nullptr || quote_at_ < begin) quote_at_ = find(begin, end, quote_);
    if (quote_at_ < newline) {
      const std::size_t at = quoted_row_end();
      if (at == none) return std::nullopt;
      return take(at, lines_inside_);
    }
  }
  if (newline == end && !last_) return std::nullopt;
  return take(static_cast<std::size_t>(newline - begin), 0);
}

std::size_t RowCutter::quoted_row_end() {
  lines_inside_ = 0;
  open_quote_ = false;
  std::size_t at = 0;
  const std::size_t size = bytes_.size();
  while (true) {  // a field a turn
    if (at < size && bytes_[at] == quote_) {
      ++at;
      while (true) {
        const std::size_t closing = bytes_.find(quote_, at);
        const std::size_t until = closing == none ? size : closing;
        for (std::size_t i = at; i < until; ++i) lines_inside_ += bytes_[i] == '\n' ? 1 : 0;
        if (closing == none) {
          open_quote_ = true;
          return none;
        }
        at = closing + 1;
        if (at < size && bytes_[at] == quote_) {
          ++at;
          continue;
        }
        // Its twin may be the next byte to come.
        if (at == size && !last_) return none;
        break;
      }
    }
    while (at < size && bytes_[at] != delimiter_ && bytes_[at] != '\n') ++at;
    if (at == size) return last_ ? at : none;
    if (bytes_[at] == '\n') return at;
    ++at;
  }
}

}  // namespace sluice::objects
