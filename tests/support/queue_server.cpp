#include "support/queue_server.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace sluice::support {
namespace {

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

std::uint64_t QueueStats::operator[](const std::string& name) const {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

std::unique_ptr<QueueServer> QueueServer::start(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{SLUICE_QUEUE_SERVER, "--port", "0"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const ServerProcess server = start_server(words);
  return std::unique_ptr<QueueServer>(new QueueServer(server.pid, server.port));
}

std::unique_ptr<QueueServer> QueueServer::start_fauxqs() {
  const auto server = support::start_fauxqs();
  if (!server) return nullptr;
  return std::unique_ptr<QueueServer>(new QueueServer(server->pid, server->port));
}

QueueServer::~QueueServer() { end_server(pid_); }

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
