// What AWS's services say went wrong, as far as it is the same for all of them.
#pragma once

#include <string>

namespace sluice::aws {

struct RemoteError {
  std::string code;  // "QueueDoesNotExist", without namespace
  std::string request_id{};
  std::string region{};  // where the thing is, if the service says so
};

bool is_expired(const RemoteError& remote);          // credentials that a refresh may mend
bool is_skewed(const RemoteError& remote);           // the signature's time may be the cause
bool is_out_of_date(const RemoteError& remote);      // credentials that were good once
bool is_unknown_key(const RemoteError& remote);      // credentials that nobody knows
bool is_wrong_signature(const RemoteError& remote);  // a wrong secret, or a clock that is off
bool is_throttled(const RemoteError& remote);

}  // namespace sluice::aws
