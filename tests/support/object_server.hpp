// Starts an S3 server on a free loopback port for a test, and stops it: our double (tests/servers/object_server), or
// fauxqs to check the double against. Throws std::runtime_error when the double does not start.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/server_process.hpp"

namespace sluice::support {

struct ObjectStats {
  std::map<std::string, std::uint64_t> counts;  // objects, uploads, bytes_in, bytes_out
  std::map<std::string, std::uint64_t> calls;   // by action
  std::map<std::string, std::uint64_t> faults;  // how often each struck

  std::uint64_t bytes_in() const { return counts.at("bytes_in"); }
  std::uint64_t bytes_out() const { return counts.at("bytes_out"); }  // of objects
  std::uint64_t called(const std::string& action) const;
};

class ObjectServer {
 public:
  // The double, with its command line: {"--delay", "10"}, {"--check-signature", "AKID:secret"}. The bucket is made.
  static std::unique_ptr<ObjectServer> start(const std::string& bucket, const std::vector<std::string>& arguments = {});
  // Null when node or fauxqs is not installed or does not start: skip loudly.
  static std::unique_ptr<ObjectServer> start_fauxqs(const std::string& bucket);

  ~ObjectServer();
  ObjectServer(const ObjectServer&) = delete;
  ObjectServer& operator=(const ObjectServer&) = delete;

  int port() const { return server_.port; }
  pid_t pid() const { return server_.pid; }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(server_.port); }
  const std::string& bucket() const { return bucket_; }

  // The rest is for the double only; see tests/servers/README.md.
  // fault("slow_down", "count=2&action=GetObject")
  void fault(std::string_view name, std::string_view parameters = {}) const;
  void clear_faults() const;
  void put(std::string_view key, std::string_view bytes) const;
  void put_many(std::string_view prefix, std::uint64_t count, std::string_view bytes) const;
  // One object of so many times these bytes.
  void put_repeated(std::string_view key, std::string_view bytes, std::uint64_t times) const;
  std::string get(std::string_view key) const;
  void advance(int seconds) const;  // the server's clock
  void reset() const;               // the bucket empty, counts 0, no faults
  ObjectStats stats() const;
  std::vector<std::string> log() const;  // "GetObject KEY bytes=0-9 206", the oldest first

 private:
  ObjectServer(ServerProcess server, std::string bucket) : server_(server), bucket_(std::move(bucket)) {}
  std::string control(std::string_view method, const std::string& path, std::string_view body = {}) const;
  std::string place(std::string_view key) const;

  ServerProcess server_;
  std::string bucket_;
};

}  // namespace sluice::support
