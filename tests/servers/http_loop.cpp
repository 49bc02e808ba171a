#include "http_loop.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

namespace sluice::servers {
namespace {

constexpr std::size_t scratch_bytes = 256U << 10U;
constexpr std::size_t head_bytes_max = 64U << 10U;
constexpr std::size_t body_bytes_max = 64U << 20U;
constexpr std::size_t padding = 64;  // simdjson reads this far past the end

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 411: return "Length Required";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Payload Too Large";
    case 416: return "Range Not Satisfiable";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Answer";
  }
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 2));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !same_name(line.substr(0, colon), name)) continue;
    const std::size_t first = line.find_first_not_of(" \t", colon + 1);
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(" \t") + 1 - first);
  }
  return {};
}

HttpLoop::HttpLoop(Handler handler)
    : handler_(std::move(handler)), epoll_(epoll_create1(EPOLL_CLOEXEC)), scratch_(new char[scratch_bytes]) {}

HttpLoop::~HttpLoop() {
  for (std::size_t fd = 0; fd < connections_.size(); ++fd)
    if (connections_[fd]) ::close(static_cast<int>(fd));
  if (listener_ >= 0) ::close(listener_);
  if (epoll_ >= 0) ::close(epoll_);
}

int HttpLoop::listen(int port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || ::listen(listener_, 1024) != 0) return 0;
  if (getsockname(listener_, generic, &size) != 0) return 0;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener_;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
  return ntohs(address.sin_port);
}

void HttpLoop::run(int stop_fd) {
  epoll_event stop{};
  stop.events = EPOLLIN;
  stop.data.fd = stop_fd;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_fd, &stop);
  std::array<epoll_event, 256> events{};
  while (true) {
    const int wait = run_timers();
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait);
    if (count < 0 && errno != EINTR) return;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const int fd = event.data.fd;
      if (fd == stop_fd) return;
      if (fd == listener_) {
        accept_all();
        continue;
      }
      if ((event.events & EPOLLOUT) != 0) send(fd);
      if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(fd);
    }
  }
}

int HttpLoop::run_timers() {
  while (!timers_.empty()) {
    const auto left = timers_.top().when - std::chrono::steady_clock::now();
    if (left > Instant::duration::zero())
      return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
    auto work = timers_.top().work;
    timers_.pop();
    work();
  }
  return -1;
}

void HttpLoop::after(std::chrono::milliseconds wait, std::function<void()> work) {
  timers_.push({std::chrono::steady_clock::now() + wait, ++timer_order_, std::move(work)});
}

void HttpLoop::accept_all() {
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const auto index = static_cast<std::size_t>(fd);
    if (connections_.size() <= index) connections_.resize(index + 1);
    connections_[index] = std::make_unique<Connection>();
    connections_[index]->serial = ++serial_;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
}

HttpLoop::Connection* HttpLoop::find(Ticket ticket) {
  if (!alive(ticket)) return nullptr;
  return connections_[static_cast<std::size_t>(ticket.fd)].get();
}

bool HttpLoop::alive(Ticket ticket) const {
  const auto index = static_cast<std::size_t>(ticket.fd);
  return index < connections_.size() && connections_[index] && connections_[index]->serial == ticket.serial;
}

void HttpLoop::close(int fd) {
  connections_[static_cast<std::size_t>(fd)].reset();
  ::close(fd);  // epoll forgets it
}

void HttpLoop::receive(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= connections_.size() || !connections_[index]) return;
  Connection& connection = *connections_[index];
  const ssize_t count = recv(fd, scratch_.get(), scratch_bytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return close(fd);
  if (connection.in.size() > head_bytes_max + body_bytes_max) return close(fd);
  connection.in.append(scratch_.get(), static_cast<std::size_t>(count));
  serve(fd);
}

// Works on the requests in the buffer, one after the other, until one has to wait.
void HttpLoop::serve(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  while (connections_[index] && !connections_[index]->busy && !connections_[index]->closing) {
    Connection& connection = *connections_[index];
    connection.in.reserve(connection.in.size() + padding);
    HttpRequest request;
    std::size_t size = 0;
    if (!read_request(connection, request, size)) {
      if (!connection.out.empty()) send(fd);
      return;
    }
    connection.busy = true;
    connection.greeted = false;
    const std::string_view wish = request.header("connection");
    connection.closing = same_name(wish, "close");
    // The handler may close this connection, so the request is taken out of it first.
    std::string taken;
    taken.swap(connection.in);
    const Ticket ticket{fd, connection.serial};
    handler_(ticket, request);
    Connection* still = find(ticket);
    if (still == nullptr) return;
    taken.erase(0, size);
    taken += still->in;
    still->in.swap(taken);
  }
}

