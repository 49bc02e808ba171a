#include "sluice/web/http_server.hpp"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

namespace sluice::web {
namespace {

constexpr std::size_t threads = 2;
constexpr std::size_t request_bytes_max = 64U << 10U;

class Server final : public HttpServer {
 public:
  explicit Server(std::function<Page(const std::string& path)> page) : page_(std::move(page)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(threads); };
    server_.set_payload_max_length(request_bytes_max);
    server_.set_read_timeout(5);
    server_.set_write_timeout(5);
    // A scraper that keeps its connection would keep one of the two threads.
    server_.set_keep_alive_max_count(1);
    server_.Get("/.*", [this](const httplib::Request& request, httplib::Response& response) {
      Page found = page_(request.path);
      response.status = found.status;
      response.set_content(std::move(found.body), found.type);
    });
    const auto refuse = [](const httplib::Request&, httplib::Response& response) {
      response.status = 405;
      response.set_header("Allow", "GET, HEAD");
    };
    server_.Post("/.*", refuse).Put("/.*", refuse).Patch("/.*", refuse).Delete("/.*", refuse).Options("/.*", refuse);
  }
  ~Server() override {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

  bool bind(const Listen& listen) {
    // Two servers on one port would each get some of the requests.
    server_.set_socket_options([](int socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    if (listen.port != 0) {
      port_ = server_.bind_to_port(listen.host, listen.port) ? listen.port : -1;
    } else {
      port_ = server_.bind_to_any_port(listen.host);
    }
    if (port_ < 0) return false;
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    return true;
  }
  int port() const override { return port_; }

 private:
  std::function<Page(const std::string& path)> page_;
  httplib::Server server_;
  int port_ = -1;
  std::thread thread_;
};

}  // namespace

Result<Listen> parse_listen(const std::string& text) {
  Listen out;
  std::string_view port = text;
  if (const std::size_t colon = text.rfind(':'); colon != std::string::npos) {
    out.host = text.substr(0, colon);
    port.remove_prefix(colon + 1);
  }
  if (out.host == "[::1]") out.host = "::1";
  constexpr std::array loopback{"127.0.0.1", "::1", "localhost"};
  if (std::ranges::find(loopback, out.host) == loopback.end()) {
    return fail(Fault::config, "listen: '" + out.host.substr(0, 60) + "' is no loopback address",
                "take 127.0.0.1:PORT or [::1]:PORT, and a proxy with access control in front of it for other machines");
  }
  const auto [last, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc{} || last != port.data() + port.size() || out.port < 0 || out.port > 65535)
    return fail(Fault::config, "listen: a port is a number from 0 (any free one) to 65535", "as in 127.0.0.1:9464");
  return out;
}

Result<std::unique_ptr<HttpServer>> serve_pages(const Listen& listen,
                                                std::function<Page(const std::string& path)> page) {
  auto server = std::make_unique<Server>(std::move(page));
  if (!server->bind(listen)) {
    return fail(Fault::transient, "cannot listen on " + listen.host + ":" + std::to_string(listen.port),
                "another program has the port; name another by --listen, or 0 for any free one");
  }
  return server;
}

}  // namespace sluice::web
