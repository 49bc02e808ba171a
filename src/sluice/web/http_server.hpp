// Pages for people and programs on this machine: GET on a loopback port. It has a few threads of its own, which only
// read the board; nothing can be changed through it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sluice/core/result.hpp"

namespace sluice::web {

struct Page {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

struct Listen {
  std::string host = "127.0.0.1";
  int port = 0;  // 0: a free one
};
// "127.0.0.1:9464", "[::1]:9464", "localhost:9464", or a port alone. Any other address is an error (config): what
// stands there is for this machine only.
Result<Listen> parse_listen(const std::string& text);

class HttpServer {
 public:
  virtual ~HttpServer() = default;  // closes the port, and waits for the answers under way
  virtual int port() const = 0;
};

// `page` gives what stands at a path; it is called from several threads, and outlives the server.
Result<std::unique_ptr<HttpServer>> serve_pages(const Listen& listen,
                                                std::function<Page(const std::string& path)> page);

}  // namespace sluice::web
