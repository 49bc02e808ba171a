// The actions of QueueService on queues themselves, and on the visibility of messages.
#include <algorithm>
#include <charconv>

#include "queue_service.hpp"

namespace sluice::servers {
namespace {

struct Setting {
  std::string_view name;
  std::int64_t least;
  std::int64_t most;
  std::int64_t otherwise;
};
constexpr std::array settings{
    Setting{"VisibilityTimeout", 0, 43200, 30},
    Setting{"DelaySeconds", 0, 900, 0},
    Setting{"ReceiveMessageWaitTimeSeconds", 0, 20, 0},
    Setting{"MessageRetentionPeriod", 60, 1209600, 345600},
    Setting{"MaximumMessageSize", 1024, 1048576, 1048576},
};

constexpr std::string_view arn_prefix = "arn:aws:sqs:us-east-1:000000000000:";

// What stands behind "name": in a small JSON object whose values hold no quotes.
std::string json_value(std::string_view json, std::string_view name) {
  std::string quoted = "\"";
  quoted.append(name).append("\"");
  std::size_t at = json.find(quoted);
  if (at == std::string_view::npos) return {};
  at = json.find_first_not_of(" :\"", at + quoted.size());
  if (at == std::string_view::npos) return {};
  return std::string(json.substr(at, json.find_first_of("\",}", at) - at));
}

}  // namespace

std::int64_t QueueService::Queue::number(std::string_view attribute) const {
  const auto found = attributes.find(attribute);
  if (found == attributes.end()) return 0;
  std::int64_t number = 0;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

QueueService::Queue& QueueService::queue_named(std::string_view name) {
  auto& queue = queues_[std::string(name)];
  if (!queue) {
    queue = std::make_unique<Queue>(++queue_seed_ * 0x9e3779b97f4a7c15U);
    queue->name = name;
    queue->created = queue->modified = now();
    for (const Setting& setting : settings)
      queue->attributes[std::string(setting.name)] = std::to_string(setting.otherwise);
    queue->attributes["VisibilityTimeout"] = std::to_string(options_.visibility);
  }
  return *queue;
}

bool QueueService::set_attributes(const Work& work, Queue& queue) {
  auto changed = queue.attributes;
  for (const auto& [name, value] : work.call.queue_attributes) {
    if (name == "RedrivePolicy") {
      changed["RedrivePolicy"] = value;
      changed["maxReceiveCount"] = json_value(value, "maxReceiveCount");
      const std::string target = json_value(value, "deadLetterTargetArn");
      changed["deadLetterTarget"] = target.substr(target.rfind(':') + 1);
      continue;
    }
    const auto* const setting = std::ranges::find(settings, name, &Setting::name);
    if (setting == settings.end()) {
      fail(work, errors::bad_attribute, "Unknown Attribute " + std::string(name) + ".");
      return false;
    }
    std::int64_t number = 0;
    const char* const end = value.data() + value.size();
    const bool read = std::from_chars(value.data(), end, number).ptr == end && !value.empty();
    if (!read || number < setting->least || number > setting->most) {
      fail(work, errors::bad_value, "Invalid value for the parameter " + std::string(name) + ".");
      return false;
    }
    changed[std::string(name)] = value;
  }
  queue.attributes = std::move(changed);
  queue.modified = now();
  return true;
}

std::string QueueService::queue_url(const Work& work, std::string_view name) const {
  std::string host(work.request.header("host"));
  if (host.empty()) host = "127.0.0.1";
  if (work.effects.foreign_url) host = "queue.elsewhere.invalid:4566";
  return "http://" + host + "/000000000000/" + std::string(name);
}

void QueueService::create_queue(Work& work) {
  const std::string_view name = work.call.queue_name;
  if (name.empty()) return fail(work, errors::missing, "The request must contain the parameter QueueName.");
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
  if (!plain || name.size() > 80)
    return fail(work, errors::bad_value,
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  const bool there = queues_.contains(name);
  Queue& queue = queue_named(name);
  if (there) {
    for (const auto& [key, value] : work.call.queue_attributes) {
      const auto found = queue.attributes.find(key);
      if (found == queue.attributes.end() || found->second != value)
        return fail(
            work, errors::queue_exists,
            "A queue already exists with the same name and a different value for attribute " + std::string(key));
    }
  } else if (!set_attributes(work, queue)) {
    queues_.erase(queues_.find(name));
    return;
  }
  AnswerWriter answer = writer(work);
  answer.open();
  answer.field("QueueUrl", queue_url(work, name));
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
}

void QueueService::delete_queue(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr) return;
  for (const Waiter& waiter : queue->waiters) deliver(*queue, waiter, {});
  queues_.erase(queues_.find(queue->name));
  body_.clear();
  AnswerWriter answer = writer(work);
  answer.open();
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
}

void QueueService::list_queues(Work& work) {
  std::vector<std::string> urls;
  for (const auto& [name, queue] : queues_)
    if (name.starts_with(work.call.name_prefix)) urls.push_back(queue_url(work, name));
  AnswerWriter answer = writer(work);
  answer.open();
  answer.queue_urls(urls);
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
}

void QueueService::get_queue_url(Work& work) {
  const std::string_view name = work.call.queue_name;
  if (name.empty()) return fail(work, errors::missing, "The request must contain the parameter QueueName.");
  if (!queues_.contains(name)) return fail(work, errors::no_queue, "The specified queue does not exist.");
  AnswerWriter answer = writer(work);
  answer.open();
  answer.field("QueueUrl", queue_url(work, name));
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
}

void QueueService::get_queue_attributes(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr) return;
  auto all = queue->attributes;
  all.erase("maxReceiveCount");
  all.erase("deadLetterTarget");
  const QueueStore::Counts& counts = queue->store.counts();
  all["QueueArn"] = std::string(arn_prefix) + queue->name;
  all["ApproximateNumberOfMessages"] = std::to_string(counts.visible);
  all["ApproximateNumberOfMessagesNotVisible"] = std::to_string(counts.in_flight);
  all["ApproximateNumberOfMessagesDelayed"] = std::to_string(counts.delayed);
  all["CreatedTimestamp"] = std::to_string(queue->created / 1000);
  all["LastModifiedTimestamp"] = std::to_string(queue->modified / 1000);
  all["SqsManagedSseEnabled"] = "true";

  std::vector<std::pair<std::string, std::string>> shown;
  for (const std::string_view name : work.call.attribute_names) {
    if (name == "All") {
      shown.assign(all.begin(), all.end());
      break;
    }
    if (const auto found = all.find(name); found != all.end())
      shown.emplace_back(*found);
    else if (name != "RedrivePolicy" && name != "Policy" && name != "KmsMasterKeyId" && name != "FifoQueue" &&
             name != "KmsDataKeyReusePeriodSeconds" && name != "ContentBasedDeduplication" &&
             name != "RedriveAllowPolicy" && name != "DeduplicationScope" && name != "FifoThroughputLimit")
      return fail(work, errors::bad_attribute, "Unknown Attribute " + std::string(name) + ".");
  }
  AnswerWriter answer = writer(work);
  answer.open();
  answer.queue_attributes(shown);
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
}

void QueueService::set_queue_attributes(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr) return;
  if (work.call.queue_attributes.empty())
    return fail(work, errors::missing, "The request must contain the parameter Attribute.Name.");
  if (!set_attributes(work, *queue)) return;
  AnswerWriter answer = writer(work);
  answer.open();
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
}

