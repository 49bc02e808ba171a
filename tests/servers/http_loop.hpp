// A small HTTP/1.1 server in one thread: an epoll loop and a heap of timers.
//
// It exists because benchmarks share two cores with it: a thread a connection costs several times the
// CPU, and sleeping threads cannot hold a thousand delayed answers. One request at a time per
// connection; a pipelined one waits for the answer before it. No TLS, no chunked requests.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::servers {

// Views into the connection's buffer: they live until the handler returns.
struct HttpRequest {
  std::string_view method;
  std::string_view path;
  std::string_view query;
  std::string_view head;  // the header lines
  std::string_view body;  // at least 64 readable bytes follow, as simdjson needs

  // The value of a header, whatever its case; empty when absent.
  std::string_view header(std::string_view name) const;
};

enum class Ending {
  keep,      // a whole answer
  cut,       // no answer at all: the connection closes
  truncate,  // the head, half the body, then the connection closes
  drip,      // the body in sixteen pieces spread over `drip`
};

struct HttpAnswer {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string_view headers{};  // further whole lines, each with its line end
  std::string_view body{};
  bool without_body = false;  // to HEAD: only its length is told
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds drip{0};
  Ending ending = Ending::keep;
};

class HttpLoop {
 public:
  // Who is to be answered. A ticket outlives its connection safely: see alive().
  struct Ticket {
    int fd = -1;
    std::uint64_t serial = 0;
  };
  using Handler = std::function<void(Ticket, const HttpRequest&)>;

  explicit HttpLoop(Handler handler);
  ~HttpLoop();
  HttpLoop(const HttpLoop&) = delete;
  HttpLoop& operator=(const HttpLoop&) = delete;

  // Listens on 127.0.0.1; 0 is any free port. The port taken, or 0 when that failed.
  int listen(int port);

  // Serves until `stop_fd` is readable.
  void run(int stop_fd);

  // Answers a request, within the handler or later. Nothing happens when the client has gone.
  void answer(Ticket ticket, const HttpAnswer& answer);
  bool alive(Ticket ticket) const;

  void after(std::chrono::milliseconds wait, std::function<void()> work);

 private:
  using Instant = std::chrono::steady_clock::time_point;
  struct Connection {
    std::uint64_t serial = 0;
    std::string in;
    std::string out;
    std::size_t sent = 0;
    bool busy = false;       // a request is being worked on
    bool closing = false;    // close once `out` is sent
    bool greeted = false;    // 100 Continue was sent for the request under way
    bool wants_out = false;  // epoll watches for room to write
  };
  struct Timer {
    Instant when;
    std::uint64_t order;
    std::function<void()> work;
    bool operator<(const Timer& other) const { return when != other.when ? when > other.when : order > other.order; }
  };

  void accept_all();
  void receive(int fd);
  void serve(int fd);
  bool read_request(Connection& connection, HttpRequest& request, std::size_t& size);
  void refuse(Connection& connection, int status);
  void send(int fd);
  void send_after(Ticket ticket, std::chrono::milliseconds wait);
  void drip(Ticket ticket, std::size_t upto, std::size_t step, std::chrono::milliseconds wait);
  void close(int fd);
  Connection* find(Ticket ticket);
  int run_timers();

  Handler handler_;
  int epoll_ = -1;
  int listener_ = -1;
  std::uint64_t serial_ = 0;
  std::uint64_t timer_order_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;  // by file descriptor
  std::priority_queue<Timer> timers_;
  std::unique_ptr<char[]> scratch_;
};

}  // namespace sluice::servers
