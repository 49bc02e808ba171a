// AWS's error codes, as SqsError with one clear sentence.
#pragma once

#include "sluice/aws/sqs_api.hpp"

namespace sluice::aws {

struct FailedCall {
  std::string_view action;  // "ReceiveMessage"
  std::string_view queue;   // its name
  std::string_view region;
  std::string_view endpoint;
  int status = 0;
};

// `remote` is empty where the answer is no error of SQS (a proxy's page, an empty body).
SqsError describe_sqs_error(const FailedCall& call, const std::optional<RemoteError>& remote);

}  // namespace sluice::aws
