#include "sluice/aws/signed_calls.hpp"

#include <ctime>
#include <mutex>
#include <vector>

#include "sluice/core/log.hpp"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t skew_min = 60;  // seconds; AWS refuses from 300 on

}  // namespace

class SignedCalls::Impl {
 public:
  Impl(SignedCallsOptions options, const Clock& clock, ReadError read_error)
      : options_(std::move(options)),
        clock_(clock),
        read_error_(std::move(read_error)),
        http_(options_.http),
        credentials_(options_.credentials, http_, clock),
        signer_(options_.service, options_.region, options_.signing) {}

  void start(std::string_view kind, Request request, Done done) {
    const std::size_t number = take_number();
    Call& call = *calls_under_way_[number];
    call.kind = kind;
    call.request = std::move(request);
    call.done = std::move(done);
    send(number);
  }

  // Answers are only noted down while HTTP works, and handled here, one after the other: looking for
  // new credentials works on HTTP, too, in the middle of starting a call.
  void work(milliseconds wait) {
    if (ended_.empty()) http_.work(wait);
    handling_.swap(ended_);
    for (Ended& ended : handling_) finish(ended);
    handling_.clear();
  }

  void wake() { http_.wake(); }

  Result<void> presign(Request& request, std::chrono::seconds expires) {
    SLUICE_TRY(const auto credentials, credentials_.get());
    if (!credentials) return {};
    SigningOptions signing = options_.signing;
    signing.unsigned_payload = true;
    return Signer(options_.service, options_.region, signing).presign(request, *credentials, now(), expires);
  }

  void set_region(const std::string& region) {
    options_.region = region;
    signer_ = Signer(options_.service, region, options_.signing);
  }

  std::string credentials_from() const { return credentials_.where(); }
  std::map<std::string, std::uint64_t> calls() const {
    const std::scoped_lock lock(mutex_);
    return {calls_.begin(), calls_.end()};
  }

 private:
  struct Call {
    std::string kind;
    Request request;
    bool renewed = false;    // credentials were looked for again
    bool corrected = false;  // the clock was
    Done done;
  };
  struct Ended {
    std::size_t number = 0;
    Result<Response> response;
  };

  std::size_t take_number() {
    if (free_.empty()) {
      calls_under_way_.push_back(std::make_unique<Call>());
      return calls_under_way_.size() - 1;
    }
    const std::size_t number = free_.back();
    free_.pop_back();
    return number;
  }

  std::int64_t now() const {
    return static_cast<std::int64_t>(std::chrono::system_clock::to_time_t(clock_.now())) + skew_;
  }

  void send(std::size_t number) {
    auto credentials = credentials_.get();
    if (!credentials) {
      ended_.push_back({number, fail(std::move(credentials).error())});
      return;
    }
    const Call& call = *calls_under_way_[number];
    Request request;  // the body stays with the call: it may be sent again
    request.method = call.request.method;
    request.url = call.request.url;
    request.headers = call.request.headers;
    request.body_view = call.request.content();
    request.answer_bytes = call.request.answer_bytes;
    request.once = call.request.once;
    request.timeout = call.request.timeout;
    if (*credentials) signer_.sign(request, **credentials, now());
    count(call.kind);
    http_.start(std::move(request), [this, number](Result<Response> response) {
      ended_.push_back({number, std::move(response)});
    });
  }

  void count(const std::string& kind) {
    const std::scoped_lock lock(mutex_);
    ++calls_[kind];
  }

  void finish(Ended& ended) {
    Call& call = *calls_under_way_[ended.number];
    if (may_mend(call, ended.response)) {
      send(ended.number);
      return;
    }
    const Done done = std::move(call.done);
    call = {};
    free_.push_back(ended.number);
    done(std::move(ended.response));
  }

  // Whether something was changed that makes it worth to send the call once more.
  bool may_mend(Call& call, const Result<Response>& response) {
    if (!response || response->status / 100 == 2) return false;
    const std::optional<RemoteError> remote = read_error_(*response);
    if (!remote) return false;
    if (is_skewed(*remote) && !call.corrected && correct_clock(*response)) return call.corrected = true;
    if (is_expired(*remote) && !call.renewed && !options_.credentials.anonymous) {
      credentials_.forget();
      return call.renewed = true;
    }
    return false;
  }

  // True if the server's clock is far from the one that we signed with.
  bool correct_clock(const Response& response) {
    const auto theirs = parse_http_date(response.header("date"));
    if (!theirs) return false;
    const std::int64_t skew = *theirs - static_cast<std::int64_t>(std::chrono::system_clock::to_time_t(clock_.now()));
    if (std::abs(skew - skew_) < skew_min) return false;
    skew_ = skew;
    log::warning("clock_differs", {{"connection", options_.connection}, {"seconds", std::to_string(skew)}});
    return true;
  }

  SignedCallsOptions options_;
  const Clock& clock_;
  ReadError read_error_;
  std::vector<std::unique_ptr<Call>> calls_under_way_;  // outlives http_, which reads the bodies
  Http http_;
  CredentialsChain credentials_;
  Signer signer_;
  std::vector<std::size_t> free_;
  std::vector<Ended> ended_;
  std::vector<Ended> handling_;
  std::int64_t skew_ = 0;  // seconds that AWS's clock is ahead of ours

  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, std::uint64_t> calls_;
};

SignedCalls::SignedCalls(SignedCallsOptions options, const Clock& clock, ReadError read_error)
    : impl_(std::make_unique<Impl>(std::move(options), clock, std::move(read_error))) {}
SignedCalls::~SignedCalls() = default;
void SignedCalls::start(std::string_view kind, Request request, Done done) {
  impl_->start(kind, std::move(request), std::move(done));
}
void SignedCalls::work(milliseconds wait) { impl_->work(wait); }
void SignedCalls::wake() { impl_->wake(); }
Result<void> SignedCalls::presign(Request& request, std::chrono::seconds expires) {
  return impl_->presign(request, expires);
}
void SignedCalls::set_region(const std::string& region) { impl_->set_region(region); }
std::string SignedCalls::credentials_from() const { return impl_->credentials_from(); }
std::map<std::string, std::uint64_t> SignedCalls::calls() const { return impl_->calls(); }

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  std::tm time{};
  const std::string copy(text);
  const char* end = strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<std::int64_t>(timegm(&time));
}

}  // namespace sluice::aws
