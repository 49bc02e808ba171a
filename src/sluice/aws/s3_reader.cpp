#include "sluice/aws/s3_reader.hpp"

#include <deque>

#include "sluice/aws/s3_objects.hpp"

namespace sluice::aws {
namespace {

constexpr int small_tries = 3;  // of a whole object whose checksum is wrong

class S3Reader final : public ObjectReader {
 public:
  S3Reader(std::shared_ptr<S3Calls> calls, const ObjectFacts& object, std::uint64_t offset)
      : calls_(std::move(calls)), object_(object), asked_(offset), whole_(offset == 0) {
    if (whole_ && object.bytes <= calls_->options().range_bytes) {
      small_ = true;
      ask_for_all();
      return;
    }
    ask_ahead();
    if (whole_) head_ = calls_->start(head_call(object_.key));
  }

  ~S3Reader() override {
    for (const Range& range : ahead_) calls_->drop(range.ticket);
    if (head_) calls_->drop(head_);
  }
  S3Reader(const S3Reader&) = delete;
  S3Reader& operator=(const S3Reader&) = delete;

  Result<std::string_view> next() override {
    if (head_) SLUICE_CHECK(look_at_head());
    if (ahead_.empty()) {
      current_.clear();
      return std::string_view{};
    }
    SLUICE_CHECK(small_ ? take_all() : take_range());
    return std::string_view(current_);
  }

 private:
  struct Range {
    S3Ticket ticket;
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
  };

  void ask_for_all() {
    const auto bytes = static_cast<std::size_t>(object_.bytes);
    ahead_.push_back({calls_->start(get_call(object_.key, object_.version, 0, bytes, true)), 0, bytes});
  }

  void ask_ahead() {
    const S3Options& options = calls_->options();
    while (asked_ < object_.bytes && ahead_.size() < options.ranges_ahead) {
      const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(options.range_bytes, object_.bytes - asked_));
      ahead_.push_back({calls_->start(get_call(object_.key, object_.version, asked_, bytes, false)), asked_, bytes});
      asked_ += bytes;
    }
  }

  Result<void> look_at_head() {
    const S3Ticket ticket = std::move(head_);
    head_ = nullptr;
    auto answer = calls_->wait(ticket);
    if (!answer) return {};  // the ranges tell what is wrong, and more clearly
    const Headed headed = read_headed(object_.key, *answer);
    if (headed.facts.version != object_.version || !headed.checksum) return {};
    kept_ = headed.checksum;
    sum_.emplace(kept_->kind);
    return {};
  }

  Result<void> take_range() {
    const Range range = std::move(ahead_.front());
    ahead_.pop_front();
    auto answer = calls_->wait(range.ticket);
    ask_ahead();
    if (!answer) return fail(std::move(answer.error().error));
    const S3Call call{.action = "GetObject", .key = object_.key};
    SLUICE_TRY(current_, read_range(*calls_, call, std::move(*answer), object_.version, range.offset, range.bytes));
    if (current_.size() != range.bytes) return shorter();
    if (!sum_) return {};
    sum_->add(current_);
    if (ahead_.empty() && sum_->text() != kept_->text) return damaged();
    return {};
  }

  Result<void> take_all() {
    for (int tries = 1;; ++tries) {
      const Range range = std::move(ahead_.front());
      ahead_.pop_front();
      auto answer = calls_->wait(range.ticket);
      if (!answer) return fail(std::move(answer.error().error));
      const auto kept = kept_checksum(*answer);
      const S3Call call{.action = "GetObject", .key = object_.key};
      SLUICE_TRY(current_, read_range(*calls_, call, std::move(*answer), object_.version, 0, range.bytes));
      if (current_.size() != range.bytes) return shorter();
      if (!kept) return {};
      Checksum sum(kept->kind);
      sum.add(current_);
      if (sum.text() == kept->text) return {};
      if (tries == small_tries) return damaged();
      ask_for_all();
    }
  }

  tl::unexpected<Error> shorter() const {
    return fail(Fault::conflict, calls_->options().uri(object_.key) + " is shorter than when it was found",
                "it was overwritten meanwhile; run again");
  }
  tl::unexpected<Error> damaged() const {
    return fail(Fault::damaged, calls_->options().uri(object_.key) + ": its bytes do not match its checksum",
                "they were damaged on the way, or where they are kept; read it again");
  }

  std::shared_ptr<S3Calls> calls_;
  ObjectFacts object_;
  std::uint64_t asked_;  // up to here
  bool whole_;
  bool small_ = false;
  std::deque<Range> ahead_;
  S3Ticket head_;
  std::optional<KeptChecksum> kept_;
  std::optional<Checksum> sum_;
  std::string current_;
};

}  // namespace

std::unique_ptr<ObjectReader> open_s3_reader(std::shared_ptr<S3Calls> calls, const ObjectFacts& object,
                                             std::uint64_t offset) {
  return std::make_unique<S3Reader>(std::move(calls), object, offset);
}

}  // namespace sluice::aws
