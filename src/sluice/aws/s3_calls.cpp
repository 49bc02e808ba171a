#include "sluice/aws/s3_calls.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <random>
#include <thread>

#include "sluice/aws/backoff.hpp"
#include "sluice/aws/uri.hpp"
#include "sluice/aws/xml.hpp"
#include "sluice/core/log.hpp"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr unsigned tries_min = 4;            // of a call that fails, even with no time to wait
constexpr double at_once_max = 64;           // calls
constexpr seconds answer_time{60};           // for an answer, beyond what its bytes take
constexpr std::size_t slowest = 32U << 10U;  // bytes a second of a line that is still worth waiting for
constexpr std::size_t body_bytes_max = std::size_t{512} << 20U;

// A region becomes part of a host's name.
bool is_region(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::optional<RemoteError> read_error(const Response& response) {
  auto found = read_xml_error(response);
  const std::string_view region = response.header("x-amz-bucket-region");
  if (!found && (response.status == 301 || response.status == 307) && !region.empty()) {
    found = RemoteError{"PermanentRedirect", std::string(response.header("x-amz-request-id"))};
  }
  if (found && found->region.empty()) found->region = region;
  return found;
}

}  // namespace

class S3Pending {
 public:
  explicit S3Pending(S3Call what) : call(std::move(what)) {}

  S3Call call;

  // The worker's own.
  unsigned tries = 0;
  bool uncertain = false;
  bool redirected = false;
  std::string region;  // that it was sent to
  steady_clock::time_point begun = steady_clock::now();

  std::atomic<bool> dropped{false};

  void end(S3Result<Response> result) {
    const std::scoped_lock lock(mutex_);
    answer_ = std::move(result);
    ended_.notify_all();
  }
  S3Result<Response> take() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return answer_.has_value(); });
    return std::move(*answer_);
  }

 private:
  std::mutex mutex_;  // guards what follows
  std::condition_variable ended_;
  std::optional<S3Result<Response>> answer_;
};

class S3Calls::Impl {
 public:
  Impl(S3Options options, const Clock& clock)
      : options_(std::move(options)),
        region_(options_.region),
        endpoint_(options_.endpoint),
        signed_({.connection = options_.connection,
                 .service = "s3",
                 .region = region_,
                 .signing = signing(),
                 .credentials = options_.credentials,
                 .http = {.insecure = options_.insecure, .body_bytes_max = body_bytes_max}},
                clock, read_error),
        random_(static_cast<std::minstd_rand::result_type>(std::random_device{}())),
        thread_([this] { run(); }) {}

