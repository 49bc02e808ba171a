#include "sluice/aws/sqs_queue.hpp"

#include <algorithm>
#include <random>

#include "sluice/aws/backoff.hpp"
#include "sluice/aws/sqs_client.hpp"
#include "sluice/aws/sqs_options.hpp"
#include "sluice/aws/sqs_source.hpp"
#include "sluice/core/log.hpp"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr unsigned tries_min = 4;               // of a call that fails, even with no time to wait
constexpr seconds look_again{1};                // for a queue that is not there yet
constexpr std::size_t send_bytes_max = 250000;  // a batch; old servers take 256 KiB, AWS 1 MiB

class SqsQueue final : public Queue {
 public:
  SqsQueue(SqsOptions options, const Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        client_(options_, clock),
        random_(static_cast<std::minstd_rand::result_type>(std::random_device{}())) {}

  Result<QueueFacts> facts(seconds wait) override {
    SLUICE_TRY(const SqsAttributes attributes, look(wait));
    QueueFacts facts = attributes.facts;
    if (!attributes.dead_letter_arn.empty()) {
      if (!dead_letter_retention_) {
        // Only to keep keys long enough; the right to it is a favour.
        dead_letter_retention_ = client_.retention_of(attributes.dead_letter_arn).value_or(std::chrono::hours(24 * 14));
      }
      facts.retention += *dead_letter_retention_;
    }
    if (options_.visibility) facts.visibility = *options_.visibility;
    return facts;
  }

  Result<std::unique_ptr<Source>> open_source() override {
    if (!looked_) {
      SLUICE_CHECK(look(seconds(0)));
    }
    SqsSourceOptions source;
    source.connection = options_.connection;
    source.place = options_.place();
    source.visibility = options_.visibility;
    source.lease = std::max(options_.visibility.value_or(looked_->facts.visibility), seconds(1));
    source.wait = options_.wait;
    source.retry_for = options_.retry_for;
    source.receives_max = options_.receives_max;
    source.fifo = looked_->facts.fifo;
    source.seed = std::random_device{}();
    return std::make_unique<SqsSource>(std::move(source),
                                       std::make_unique<SqsClient>(options_, clock_, client_.known()), clock_);
  }

  Result<void> send(const std::vector<std::string>& bodies) override {
    if (!looked_) {
      SLUICE_CHECK(look(seconds(0)));
    }
    std::vector<OutgoingMessage> batch;
    std::vector<std::string> ids;
    std::size_t bytes = 0;
    for (std::size_t at = 0; at < bodies.size(); ++at) {
      if (batch.size() == sqs_batch_max || (bytes + bodies[at].size() > send_bytes_max && !batch.empty())) {
        SLUICE_CHECK(send_batch(batch));
        batch.clear();
        ids.clear();
        bytes = 0;
      }
      OutgoingMessage& message = batch.emplace_back(OutgoingMessage{.body = bodies[at]});
      bytes += bodies[at].size();
      if (looked_->facts.fifo) {
        ids.reserve(sqs_batch_max);
        message.group_id = "sluice";
        message.deduplication_id = ids.emplace_back(std::to_string(clock_.now_micros()) + "-" + std::to_string(at) +
                                                    "-" + std::to_string(random_()));
      }
    }
    return batch.empty() ? Result<void>{} : send_batch(batch);
  }

  std::vector<Finding> probe() override {
    using Level = Finding::Level;
    const std::string place = options_.place();
    std::vector<Finding> findings;
    const auto looked = look(seconds(0));
    if (!looked) {
      findings.push_back({Level::bad, looked.error().message, looked.error().hint});
      return findings;
    }
    const QueueFacts& facts = looked->facts;
    const QueueDepth& depth = facts.depth;
    findings.push_back({Level::good, place + ": reachable at " + options_.endpoint + ", region " + options_.region +
                                         ", protocol " +
                                         (client_.known().protocol == ProtocolChoice::query ? "query" : "json")});
    findings.push_back({Level::good, place + ": credentials from " + client_.credentials_from()});
    findings.push_back({Level::good, place + ": " + std::to_string(depth.visible) + " visible, " +
                                         std::to_string(depth.in_flight) + " in flight, " +
                                         std::to_string(depth.delayed) + " delayed"});
    findings.push_back({Level::good, place + ": sqs:GetQueueUrl and sqs:GetQueueAttributes are allowed; " +
                                         "sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility " +
                                         "cannot be tried without taking messages"});
    const seconds lease = options_.visibility.value_or(facts.visibility);
    findings.push_back({lease < seconds(10) ? Level::warning : Level::good,
                        place + ": a received message is hidden for " + std::to_string(lease.count()) + " s",
                        lease < seconds(10) ? "set visibility: 30s on the connection" : ""});
    findings.push_back(
        {Level::good, place + ": messages are kept for " + std::to_string(facts.retention.count()) + " h"});
    if (facts.receives_max && *facts.receives_max < 3) {
      findings.push_back({Level::warning,
                          place + ": maxReceiveCount is " + std::to_string(*facts.receives_max) +
                              ", so a message that is given back soon ends in the dead-letter queue",
                          "set it to 3 or more in the queue's redrive policy"});
    }
    if (facts.receives_max && client_.known().key == KeyRule::From::message_id) {
      findings.push_back({Level::warning,
                          place + ": a redrive from the dead-letter queue gives messages a new MessageId, so one "
                                  "that was written before counts as new",
                          "set key: attribute:NAME if the producer sends an id of its own"});
    }
    return findings;
  }

 private:
  // The queue's attributes; waits for a queue that is not there, and tries transient errors again.
  Result<SqsAttributes> look(seconds wait) {
    const auto until = clock_.steady() + wait;
    bool told = false;
    for (unsigned tries = 1;; ++tries) {
      SqsResult<SqsAttributes> attributes = tl::unexpected(SqsError{});
      if (auto found = looked_ ? SqsResult<void>{} : client_.find_queue()) {
        attributes = client_.attributes();
      } else {
        attributes = tl::unexpected(std::move(found).error());
      }
      if (attributes) {
        looked_ = *attributes;
        return std::move(*attributes);
      }
      SqsError& error = attributes.error();
      const bool missing = error.trouble == SqsTrouble::no_queue;
      const bool time_left = clock_.steady() < until;
      const bool again = missing ? time_left : error.retryable() && (time_left || tries < tries_min);
      if (!again) return fail(std::move(error.error).within(options_.place()));
      if (!told && time_left) {
        told = true;
        log::info(missing ? "waiting_for_queue" : "waiting_for_sqs",
                  {{"connection", options_.connection},
                   {"queue", options_.name},
                   {"endpoint", options_.endpoint},
                   {"for", std::to_string(wait.count()) + "s"},
                   {"why", missing ? "there is no such queue yet" : error.error.message}});
      }
      clock_.sleep(missing ? milliseconds(look_again)
                           : std::min(backoff(random_, tries, error.trouble == SqsTrouble::throttled),
                                      milliseconds(time_left ? 5000 : 300)));
    }
  }

  Result<void> send_batch(std::vector<OutgoingMessage> batch) {
    for (unsigned tries = 1;; ++tries) {
      auto sent = client_.send(batch);
      bool again = !sent && sent.error().retryable();
      if (sent) {
        if (sent->empty()) return {};
        std::vector<OutgoingMessage> rest;
        again = true;
        for (const BatchFailure& failure : *sent) {
          again = again && !failure.sender_fault;
          rest.push_back(batch[failure.entry]);
        }
        batch = std::move(rest);
      }
      if (!again || tries >= tries_min) {
        if (!sent) return fail(std::move(sent.error().error).within(options_.place()));
        return fail(Fault::failed, options_.place() + ": SendMessageBatch refused " + std::to_string(batch.size()) +
                                       " messages: " + sent->front().code);
      }
      clock_.sleep(backoff(random_, tries, false));
    }
  }

  SqsOptions options_;
  const Clock& clock_;
  SqsClient client_;
  std::minstd_rand random_;
  std::optional<SqsAttributes> looked_;  // the queue was there, and was so
  std::optional<std::chrono::hours> dead_letter_retention_;
};

}  // namespace

Result<std::unique_ptr<Queue>> open_sqs(const Settings& settings, const Clock& clock) {
  SLUICE_TRY(SqsOptions options, read_sqs_options(settings));
  return std::make_unique<SqsQueue>(std::move(options), clock);
}

}  // namespace sluice::aws
