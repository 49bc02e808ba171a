#include "sluice/aws/http.hpp"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>

#include "sluice/aws/uri.hpp"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds connect_timeout{10000};
constexpr std::size_t header_bytes_max = std::size_t{256} << 10U;
constexpr std::size_t reserve_max = std::size_t{1} << 20U;  // a server's word for how long its answer is

void must(bool ok) {
  if (!ok) std::abort();  // out of memory or of file descriptors while starting
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view name, std::string_view lower_case_name) {
  return name.size() == lower_case_name.size() &&
         std::equal(name.begin(), name.end(), lower_case_name.begin(), [](char a, char b) { return lower(a) == b; });
}

// A line break in a header would start another one.
bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

std::string seconds_text(milliseconds time) {
  const auto count = time.count();
  if (count % 1000 == 0) return std::to_string(count / 1000) + " s";
  return std::to_string(count) + " ms";
}

// One call, and the easy handle that is used again for the next one.
struct Transfer {
  CURL* easy = nullptr;
  Request request;
  Response response;
  Done done;
  std::string origin;  // for messages: never the path or the query, which may be signed
  std::size_t header_bytes = 0;
  std::size_t body_bytes_max = 0;
  bool headers_whole = false;  // curl takes an answer that ends inside them for a good one
  bool too_large = false;

  // curl reads the list while the call goes on; its nodes and their text live here, so that a
  // call allocates nothing for them.
  std::string lines;
  std::vector<std::size_t> starts;
  std::vector<curl_slist> nodes;

  Transfer() : easy(curl_easy_init()) { must(easy != nullptr); }
  ~Transfer() { curl_easy_cleanup(easy); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void add_line(std::string_view name, std::string_view value, bool remove = false) {
    starts.push_back(lines.size());
    lines += name;
    // In curl's lists "Name:" takes a header away and "Name;" sends it empty.
    lines += value.empty() && !remove ? ';' : ':';
    lines += value;
    lines += '\0';
  }
  curl_slist* list() {
    nodes.resize(starts.size());
    for (std::size_t at = 0; at < starts.size(); ++at) {
      nodes[at].data = lines.data() + starts[at];
      nodes[at].next = at + 1 < starts.size() ? &nodes[at + 1] : nullptr;
    }
    return nodes.data();
  }
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  if (size > transfer.body_bytes_max - transfer.response.body.size()) {
    transfer.too_large = true;
    return 0;
  }
  transfer.response.body.append(data, size);
  return size;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  std::string_view line(data, size);
  transfer.header_bytes += size;
  if (transfer.header_bytes > header_bytes_max) {
    transfer.too_large = true;
    return 0;
  }
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // the first line; those after "100 Continue" start over
    transfer.response.headers.clear();
    transfer.headers_whole = false;
    return size;
  }
  if (line.empty()) transfer.headers_whole = true;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  auto& [name, value] = transfer.response.headers.emplace_back();
  name.resize(colon);
  std::transform(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), name.begin(), lower);
  line.remove_prefix(colon + 1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  value = line;
  if (name == "content-length" && transfer.request.method != "HEAD") {
    std::size_t length = 0;
    std::from_chars(value.data(), value.data() + value.size(), length);
    const std::size_t believed = std::max(reserve_max, transfer.request.answer_bytes);
    transfer.response.body.reserve(std::min({length, believed, transfer.body_bytes_max}));
  }
  return size;
}

Error describe(const Transfer& transfer, CURLcode code) {
  const std::string& origin = transfer.origin;
  if (transfer.too_large) {
    return {Fault::failed, "the answer of " + origin + " is too large", "is this the right endpoint?"};
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {Fault::transient, "cannot find the address of " + origin, "check endpoint and region, and DNS"};
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {Fault::transient, "cannot find the address of the proxy for " + origin, "check HTTPS_PROXY and NO_PROXY"};
    case CURLE_COULDNT_CONNECT: {
      long os_error = 0;
      curl_easy_getinfo(transfer.easy, CURLINFO_OS_ERRNO, &os_error);
      std::string message = "cannot connect to " + origin;
      if (os_error != 0) message.append(": ").append(std::strerror(static_cast<int>(os_error)));
      return {Fault::transient, std::move(message), "check that the endpoint is right and up"};
    }
    case CURLE_OPERATION_TIMEDOUT: {
      long sent_bytes = 0;  // the time it took to connect is 0 on a kept connection, too
      curl_easy_getinfo(transfer.easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
      if (sent_bytes == 0) {
        return {Fault::transient,
                "cannot connect to " + origin + " within " +
                    seconds_text(std::min(connect_timeout, transfer.request.timeout)),
                "check that the endpoint is right and that a firewall lets it through"};
      }
      return {Fault::transient, "no whole answer from " + origin + " within " + seconds_text(transfer.request.timeout)};
    }
    case CURLE_PEER_FAILED_VERIFICATION:
      return {Fault::denied,
              "the certificate of " + origin + " is not trusted: " + curl_easy_strerror(CURLE_PEER_FAILED_VERIFICATION),
              "set AWS_CA_BUNDLE to the file with the authority's certificate"};
    case CURLE_SSL_CACERT_BADFILE:
      return {Fault::config, "cannot read the file of trusted certificates", "check AWS_CA_BUNDLE"};
    case CURLE_SSL_CONNECT_ERROR:
      return {Fault::transient, "no TLS connection to " + origin, "it must speak TLS 1.2 or later"};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return {Fault::transient, origin + " does not answer in HTTP", "is this the right endpoint and port?"};
    default: return {Fault::transient, "the call to " + origin + " broke off: " + curl_easy_strerror(code)};
  }
}

std::string ca_bundle_of(const HttpOptions& options) {
  if (!options.ca_bundle.empty()) return options.ca_bundle;
  const char* name = std::getenv("AWS_CA_BUNDLE");
  return name != nullptr ? name : "";
}

}  // namespace

