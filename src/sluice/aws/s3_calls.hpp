// Calls to one bucket, from any thread: signed, sent where the bucket is, and tried again where that can help.
//
// One thread of its own works the connections, so that ranges are fetched and parts are sent while those who wait for
// them do other work. Calls at once are as many as S3 bears: half as many after a SlowDown, one more after each
// success that follows.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sluice/aws/s3_errors.hpp"
#include "sluice/aws/s3_options.hpp"
#include "sluice/aws/signed_calls.hpp"

namespace sluice::aws {

struct S3Call {
  std::string_view action;  // "GetObject"; text that stays
  std::string method = "GET";
  std::string key{};    // empty: the bucket itself
  std::string query{};  // encoded, without '?'
  Headers headers{};
  std::string body{};
  std::size_t answer_bytes = 0;  // how much is expected
  bool fails_inside = false;     // a 200 may hold an error
  bool once = false;             // a second time it would fail: each try must be known as one; see Request::once
  bool patient = true;           // else it is tried twice at most
};

class S3Pending;  // a call on its way
using S3Ticket = std::shared_ptr<S3Pending>;

class S3Calls {
 public:
  S3Calls(S3Options options, const Clock& clock);  // `clock` outlives this
  ~S3Calls();                                      // nobody waits any more

  S3Ticket start(S3Call call);
  // A 2xx answer, or what went wrong.
  S3Result<Response> wait(const S3Ticket& ticket);
  S3Result<Response> call(S3Call call) { return wait(start(std::move(call))); }
  // The body that it sent, once wait() has given the answer; it may be taken for another call.
  static std::string& body_of(const S3Ticket& ticket);
  // Nobody wants its answer any more: it is not tried again.
  void drop(const S3Ticket& ticket);

  const S3Options& options() const;  // as given; the region may have been found to be another: region()
  std::string region();
  std::string credentials_from();
  Result<std::string> presign(const std::string& key, std::chrono::seconds expires);
  std::map<std::string, std::uint64_t> calls() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::aws
