// The actions of SQS on standard queues, as strict as SQS itself, and the control endpoint that
// fills queues, breaks things on purpose and counts. See README.md for the list of both.
//
// Not there: FIFO queues, permissions, tags, message retention (nothing ever grows too old).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "faults.hpp"
#include "http_loop.hpp"
#include "queue_answer.hpp"
#include "queue_call.hpp"
#include "queue_store.hpp"
#include "signature.hpp"

namespace sluice::servers {

struct ServiceOptions {
  std::chrono::milliseconds delay{0};     // of every answer, as a real region has
  std::int64_t visibility = 30;           // seconds, of queues made without saying
  std::uint64_t in_flight_max = 120'000;  // what SQS allows a standard queue
  std::uint64_t seed = 1;
  std::optional<SigningKey> key{};  // check signatures against it
};

class QueueService {
 public:
  // The loop outlives the service.
  QueueService(ServiceOptions options, HttpLoop& loop);

  void handle(HttpLoop::Ticket ticket, const HttpRequest& request);
  Faults& faults() { return faults_; }

 private:
  struct Waiter {
    HttpLoop::Ticket ticket;
    Protocol protocol;
    int messages_max;
    Millis visibility;
    ReceiveView view;
    Effects effects;
    Millis until;
  };
  struct Queue {
    explicit Queue(std::uint64_t seed) : store(seed) {}
    std::string name;
    QueueStore store;
    std::map<std::string, std::string, std::less<>> attributes;
    Millis created = 0;
    Millis modified = 0;
    std::optional<Millis> purged{};
    std::deque<Waiter> waiters;

    std::int64_t number(std::string_view attribute) const;
  };
  struct Work {
    HttpLoop::Ticket ticket;
    const Call& call;
    const HttpRequest& request;
    Effects effects;
  };
  struct ActionRow {
    std::string_view name;
    void (QueueService::*run)(Work&);
  };
  static const std::array<ActionRow, 14> action_table;

  void create_queue(Work& work);
  void delete_queue(Work& work);
  void list_queues(Work& work);
  void get_queue_url(Work& work);
  void get_queue_attributes(Work& work);
  void set_queue_attributes(Work& work);
  void purge_queue(Work& work);
  void send_message(Work& work);
  void send_message_batch(Work& work);
  void receive_message(Work& work);
  void delete_message(Work& work);
  void delete_message_batch(Work& work);
  void change_visibility(Work& work);
  void change_visibility_batch(Work& work);

  void control(HttpLoop::Ticket ticket, const HttpRequest& request);
  std::string control_fill(const Parameters& parameters);
  std::string control_stats(const Parameters& parameters);
  Queue& queue_named(std::string_view name);  // made when it is not there

  AnswerWriter writer(const Work& work);
  void finish(HttpLoop::Ticket ticket, Protocol protocol, const Effects& effects);
  void fail(const Work& work, const ErrorKind& kind, std::string_view message);
  Queue* queue_of(const Work& work);
  bool good_batch(const Work& work);
  bool good_signature(HttpLoop::Ticket ticket, const HttpRequest& request);
  bool set_attributes(const Work& work, Queue& queue);
  // Why this message may not be sent; nothing when it may.
  const ErrorKind* refused(const Entry& entry, std::string& message) const;
  std::string queue_url(const Work& work, std::string_view name) const;

  std::vector<std::uint32_t> take(Queue& queue, int messages_max, Millis visibility, const Effects& effects);
  void deliver(Queue& queue, const Waiter& to, const std::vector<std::uint32_t>& slots);
  void serve_waiters(Queue& queue);
  void watch();
  Millis now() const;

  ServiceOptions options_;
  HttpLoop& loop_;
  Faults faults_;
  CallReader reader_;
  std::map<std::string, std::unique_ptr<Queue>, std::less<>> queues_;
  std::array<std::uint64_t, 14> calls_{};  // by row of action_table
  std::uint64_t empty_receives_ = 0;
  std::uint64_t queue_seed_ = 0;
  Millis clock_offset_ = 0;  // a test moves time on
  bool watching_ = false;
  std::string body_;  // of the answer under way
  std::string headers_;
  std::string handle_;
};

}  // namespace sluice::servers