std::string_view Response::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

// curl tells us which sockets and which time it waits for, and epoll waits: a call costs the same
// whether 1 or 200 long polls are open beside it. (curl_multi_poll looks at all of them each time.)
class Http::Impl {
 public:
  explicit Impl(HttpOptions options)
      : options_(std::move(options)),
        ca_bundle_(ca_bundle_of(options_)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    multi_ = curl_multi_init();
    must(started && multi_ != nullptr && epoll_ >= 0 && wake_ >= 0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wake_;
    must(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options_.connections_max));
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.connections_max));
  }

  ~Impl() {
    for (const auto& transfer : transfers_) curl_multi_remove_handle(multi_, transfer->easy);
    transfers_.clear();
    curl_multi_cleanup(multi_);
    close(wake_);
    close(epoll_);
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start(Request request, Done done) {
    ++under_way_;
    if (auto error = refuse(request)) {
      refused_.emplace_back(std::move(*error), std::move(done));
      return;
    }
    Transfer& transfer = take();
    transfer.request = std::move(request);
    transfer.done = std::move(done);
    prepare(transfer);
    const CURLMcode added = curl_multi_add_handle(multi_, transfer.easy);
    must(added == CURLM_OK);
  }

  void work(milliseconds wait) {
    const auto deadline = steady_clock::now() + wait;
    bool woken = false;
    for (bool polled = false;; polled = true) {
      run_timer();
      if (deliver() || woken) return;
      const auto now = steady_clock::now();
      if (polled && now >= deadline) return;
      auto until = deadline;
      if (timer_ && *timer_ < until) until = *timer_;
      // Rounded up, so as not to spin during the last millisecond.
      const auto left = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(until - now));
      std::array<epoll_event, 64> events;
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(std::min(left, milliseconds(60000)).count()));
      for (int at = 0; at < count; ++at) {
        const epoll_event& event = events[static_cast<std::size_t>(at)];
        if (event.data.fd == wake_) {
          std::uint64_t ignored = 0;
          woken = read(wake_, &ignored, sizeof ignored) > 0 || woken;
          continue;
        }
        int mask = 0;
        if ((event.events & EPOLLIN) != 0) mask |= CURL_CSELECT_IN;
        if ((event.events & EPOLLOUT) != 0) mask |= CURL_CSELECT_OUT;
        if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) mask |= CURL_CSELECT_ERR;
        int running = 0;
        curl_multi_socket_action(multi_, event.data.fd, mask, &running);
      }
    }
  }

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);  // fails only if it is set already
  }

  std::size_t under_way() const { return under_way_; }

 private:
  std::optional<Error> refuse(const Request& request) const {
    const auto url = split_url(request.url);
    if (!url) return Error{Fault::config, "an endpoint is not a URL", "write it as https://host or https://host:port"};
    const bool near = is_loopback(url->host) || (request.to_metadata && is_metadata_address(url->host));
    if (!url->https && !near && !options_.insecure) {
      return Error{Fault::config, "plain http to " + std::string(url->origin) + " is refused",
                   "use https, or set insecure: true on the connection"};
    }
    for (const auto& [name, value] : request.headers) {
      if (name.empty() || name.find_first_of(": ;") != std::string::npos || !is_clean(name) || !is_clean(value)) {
        return Error{Fault::config,
                     "a header for " + std::string(url->origin) + " holds a line break or another control character"};
      }
    }
    return {};
  }

  Transfer& take() {
    if (!idle_.empty()) {
      Transfer& transfer = *idle_.back();
      idle_.pop_back();
      return transfer;
    }
    Transfer& transfer = *transfers_.emplace_back(std::make_unique<Transfer>());
    idle_.reserve(transfers_.size());
    transfer.body_bytes_max = options_.body_bytes_max;
    CURL* easy = transfer.easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // an object key may hold ".."
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sluice");
    if (!ca_bundle_.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, ca_bundle_.c_str());
    return transfer;
  }

  static void prepare(Transfer& transfer) {
    const Request& request = transfer.request;
    const Url url = *split_url(request.url);
    transfer.origin = url.origin;
    transfer.response = {};
    transfer.header_bytes = 0;
    transfer.headers_whole = false;
    transfer.too_large = false;

    CURL* easy = transfer.easy;
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    const bool local = is_loopback(url.host) || is_metadata_address(url.host);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, local ? "*" : nullptr);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(std::min(connect_timeout, request.timeout).count()));

    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request.once ? 1L : 0L);
    const std::string& method = request.method;
    const std::string_view body = request.content();
    const bool has_body = !body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
    if (has_body) {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    } else if (method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
      curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    const bool usual = method == "GET" || method == "HEAD" || method == "POST";
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, usual && (has_body == (method == "POST")) ? nullptr : method.c_str());

    transfer.lines.clear();
    transfer.starts.clear();
    bool has_type = false;
    for (const auto& [name, value] : request.headers) {
      if (same_name(name, "content-length")) continue;  // curl counts
      has_type = has_type || same_name(name, "content-type");
      transfer.add_line(name, value);
    }
    transfer.add_line("Accept", "", true);
    transfer.add_line("Expect", "", true);  // "100-continue" would cost a round trip
    if (has_body && !has_type) transfer.add_line("Content-Type", "", true);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.list());
  }

  // Calls every Done that is due; true if there was one. A Done may come back in here by call().
  bool deliver() {
    bool any = false;
    while (!refused_.empty()) {
      auto [error, done] = std::move(refused_.front());
      refused_.pop_front();
      --under_way_;
      any = true;
      done(fail(std::move(error)));
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURLcode code = message->data.result;
      char* owner = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
      auto& transfer = *reinterpret_cast<Transfer*>(owner);
      if (code == CURLE_OK && !transfer.headers_whole) code = CURLE_PARTIAL_FILE;
      Result<Response> result = fail(Error{});
      if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
        transfer.response.status = static_cast<int>(status);
        result = std::move(transfer.response);
      } else {
        result = fail(describe(transfer, code));
      }
      curl_multi_remove_handle(multi_, transfer.easy);
      Done done = std::move(transfer.done);
      transfer.request = {};
      transfer.response = {};
      idle_.push_back(&transfer);
      --under_way_;
      any = true;
      done(std::move(result));
    }
    return any;
  }

  void run_timer() {
    if (!timer_ || steady_clock::now() < *timer_) return;
    timer_.reset();
    int running = 0;
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  }

  static int on_timer(CURLM*, long timeout_ms, void* self) {
    auto& timer = static_cast<Impl*>(self)->timer_;
    if (timeout_ms < 0) {
      timer.reset();
    } else {
      timer = steady_clock::now() + milliseconds(timeout_ms);
    }
    return 0;
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
    const auto& http = *static_cast<Impl*>(self);
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(http.epoll_, EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    epoll_event event{};
    event.data.fd = socket;
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    if (known != nullptr) return epoll_ctl(http.epoll_, EPOLL_CTL_MOD, socket, &event) == 0 ? 0 : -1;
    curl_multi_assign(http.multi_, socket, self);
    return epoll_ctl(http.epoll_, EPOLL_CTL_ADD, socket, &event) == 0 ? 0 : -1;
  }

  HttpOptions options_;
  std::string ca_bundle_;
  CURLM* multi_ = nullptr;
  int epoll_ = -1;
  int wake_ = -1;
  std::optional<steady_clock::time_point> timer_;  // when curl wants to be called
  std::vector<std::unique_ptr<Transfer>> transfers_;
  std::vector<Transfer*> idle_;
  std::deque<std::pair<Error, Done>> refused_;
  std::size_t under_way_ = 0;
};

Http::Http(HttpOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Http::~Http() = default;
void Http::start(Request request, Done done) { impl_->start(std::move(request), std::move(done)); }
void Http::work(milliseconds wait) { impl_->work(wait); }
void Http::wake() { impl_->wake(); }
std::size_t Http::under_way() const { return impl_->under_way(); }

Result<Response> Http::call(Request request) {
  std::optional<Result<Response>> answer;
  start(std::move(request), [&answer](Result<Response> result) { answer = std::move(result); });
  while (!answer) work(milliseconds(1000));
  return std::move(*answer);
}

}  // namespace sluice::aws
