// The double of KMS and Secrets Manager as a child process; see tests/servers/README.md. Throws std::runtime_error when
// it does not start.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/server_process.hpp"

namespace sluice::support {

class KeyServer {
 public:
  static std::unique_ptr<KeyServer> start(const std::vector<std::string>& arguments = {});
  ~KeyServer();
  KeyServer(const KeyServer&) = delete;
  KeyServer& operator=(const KeyServer&) = delete;

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(server_.port); }
  // What a process needs to reach it: endpoint, region and credentials.
  std::map<std::string, std::optional<std::string>> environment() const;

  void kms_key(std::string_view id, std::string_view state = "Enabled") const;
  void secret(std::string_view name, std::string_view value, bool binary = false) const;
  void fault(std::string_view name, std::string_view parameters = {}) const;
  void clear_faults() const;
  std::map<std::string, int> calls() const;

 private:
  explicit KeyServer(ServerProcess server) : server_(server) {}
  std::string control(std::string_view method, const std::string& path, std::string_view body = {}) const;

  ServerProcess server_;
};

}  // namespace sluice::support
