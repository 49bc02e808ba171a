// HTTP over libcurl's multi interface: many calls under way on one thread.
//
// Connections are pooled and kept alive; TLS 1.2 or later, always verified; no redirects are
// followed; plain http only to loopback unless the options allow it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice::aws {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "POST";
  std::string url;    // scheme, host, port, path and query, encoded as it goes on the wire
  Headers headers{};  // without Host and Content-Length
  std::string body{};
  std::string_view body_view{};  // in place of `body`: bytes that stay where they are until the call has ended
  std::size_t answer_bytes = 0;  // how much is expected, so that it is read into one piece of memory
  // At most once, on a connection of its own: what a reused one loses, curl sends again without a word.
  bool once = false;
  std::chrono::milliseconds timeout{30000};
  bool to_metadata = false;  // plain http is also allowed to the link-local addresses of is_metadata_address()

  std::string_view content() const { return body_view.data() == nullptr ? std::string_view(body) : body_view; }
};

struct Response {
  int status = 0;
  Headers headers;  // names in lower case
  std::string body;
  std::string_view header(std::string_view lower_case_name) const;  // empty if absent
};

struct HttpOptions {
  bool insecure = false;  // plain http to any host
  std::size_t connections_max = 256;
  std::size_t body_bytes_max = std::size_t{64} << 20U;  // of an answer
  std::string ca_bundle{};  // a file of certificates to trust; empty: AWS_CA_BUNDLE, else the system's
};

// An answer of any status is a Response; an Error (transient, mostly) means that no whole answer came.
using Done = std::function<void(Result<Response>)>;

// One thread uses it, except wake().
class Http {
 public:
  explicit Http(HttpOptions options = {});
  ~Http();  // calls under way are cut off; their Done is not called

  // `done` runs inside work(), and may start further calls.
  void start(Request request, Done done);
  // Carries calls on until at least one has ended, `wait` has passed, or wake() was called.
  void work(std::chrono::milliseconds wait);
  void wake();
  std::size_t under_way() const;
  // start() and work() until it is done; others go on meanwhile.
  Result<Response> call(Request request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::aws
