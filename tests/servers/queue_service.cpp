#include "queue_service.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::servers {
namespace {

// How often waiting receives are looked at again; sends and changes of visibility wake them at once.
constexpr std::chrono::milliseconds watch_interval{20};

std::string_view last_segment(std::string_view url) {
  const std::size_t slash = url.rfind('/');
  return slash == std::string_view::npos ? url : url.substr(slash + 1);
}

}  // namespace

QueueService::QueueService(ServiceOptions options, HttpLoop& loop)
    : options_(std::move(options)), loop_(loop), faults_(options_.seed), queue_seed_(options_.seed) {}

const std::array<QueueService::ActionRow, 14> QueueService::action_table{{
    {"ReceiveMessage", &QueueService::receive_message},
    {"DeleteMessageBatch", &QueueService::delete_message_batch},
    {"DeleteMessage", &QueueService::delete_message},
    {"ChangeMessageVisibility", &QueueService::change_visibility},
    {"ChangeMessageVisibilityBatch", &QueueService::change_visibility_batch},
    {"SendMessage", &QueueService::send_message},
    {"SendMessageBatch", &QueueService::send_message_batch},
    {"GetQueueUrl", &QueueService::get_queue_url},
    {"GetQueueAttributes", &QueueService::get_queue_attributes},
    {"SetQueueAttributes", &QueueService::set_queue_attributes},
    {"CreateQueue", &QueueService::create_queue},
    {"DeleteQueue", &QueueService::delete_queue},
    {"ListQueues", &QueueService::list_queues},
    {"PurgeQueue", &QueueService::purge_queue},
}};

Millis QueueService::now() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count() + clock_offset_;
}

void QueueService::handle(HttpLoop::Ticket ticket, const HttpRequest& request) {
  body_.clear();
  headers_.clear();
  if (request.path.starts_with("/_control")) return control(ticket, request);

  const Call* call = reader_.read(request);
  if (call == nullptr) {
    AnswerWriter(reader_.protocol(), {}, body_).error(errors::malformed, reader_.problem(), headers_);
    return loop_.answer(ticket, {.status = 400, .headers = headers_, .body = body_, .delay = options_.delay});
  }
  Work work{ticket, *call, request, {}};
  if (options_.key && !good_signature(ticket, request)) return;
  const auto* const row = std::ranges::find(action_table, call->action, &ActionRow::name);
  if (row == action_table.end())
    return fail(work, errors::unknown_action, "The action or operation requested is invalid.");
  ++calls_[static_cast<std::size_t>(row - action_table.begin())];

  work.effects = faults_.on(call->action);
  if (work.effects.cut_before) return loop_.answer(ticket, {.ending = Ending::cut});
  if (work.effects.error != nullptr) return fail(work, *work.effects.error, "A fault that the test asked for.");
  (this->*row->run)(work);
}

bool QueueService::good_signature(HttpLoop::Ticket ticket, const HttpRequest& request) {
  const auto refuse = [&](const ErrorKind& kind, std::string_view message) {
    AnswerWriter(reader_.protocol(), {}, body_).error(kind, message, headers_);
    loop_.answer(ticket, {.status = kind.status, .headers = headers_, .body = body_, .delay = options_.delay});
    return false;
  };
  switch (check_signature(request, *options_.key, now() / 1000)) {
    case Signature::good: return true;
    case Signature::absent: return refuse(errors::unsigned_request, "Request is missing Authentication Token");
    case Signature::unknown_key:
      return refuse(errors::unknown_key, "The security token included in the request is invalid.");
    case Signature::expired:
      return refuse(errors::bad_signature, "Signature expired: the time in it is too far from now.");
    case Signature::wrong: break;
  }
  return refuse(errors::bad_signature,
                "The request signature we calculated does not match the signature you provided. Check your AWS "
                "Secret Access Key and signing method.");
}