  ~Impl() {
    post([this] { stopping_ = true; });
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  S3Ticket start(S3Call call) {
    auto ticket = std::make_shared<S3Pending>(std::move(call));
    post([this, ticket] { ready_.push_back(ticket); });
    return ticket;
  }

  const S3Options& options() const { return options_; }
  std::string region() {
    return ask<std::string>([this] { return region_; });
  }
  std::string credentials_from() {
    return ask<std::string>([this] { return signed_.credentials_from(); });
  }
  Result<std::string> presign(const std::string& key, seconds expires) {
    return ask<Result<std::string>>([&]() -> Result<std::string> {
      Request request;
      request.method = "GET";
      request.url = url_of(key, "");
      SLUICE_CHECK(signed_.presign(request, expires));
      return std::move(request.url);
    });
  }
  std::map<std::string, std::uint64_t> calls() const { return signed_.calls(); }

 private:
  using Job = std::function<void()>;

  // TLS protects the bodies already, and their checksums are sent; over plain http they are signed.
  SigningOptions signing() const {
    SigningOptions signing = SigningOptions::for_s3();
    signing.unsigned_payload = options_.endpoint.starts_with("https:");
    return signing;
  }

  void post(Job job) {
    {
      const std::scoped_lock lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    signed_.wake();
  }
  template <class T>
  T ask(std::function<T()> question) {
    std::promise<T> answer;
    post([&] { answer.set_value(question()); });
    return answer.get_future().get();
  }

  void run() {
    while (true) {
      while (take_jobs()) {
        if (stopping_) return;
        send_ready();
      }
      signed_.work(until_next_retry());
      send_ready();
    }
  }

  bool take_jobs() {
    std::vector<Job> jobs;
    {
      const std::scoped_lock lock(mutex_);
      jobs.swap(jobs_);
    }
    for (const Job& job : jobs) job();
    return !jobs.empty();
  }

  void send_ready() {
    const auto now = steady_clock::now();
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
      ready_.push_back(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
    }
    while (!ready_.empty() && static_cast<double>(at_once_) < at_once_limit_) {
      const S3Ticket ticket = std::move(ready_.front());
      ready_.pop_front();
      send(ticket);
    }
  }

  milliseconds until_next_retry() const {
    if (waiting_.empty()) return milliseconds(60000);
    const auto left = waiting_.begin()->first - steady_clock::now();
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(left));
  }

  std::string url_of(std::string_view key, std::string_view query) const {
    std::string url;
    if (options_.path_style) {
      url = endpoint_ + "/" + options_.bucket + "/";
    } else {
      const std::size_t host = endpoint_.find("://") + 3;
      url = endpoint_.substr(0, host) + options_.bucket + "." + endpoint_.substr(host) + "/";
    }
    percent_encode_to(url, key, true);
    if (!query.empty()) url.append("?").append(query);
    return url;
  }

  void send(const S3Ticket& ticket) {
    if (ticket->dropped) return ticket->end(tl::unexpected(S3Error{S3Trouble::refused, {Fault::failed, "not wanted"}}));
    const S3Call& call = ticket->call;
    ++ticket->tries;
    ticket->region = region_;
    Request request;
    request.method = call.method;
    request.url = url_of(call.key, call.query);
    request.headers = call.headers;
    if (!options_.expected_owner.empty()) {
      request.headers.emplace_back("x-amz-expected-bucket-owner", options_.expected_owner);
    }
    request.body_view = call.body;
    request.answer_bytes = call.answer_bytes;
    request.once = call.once;
    request.timeout = answer_time + seconds((call.body.size() + call.answer_bytes) / slowest);
    ++at_once_;
    signed_.start(call.action, std::move(request), [this, ticket](Result<Response> response) {
      --at_once_;
      judge(ticket, std::move(response));
    });
  }

  void judge(const S3Ticket& ticket, Result<Response> response) {
    S3Result<Response> result = read(*ticket, std::move(response));
    if (result) {
      at_once_limit_ = std::min(at_once_max, at_once_limit_ + 1 / at_once_limit_);
      return ticket->end(std::move(result));
    }
    S3Error& error = result.error();
    if (error.trouble == S3Trouble::redirected && follow(*ticket, error.region)) return ready_.push_front(ticket);
    const bool throttled = error.trouble == S3Trouble::throttled;
    if (throttled) at_once_limit_ = std::max(1.0, at_once_limit_ / 2);
    if (error.retryable() && may_try_again(*ticket)) {
      if (error.trouble == S3Trouble::transient) ticket->uncertain = true;
      const milliseconds wait = std::min(backoff(random_, ticket->tries, throttled), options_.retry_wait_max);
      log::debug("s3_call_again", {{"connection", options_.connection},
                                   {"try", std::to_string(ticket->tries)},
                                   {"wait_ms", std::to_string(wait.count())},
                                   {"error", error.error.message}});
      waiting_.emplace(steady_clock::now() + wait, ticket);
      return;
    }
    error.uncertain = ticket->uncertain || error.trouble == S3Trouble::transient;
    ticket->end(std::move(result));
  }

  S3Result<Response> read(const S3Pending& pending, Result<Response> response) {
    const S3Call& call = pending.call;
    const std::string place = options_.uri(call.key);
    if (!response) {
      Error error = std::move(response).error();
      S3Trouble trouble = S3Trouble::refused;
      if (error.fault == Fault::denied) trouble = S3Trouble::denied;
      if (error.retryable()) trouble = S3Trouble::transient;
      return tl::unexpected(S3Error{trouble, std::move(error).within(std::string(call.action) + " " + place)});
    }
    const bool good = response->status / 100 == 2;
    if (good && !call.fails_inside) return std::move(*response);
    const auto remote = read_error(*response);
    if (good && !remote) return std::move(*response);
    return tl::unexpected(
        describe_s3_error({call.action, place, options_.bucket, pending.region, endpoint_, response->status}, remote));
  }

  bool may_try_again(const S3Pending& pending) const {
    if (pending.dropped) return false;
    if (!pending.call.patient) return pending.tries < 2;
    return pending.tries < tries_min || steady_clock::now() - pending.begun < options_.retry_for;
  }

  // The bucket is elsewhere: go there, once a call.
  bool follow(S3Pending& pending, const std::string& region) {
    if (pending.redirected || !is_region(region) || region == pending.region) return false;
    pending.redirected = true;
    if (region != region_) {
      log::warning("bucket_in_another_region", {{"connection", options_.connection},
                                                {"bucket", options_.bucket},
                                                {"configured", options_.region},
                                                {"found", region},
                                                {"hint", "set region: " + region}});
      region_ = region;
      signed_.set_region(region);
      if (!options_.own_endpoint) endpoint_ = aws_s3_endpoint(region);
    }
    return true;
  }

  const S3Options options_;

  // The worker's own, once it runs.
  std::string region_;
  std::string endpoint_;
  SignedCalls signed_;
  std::minstd_rand random_;
  std::deque<S3Ticket> ready_;
  std::multimap<steady_clock::time_point, S3Ticket> waiting_;  // to be tried again
  std::size_t at_once_ = 0;
  double at_once_limit_ = at_once_max;
  bool stopping_ = false;

  std::mutex mutex_;  // guards what follows
  std::vector<Job> jobs_;

  std::thread thread_;  // last: it uses all of the above
};

S3Calls::S3Calls(S3Options options, const Clock& clock) : impl_(std::make_unique<Impl>(std::move(options), clock)) {}
S3Calls::~S3Calls() = default;
S3Ticket S3Calls::start(S3Call call) { return impl_->start(std::move(call)); }
S3Result<Response> S3Calls::wait(const S3Ticket& ticket) { return ticket->take(); }
std::string& S3Calls::body_of(const S3Ticket& ticket) { return ticket->call.body; }
void S3Calls::drop(const S3Ticket& ticket) { ticket->dropped = true; }
const S3Options& S3Calls::options() const { return impl_->options(); }
std::string S3Calls::region() { return impl_->region(); }
std::string S3Calls::credentials_from() { return impl_->credentials_from(); }
Result<std::string> S3Calls::presign(const std::string& key, seconds expires) { return impl_->presign(key, expires); }
std::map<std::string, std::uint64_t> S3Calls::calls() const { return impl_->calls(); }

}  // namespace sluice::aws
