// For tests: an HTTP server on a free port of 127.0.0.1, in a thread of its own, until it is destroyed.
#pragma once

#include <httplib.h>

#include <string>
#include <thread>
#include <utility>

namespace sluice::aws {

// Add handlers to `on`, then start().
template <class Server = httplib::Server>
class TestServer {
 public:
  template <class... Args>
  explicit TestServer(Args&&... args) : on(std::forward<Args>(args)...) {
    on.set_keep_alive_max_count(1000);
    on.set_tcp_nodelay(true);
    port_ = on.bind_to_any_port("127.0.0.1");
  }
  ~TestServer() {
    if (!thread_.joinable()) return;
    on.stop();
    thread_.join();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  void start() {
    thread_ = std::thread([this] { on.listen_after_bind(); });
    while (!on.is_running()) std::this_thread::yield();
  }
  int port() const { return port_; }
  // "http://127.0.0.1:12345" + path
  std::string url(const std::string& path = "") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }

  Server on;

 private:
  int port_ = 0;
  std::thread thread_;
};

}  // namespace sluice::aws
