// Starts an SQS server on a free loopback port for a test, and stops it: our double
// (tests/servers/queue_server), or fauxqs to check the double against. Throws std::runtime_error when
// the double does not start, since no test can go on then.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/server_process.hpp"

namespace sluice::support {

// What the double knows of one queue, and its calls by action since the start or reset().
struct QueueStats {
  std::map<std::string, std::uint64_t> counts;  // visible, in_flight, sent, received, deleted, copied, ...
  std::map<std::string, std::uint64_t> calls;
  std::map<std::string, std::uint64_t> faults;              // how often each struck
  std::uint64_t operator[](const std::string& name) const;  // one of `counts`
};

class QueueServer {
 public:
  // The double, with its command line: {"--delay", "10"}, {"--check-signature", "AKID:secret"}.
  static std::unique_ptr<QueueServer> start(const std::vector<std::string>& arguments = {});
  // Null when node or fauxqs is not installed or does not start: skip loudly.
  static std::unique_ptr<QueueServer> start_fauxqs();

  ~QueueServer();
  QueueServer(const QueueServer&) = delete;
  QueueServer& operator=(const QueueServer&) = delete;

  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::string queue_url(std::string_view queue) const { return endpoint() + "/000000000000/" + std::string(queue); }

  // One action by the JSON protocol: call("CreateQueue", R"({"QueueName":"q"})").
  HttpReply call(std::string_view action, std::string_view json, const std::string& signing = {}) const;
  void create_queue(std::string_view queue) const;
  void send(std::string_view queue, const std::vector<std::string>& bodies) const;

  // The rest is for the double only; see tests/servers/README.md.
  // fault("delete_failed", "count=2&skip=1")
  void fault(std::string_view name, std::string_view parameters = {}) const;
  void clear_faults() const;
  QueueStats fill(std::string_view queue, std::uint64_t count, std::uint64_t seed = 1,
                  std::uint64_t malformed = 0) const;
  // The bodies that fill() puts in for the same figures.
  std::vector<std::string> events(std::uint64_t count, std::uint64_t seed = 1, std::uint64_t malformed = 0) const;
  void put(std::string_view queue, std::string_view body) const;  // bytes SQS itself would refuse
  void advance(int seconds) const;                                // the server's clock
  void reset(std::string_view queue) const;                       // the queue gone, counts 0, no faults
  QueueStats stats(std::string_view queue) const;

 private:
  QueueServer(pid_t pid, int port) : pid_(pid), port_(port) {}
  std::string control(std::string_view method, const std::string& path, std::string_view body = {}) const;

  pid_t pid_;
  int port_;
};

}  // namespace sluice::support