AnswerWriter QueueService::writer(const Work& work) {
  return AnswerWriter(work.call.protocol, work.call.action, body_, work.effects.wrong_md5);
}

void QueueService::finish(HttpLoop::Ticket ticket, Protocol protocol, const Effects& effects) {
  if (effects.not_json) body_ = "<html><body>It works!</body></html>";
  loop_.answer(ticket, {.content_type = protocol == Protocol::json ? "application/x-amz-json-1.0" : "text/xml",
                        .headers = headers_,
                        .body = body_,
                        .delay = options_.delay + effects.delay,
                        .drip = effects.drip,
                        .ending = effects.ending});
}

void QueueService::fail(const Work& work, const ErrorKind& kind, std::string_view message) {
  writer(work).error(kind, message, headers_);
  loop_.answer(work.ticket,
               {.status = kind.status,
                .content_type = work.call.protocol == Protocol::json ? "application/x-amz-json-1.0" : "text/xml",
                .headers = headers_,
                .body = body_,
                .delay = options_.delay + work.effects.delay});
}

QueueService::Queue* QueueService::queue_of(const Work& work) {
  if (work.call.queue_url.empty()) {
    fail(work, errors::missing, "The request must contain the parameter QueueUrl.");
    return nullptr;
  }
  const auto found = queues_.find(last_segment(work.call.queue_url));
  if (found == queues_.end()) {
    fail(work, errors::no_queue, "The specified queue does not exist.");
    return nullptr;
  }
  found->second->store.tick(now());
  return found->second.get();
}

bool QueueService::good_batch(const Work& work) {
  const std::vector<Entry>& entries = work.call.entries;
  if (entries.empty())
    return fail(work, errors::empty_batch, "There should be at least one entry in the request."), false;
  if (entries.size() > 10)
    return fail(work, errors::many_entries, "Maximum number of entries per request are 10."), false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string_view id = entries[i].id;
    const bool plain = std::ranges::all_of(id, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    });
    if (id.empty() || id.size() > 80 || !plain)
      return fail(work, errors::bad_id,
                  "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
                  "most 80 letters long."),
             false;
    for (std::size_t j = 0; j < i; ++j)
      if (entries[j].id == id)
        return fail(work, errors::same_ids, "Two or more batch entries have the same Id."), false;
  }
  return true;
}

void QueueService::receive_message(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr) return;
  const Call& call = work.call;
  const std::int64_t messages_max = call.messages_max.value_or(1);
  if (messages_max < 1 || messages_max > 10)
    return fail(work, errors::bad_value,
                "Value " + std::to_string(messages_max) +
                    " for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.");
  const std::int64_t wait = call.wait.value_or(queue->number("ReceiveMessageWaitTimeSeconds"));
  if (wait < 0 || wait > 20)
    return fail(work, errors::bad_value,
                "Value " + std::to_string(wait) +
                    " for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.");
  const std::int64_t visibility = call.single.visibility.value_or(queue->number("VisibilityTimeout"));
  if (visibility < 0 || visibility > 43200)
    return fail(work, errors::bad_value,
                "Value " + std::to_string(visibility) +
                    " for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200, if provided.");

  Waiter waiter{work.ticket, call.protocol, static_cast<int>(messages_max), visibility * 1000, {}, work.effects, 0};
  for (const std::string_view name : call.attribute_names) {
    if (name == "All")
      waiter.view.system |= every_attribute;
    else if (name == "SentTimestamp")
      waiter.view.system |= sent_at;
    else if (name == "ApproximateReceiveCount")
      waiter.view.system |= receive_count;
    else if (name == "ApproximateFirstReceiveTimestamp")
      waiter.view.system |= first_receive_at;
    else if (name == "SenderId")
      waiter.view.system |= sender_id;
    else if (name != "SequenceNumber" && name != "MessageDeduplicationId" && name != "MessageGroupId" &&
             name != "AWSTraceHeader" && name != "DeadLetterQueueSourceArn")
      return fail(work, errors::bad_attribute, "Unknown Attribute " + std::string(name) + ".");
  }
  for (const std::string_view name : call.message_attribute_names) waiter.view.names.emplace_back(name);

  if (work.effects.empty) return deliver(*queue, waiter, {});
  if (queue->store.counts().in_flight >= options_.in_flight_max)
    return fail(work, errors::over_limit,
                "Too many messages in flight for queue: " + std::to_string(options_.in_flight_max) + ".");
  const auto slots = take(*queue, waiter.messages_max, waiter.visibility, work.effects);
  if (!slots.empty() || wait == 0) return deliver(*queue, waiter, slots);
  waiter.until = now() + wait * 1000;
  queue->waiters.push_back(std::move(waiter));
  watch();
}