bool HttpLoop::read_request(Connection& connection, HttpRequest& request, std::size_t& size) {
  const std::string_view in = connection.in;
  const std::size_t head_end = in.find("\r\n\r\n");
  if (head_end == std::string_view::npos) {
    if (in.size() > head_bytes_max) refuse(connection, 413);
    return false;
  }
  const std::size_t line_end = in.find("\r\n");
  const std::string_view line = in.substr(0, line_end);
  const std::size_t space = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (space == std::string_view::npos || last == space) {
    refuse(connection, 400);
    return false;
  }
  const std::string_view target = line.substr(space + 1, last - space - 1);
  const std::size_t mark = target.find('?');
  request.method = line.substr(0, space);
  request.path = target.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  request.head = head_end > line_end ? in.substr(line_end + 2, head_end - line_end - 2) : std::string_view{};

  std::size_t length = 0;
  const std::string_view length_text = request.header("content-length");
  const char* const length_end = length_text.data() + length_text.size();
  if (!length_text.empty() && std::from_chars(length_text.data(), length_end, length).ptr != length_end) {
    refuse(connection, 400);
    return false;
  }
  if (!request.header("transfer-encoding").empty()) {
    refuse(connection, 411);
    return false;
  }
  if (length > body_bytes_max) {
    refuse(connection, 413);
    return false;
  }
  size = head_end + 4 + length;
  if (in.size() < size) {
    if (!connection.greeted && same_name(request.header("expect"), "100-continue")) {
      connection.greeted = true;
      connection.out += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    connection.in.reserve(size + padding);  // one move for a body of megabytes
    return false;
  }
  request.body = in.substr(head_end + 4, length);
  return true;
}

void HttpLoop::refuse(Connection& connection, int status) {
  connection.closing = true;
  connection.out += "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason(status)) +
                    "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

void HttpLoop::answer(Ticket ticket, const HttpAnswer& answer) {
  Connection* connection = find(ticket);
  if (connection == nullptr) return;
  if (answer.ending == Ending::cut) return close(ticket.fd);

  std::string& out = connection->out;
  std::array<char, 24> number{};
  out += "HTTP/1.1 ";
  out.append(number.data(), std::to_chars(number.begin(), number.end(), answer.status).ptr);
  out += ' ';
  out += reason(answer.status);
  out += "\r\nContent-Type: ";
  out += answer.content_type;
  out += "\r\n";
  out += answer.headers;
  if (connection->closing) out += "Connection: close\r\n";
  out += "Content-Length: ";
  out.append(number.data(), std::to_chars(number.begin(), number.end(), answer.body.size()).ptr);
  out += "\r\n\r\n";
  if (answer.without_body) return answer.delay.count() > 0 ? send_after(ticket, answer.delay) : send(ticket.fd);
  if (answer.ending == Ending::truncate) {
    out += answer.body.substr(0, answer.body.size() / 2);
    connection->closing = true;
  } else {
    out += answer.body;
  }
  if (answer.ending == Ending::drip) {
    const std::size_t step = answer.body.size() / 16 + 1;
    const std::size_t head = out.size() - answer.body.size();
    after(answer.delay, [=, this, wait = answer.drip / 16] { drip(ticket, head, step, wait); });
  } else if (answer.delay.count() > 0) {
    send_after(ticket, answer.delay);
  } else {
    send(ticket.fd);
  }
}

void HttpLoop::send_after(Ticket ticket, std::chrono::milliseconds wait) {
  after(wait, [this, ticket] {
    if (alive(ticket)) send(ticket.fd);
  });
}

// Sends what stands before `upto`, and the next piece after `wait`.
void HttpLoop::drip(Ticket ticket, std::size_t upto, std::size_t step, std::chrono::milliseconds wait) {
  Connection* connection = find(ticket);
  if (connection == nullptr) return;
  if (upto >= connection->out.size()) return send(ticket.fd);
  const ssize_t count =
      ::send(ticket.fd, connection->out.data() + connection->sent, upto - connection->sent, MSG_NOSIGNAL);
  if (count < 0 && errno != EAGAIN && errno != EINTR) return close(ticket.fd);
  if (count > 0) connection->sent += static_cast<std::size_t>(count);
  after(wait, [=, this] { drip(ticket, upto + step, step, wait); });
}

void HttpLoop::send(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= connections_.size() || !connections_[index]) return;
  Connection& connection = *connections_[index];
  while (connection.sent < connection.out.size()) {
    const ssize_t count =
        ::send(fd, connection.out.data() + connection.sent, connection.out.size() - connection.sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      if (!std::exchange(connection.wants_out, true)) {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT;
        event.data.fd = fd;
        epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
      }
      return;
    }
    if (count < 0) return close(fd);
    connection.sent += static_cast<std::size_t>(count);
  }
  connection.out.clear();
  connection.sent = 0;
  if (std::exchange(connection.wants_out, false)) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
  }
  if (connection.closing) return close(fd);
  if (std::exchange(connection.busy, false) && !connection.in.empty())
    after(std::chrono::milliseconds{0}, [this, ticket = Ticket{fd, connection.serial}] {
      if (alive(ticket)) serve(ticket.fd);
    });
}

}  // namespace sluice::servers
