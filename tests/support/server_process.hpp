// Servers that a test starts as child processes: they die with the test, whatever happens to it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::support {

struct HttpReply {
  int status = 0;  // 0: there was no whole answer
  std::string headers;
  std::string body;
};

// One request on a connection of its own. `signing`: "KEY_ID:SECRET" has libcurl sign it for SQS.
HttpReply http(std::string_view method, const std::string& url, std::string_view body = {},
               const std::vector<std::string>& headers = {}, const std::string& signing = {});

struct ServerProcess {
  pid_t pid = -1;
  int port = 0;
};

// Runs a server that prints its port. Throws std::runtime_error when it does not.
ServerProcess start_server(const std::vector<std::string>& words);
// SQS and S3 over HTTP. Empty when node or fauxqs is not installed or does not start: skip loudly.
std::optional<ServerProcess> start_fauxqs();
void end_server(pid_t pid);

}  // namespace sluice::support