std::vector<std::uint32_t> QueueService::take(Queue& queue, int messages_max, Millis visibility,
                                              const Effects& effects) {
  std::vector<std::uint32_t> slots;
  const Millis at = now();
  const std::int64_t receives_max = queue.number("maxReceiveCount");
  while (slots.size() < static_cast<std::size_t>(messages_max) &&
         queue.store.counts().in_flight < options_.in_flight_max) {
    const auto slot = queue.store.receive(at, visibility);
    if (!slot) break;
    if (receives_max > 0 && queue.store.at(*slot).receives > receives_max) {
      const auto target = queues_.find(queue.attributes.find("deadLetterTarget")->second);
      if (target != queues_.end() && target->second.get() != &queue) {
        queue.store.move_to(target->second->store, *slot, at);
        continue;
      }
    }
    // A visibility of 0 would hand the same message out again and again within one call.
    if (std::ranges::find(slots, *slot) != slots.end()) break;
    slots.push_back(*slot);
  }
  if (effects.duplicate)
    for (const std::uint32_t slot : slots) queue.store.copy(slot);
  return slots;
}

void QueueService::deliver(Queue& queue, const Waiter& to, const std::vector<std::uint32_t>& slots) {
  body_.clear();
  headers_.clear();
  AnswerWriter answer(to.protocol, "ReceiveMessage", body_, to.effects.wrong_md5);
  answer.open();
  if (slots.empty()) ++empty_receives_;
  if (!slots.empty()) {
    answer.begin_list("Messages");
    for (const std::uint32_t slot : slots) {
      handle_.clear();
      append_handle(handle_, queue.store.handle(slot));
      answer.message(queue.store, slot, handle_, to.view);
    }
    answer.end_list();
  }
  answer.close();
  finish(to.ticket, to.protocol, to.effects);
}

void QueueService::serve_waiters(Queue& queue) {
  const Millis at = now();
  if (!queue.waiters.empty()) queue.store.tick(at);
  std::erase_if(queue.waiters, [&](const Waiter& waiter) {
    if (!loop_.alive(waiter.ticket)) return true;  // a client that has gone takes no message with it
    const auto slots = take(queue, waiter.messages_max, waiter.visibility, waiter.effects);
    if (slots.empty() && waiter.until > at) return false;
    deliver(queue, waiter, slots);
    return true;
  });
}

void QueueService::watch() {
  if (watching_) return;
  watching_ = true;
  loop_.after(watch_interval, [this] {
    watching_ = false;
    bool waiting = false;
    for (auto& [name, queue] : queues_) {
      serve_waiters(*queue);
      waiting = waiting || !queue->waiters.empty();
    }
    if (waiting) watch();
  });
}

