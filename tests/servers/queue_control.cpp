// The control endpoint of QueueService: what a test or a benchmark asks of the double itself.
#include <algorithm>

#include "login_events.hpp"
#include "queue_service.hpp"

namespace sluice::servers {
namespace {

std::string name_in(const Parameters& parameters) {
  const auto found = parameters.find("queue");
  return found == parameters.end() ? "login-queue" : found->second;
}

void append(std::string& json, std::string_view name, std::uint64_t number) {
  if (json.size() > 1 && json.back() != '{') json += ',';
  json.append("\"").append(name).append("\":").append(std::to_string(number));
}

LoginEvents events_in(const Parameters& parameters) {
  return {static_cast<std::uint64_t>(std::max<std::int64_t>(1, number_of(parameters, "count", 100))),
          static_cast<std::uint64_t>(number_of(parameters, "malformed", 0)),
          static_cast<std::uint64_t>(number_of(parameters, "seed", 1))};
}

}  // namespace

void QueueService::control(HttpLoop::Ticket ticket, const HttpRequest& request) {
  const Parameters parameters = read_parameters(request.query);
  int status = 200;
  std::string answer = "{}\n";
  if (request.path == "/_control/fill" && request.method == "POST") {
    answer = control_fill(parameters);
  } else if (request.path == "/_control/put" && request.method == "POST") {
    // Past every check: bytes that SQS itself would refuse.
    Queue& queue = queue_named(name_in(parameters));
    queue.store.send(request.body, now(), 0);
    serve_waiters(queue);
  } else if (request.path == "/_control/advance" && request.method == "POST") {
    clock_offset_ += number_of(parameters, "seconds", 0) * 1000;
    for (auto& [name, queue] : queues_) serve_waiters(*queue);
  } else if (request.path == "/_control/reset" && request.method == "POST") {
    faults_.clear();
    calls_.fill(0);
    empty_receives_ = 0;
    if (parameters.contains("queue")) queues_.erase(name_in(parameters));
  } else if (request.path == "/_control/stats" && request.method == "GET") {
    answer = control_stats(parameters);
  } else if (request.path == "/_control/events" && request.method == "GET") {
    LoginEvents events = events_in(parameters);
    answer.clear();
    for (std::int64_t i = 0; i < number_of(parameters, "count", 100); ++i)
      answer.append(events.body(static_cast<std::uint64_t>(i))).append("\n");
  } else if (request.path == "/_control" && request.method == "DELETE") {
    faults_.clear();
  } else if (request.path == "/_control" && request.method == "POST") {
    if (!faults_.add(parameters, answer)) status = 400;
  } else {
    status = 404;
    answer = "No such control: see tests/servers/README.md\n";
  }
  loop_.answer(ticket, {.status = status, .body = answer});
}

std::string QueueService::control_fill(const Parameters& parameters) {
  Queue& queue = queue_named(name_in(parameters));
  LoginEvents events = events_in(parameters);
  const Millis at = now();
  for (std::int64_t i = 0; i < number_of(parameters, "count", 100); ++i)
    queue.store.send(events.body(static_cast<std::uint64_t>(i)), at, 0);
  serve_waiters(queue);
  return control_stats(parameters);
}

std::string QueueService::control_stats(const Parameters& parameters) {
  const auto found = queues_.find(name_in(parameters));
  std::string json = "{";
  if (found != queues_.end()) {
    found->second->store.tick(now());
    const QueueStore::Counts& counts = found->second->store.counts();
    append(json, "visible", counts.visible);
    append(json, "in_flight", counts.in_flight);
    append(json, "delayed", counts.delayed);
    append(json, "sent", counts.sent);
    append(json, "received", counts.received);
    append(json, "deleted", counts.deleted);
    append(json, "copied", counts.copied);
    append(json, "stale_deletes", counts.stale);
    append(json, "in_flight_peak", counts.in_flight_peak);
  }
  append(json, "empty_receives", empty_receives_);
  json += ",\"calls\":{";
  for (std::size_t i = 0; i < action_table.size(); ++i)
    if (calls_[i] != 0) append(json, action_table[i].name, calls_[i]);
  json += "},\"faults\":{";
  for (const auto& [name, count] : faults_.struck()) append(json, name, count);
  return json + "}}\n";
}

}  // namespace sluice::servers
