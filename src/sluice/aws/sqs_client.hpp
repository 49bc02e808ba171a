// SQS over HTTP: signs calls, sends them to the configured endpoint and says what went wrong.
//
// Which protocol the server speaks is found out with the first call that is waited for. The host of a
// queue URL that a server returns is never called: requests go to the endpoint, whatever it says.
#pragma once

#include <memory>

#include "sluice/aws/sqs_api.hpp"
#include "sluice/aws/sqs_options.hpp"
#include "sluice/core/clock.hpp"

namespace sluice::aws {

// What one client found out about its queue, so that the next one need not.
struct SqsKnown {
  std::string url;  // as the server gave it
  ProtocolChoice protocol = ProtocolChoice::automatic;
  KeyRule::From key = KeyRule::From::automatic;
  bool fifo = false;
};

class SqsClient final : public SqsApi {
 public:
  SqsClient(SqsOptions options, const Clock& clock, SqsKnown known = {});  // `clock` outlives this
  ~SqsClient() override;

  // These wait for their answer, once: a transient error comes back as it is.
  SqsResult<void> find_queue();           // the queue's URL and the protocol
  SqsResult<SqsAttributes> attributes();  // also decides what keys are made of
  SqsResult<std::vector<BatchFailure>> send(std::span<const OutgoingMessage> messages);
  // The retention of another queue of this account, by its ARN.
  SqsResult<std::chrono::hours> retention_of(const std::string& arn);

  const SqsKnown& known() const;
  std::string credentials_from() const;  // where they were found, for doctor

  void receive(const ReceiveCall& call, ReceiveDone done) override;
  void batch(BatchKind kind, std::span<const std::string_view> handles, std::chrono::seconds visibility,
             BatchDone done) override;
  void attributes(AttributesDone done) override;
  void work(std::chrono::milliseconds wait) override;
  void wake() override;
  std::map<std::string, std::uint64_t> calls() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// What the queue's attributes say. Missing ones keep their defaults.
SqsAttributes read_sqs_attributes(const std::map<std::string, std::string>& attributes);

}  // namespace sluice::aws