const ErrorKind* QueueService::refused(const Entry& entry, std::string& message) const {
  constexpr std::size_t bytes_max = 1U << 20U;
  if (entry.body.empty()) {
    message = "The request must contain the parameter MessageBody.";
    return &errors::missing;
  }
  std::size_t bytes = entry.body.size();
  for (const MessageAttribute& attribute : entry.attributes)
    bytes += attribute.name.size() + attribute.type.size() + attribute.value.size();
  if (bytes > bytes_max) {
    message = "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.";
    return &errors::bad_value;
  }
  // XML's characters only: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF
  const bool plain = std::ranges::none_of(
      entry.body, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r'; });
  if (!plain || entry.body.find("\xEF\xBF\xBE") != std::string_view::npos ||
      entry.body.find("\xEF\xBF\xBF") != std::string_view::npos) {
    message =
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to "
        "#xFFFD | #x10000 to #x10FFFF";
    return &errors::bad_contents;
  }
  if (entry.attributes.size() > 10) {
    message = "Number of message attributes [" + std::to_string(entry.attributes.size()) +
              "] exceeds the allowed maximum [10].";
    return &errors::bad_value;
  }
  if (entry.delay.value_or(0) < 0 || entry.delay.value_or(0) > 900) {
    message = "Value for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.";
    return &errors::bad_value;
  }
  return nullptr;
}

void QueueService::send_message(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr) return;
  const Entry& entry = work.call.single;
  std::string problem;
  if (const ErrorKind* kind = refused(entry, problem)) return fail(work, *kind, problem);
  const std::int64_t delay = entry.delay.value_or(queue->number("DelaySeconds"));
  const Message& message = queue->store.send(entry.body, now(), delay * 1000, entry.attributes);
  AnswerWriter answer = writer(work);
  answer.open();
  answer.sent({}, message);
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
  serve_waiters(*queue);
}

void QueueService::send_message_batch(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr || !good_batch(work)) return;
  std::size_t bytes = 0;
  for (const Entry& entry : work.call.entries) bytes += entry.body.size();
  if (bytes > 1U << 20U)
    return fail(work, errors::batch_too_long, "Batch requests cannot be longer than 1048576 bytes.");
  AnswerWriter answer = writer(work);
  std::vector<FailedEntry> failed;
  answer.open();
  answer.begin_list("Successful");
  bool fails = false;
  for (const Entry& entry : work.call.entries) {
    std::string problem;
    fails = work.effects.fail_entries && !fails;
    if (fails) {
      failed.push_back({std::string(entry.id), &errors::internal, "A fault that the test asked for.", false});
    } else if (const ErrorKind* kind = refused(entry, problem)) {
      failed.push_back({std::string(entry.id), kind, problem});
    } else {
      const std::int64_t delay = entry.delay.value_or(queue->number("DelaySeconds"));
      answer.sent(entry.id, queue->store.send(entry.body, now(), delay * 1000, entry.attributes));
    }
  }
  answer.end_list();
  if (!failed.empty()) answer.failed(failed);
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
  serve_waiters(*queue);
}

void QueueService::delete_message(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr) return;
  if (work.call.single.handle.data() == nullptr)
    return fail(work, errors::missing, "The request must contain the parameter ReceiptHandle.");
  const auto handle = read_handle(work.call.single.handle);
  if (!handle) return fail(work, errors::bad_handle, "The input receipt handle is invalid.");
  queue->store.erase(*handle);  // a stale one "succeeds" as well
  AnswerWriter answer = writer(work);
  answer.open();
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
}

void QueueService::delete_message_batch(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr || !good_batch(work)) return;
  AnswerWriter answer = writer(work);
  std::vector<FailedEntry> failed;
  answer.open();
  answer.begin_list("Successful");
  bool fails = false;
  for (const Entry& entry : work.call.entries) {
    fails = work.effects.fail_entries && !fails;
    const auto handle = read_handle(entry.handle);
    if (fails) {
      failed.push_back({std::string(entry.id), &errors::internal, "A fault that the test asked for.", false});
    } else if (!handle) {
      failed.push_back({std::string(entry.id), &errors::bad_handle, "The input receipt handle is invalid."});
    } else {
      queue->store.erase(*handle);
      answer.done(entry.id);
    }
  }
  answer.end_list();
  if (!failed.empty()) answer.failed(failed);
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
}

}  // namespace sluice::servers
