// The calls that we make to one SQS queue; an interface, so that a test can answer them from memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/aws/sqs_protocol.hpp"
#include "sluice/core/queue.hpp"
#include "sluice/core/result.hpp"

namespace sluice::aws {

enum class SqsTrouble {
  transient,   // network, 5xx, an answer that cannot be read: back off
  throttled,   // back off longer
  over_limit,  // too many messages in flight: delete some first
  no_queue,
  denied,   // credentials or rights
  refused,  // the call itself: a retry does not help
};

struct SqsError {
  SqsTrouble trouble = SqsTrouble::transient;
  Error error;
  bool retryable() const { return trouble <= SqsTrouble::over_limit; }
};

template <class T>
using SqsResult = tl::expected<T, SqsError>;

struct SqsAttributes {
  QueueFacts facts;  // retention is that of this queue alone
  bool content_deduplication = false;
  std::string dead_letter_arn{};
};

// Everything on one thread, except wake(). Done functions run inside work() and may start further calls.
class SqsApi {
 public:
  using ReceiveDone = std::function<void(SqsResult<void>, Received&)>;  // may take from Received
  using BatchDone = std::function<void(SqsResult<std::vector<BatchFailure>>)>;
  using AttributesDone = std::function<void(SqsResult<SqsAttributes>)>;

  virtual ~SqsApi() = default;
  virtual void receive(const ReceiveCall& call, ReceiveDone done) = 0;
  // At most sqs_batch_max handles.
  virtual void batch(BatchKind kind, std::span<const std::string_view> handles, std::chrono::seconds visibility,
                     BatchDone done) = 0;
  virtual void attributes(AttributesDone done) = 0;
  // Until at least one call has ended, `wait` has passed, or wake().
  virtual void work(std::chrono::milliseconds wait) = 0;
  virtual void wake() = 0;
  virtual std::map<std::string, std::uint64_t> calls() const = 0;
};

}  // namespace sluice::aws