void QueueService::purge_queue(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr) return;
  if (queue->purged && now() - *queue->purged < 60'000)
    return fail(work, errors::purging,
                "Only one PurgeQueue operation on " + queue->name + " is allowed every 60 seconds.");
  queue->purged = now();
  queue->store.purge();
  AnswerWriter answer = writer(work);
  answer.open();
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
}

namespace {

// What SQS answers when a handle no longer stands for a message in flight.
const ErrorKind* change_error(QueueStore::Change change, std::string& message) {
  switch (change) {
    case QueueStore::Change::done: return nullptr;
    case QueueStore::Change::not_in_flight: message = "Message is not in flight."; return &errors::not_in_flight;
    case QueueStore::Change::stale: break;
  }
  message =
      "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for "
      "visibility timeout change.";
  return &errors::bad_value;
}

const ErrorKind* bad_change(const Entry& entry, std::string& message) {
  if (entry.handle.data() == nullptr || !entry.visibility) {
    message = "The request must contain the parameters ReceiptHandle and VisibilityTimeout.";
    return &errors::missing;
  }
  if (*entry.visibility < 0 || *entry.visibility > 43200) {
    message = "Value for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.";
    return &errors::bad_value;
  }
  if (!read_handle(entry.handle)) {
    message = "The input receipt handle is invalid.";
    return &errors::bad_handle;
  }
  return nullptr;
}

}  // namespace

void QueueService::change_visibility(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr) return;
  const Entry& entry = work.call.single;
  std::string problem;
  const ErrorKind* kind = bad_change(entry, problem);
  if (kind == nullptr)
    kind = change_error(queue->store.change_visibility(*read_handle(entry.handle), now(), *entry.visibility * 1000),
                        problem);
  if (kind != nullptr) return fail(work, *kind, problem);
  AnswerWriter answer = writer(work);
  answer.open();
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
  serve_waiters(*queue);
}

void QueueService::change_visibility_batch(Work& work) {
  Queue* queue = queue_of(work);
  if (queue == nullptr || !good_batch(work)) return;
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
      continue;
    }
    const ErrorKind* kind = bad_change(entry, problem);
    if (kind == nullptr)
      kind = change_error(queue->store.change_visibility(*read_handle(entry.handle), now(), *entry.visibility * 1000),
                          problem);
    if (kind != nullptr)
      failed.push_back({std::string(entry.id), kind, problem});
    else
      answer.done(entry.id);
  }
  answer.end_list();
  if (!failed.empty()) answer.failed(failed);
  answer.close();
  finish(work.ticket, work.call.protocol, work.effects);
  serve_waiters(*queue);
}

}  // namespace sluice::servers
