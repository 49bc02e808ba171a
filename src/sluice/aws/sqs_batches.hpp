// Deletes and changes of visibility: ten handles a call, many calls in flight, each failed entry tried
// again for a while by itself.
//
// A handle that is given up is no error: its message comes back after its lease. It is counted and logged.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/aws/sqs_api.hpp"
#include "sluice/core/clock.hpp"

namespace sluice::aws {

enum class Purpose { extend, remove, give_back };  // the first goes first
constexpr std::size_t purposes = 3;

// All handles of one delivery, for one purpose.
struct BatchJob {
  Purpose purpose = Purpose::remove;
  std::uint64_t delivery = 0;
  std::shared_ptr<const std::vector<std::string_view>> handles;
  std::shared_ptr<const void> memory;  // what they point into
  std::chrono::seconds visibility{0};
  std::size_t open = 0;    // handles without a final answer; counted by SqsBatches
  std::size_t failed = 0;  // given up
};

// One thread. Everything happens in add(), pump() and the API's work().
class SqsBatches {
 public:
  using Finished = std::function<void(const BatchJob&)>;

  SqsBatches(SqsApi& api, const Clock& clock, std::string connection, std::uint64_t seed, Finished finished);

  void add(BatchJob job);
  void pump();                                                       // starts what may start now
  std::optional<std::chrono::steady_clock::time_point> due() const;  // when pump() has something to try again
  bool idle() const { return jobs_ == 0; }
  bool removing() const { return removes_ != 0; }
  // Deleting is not allowed, or the queue is gone: nothing can go on.
  const std::optional<Error>& fatal() const { return fatal_; }
  double remove_seconds() const;  // wall time with at least one delete under way

 private:
  struct Batch {
    std::shared_ptr<BatchJob> job;
    std::array<std::string_view, sqs_batch_max> handles;
    std::size_t size = 0;
    unsigned attempt = 0;
    std::chrono::steady_clock::time_point due{};
  };
  void start(Batch batch);
  void answered(Batch& batch, const SqsResult<std::vector<BatchFailure>>& answer);
  void try_again(Batch batch, bool throttled);
  void give_up(Batch& batch, std::size_t handles, std::string_view why);
  void settle(Batch& batch, std::size_t handles);

  SqsApi& api_;
  const Clock& clock_;
  std::string connection_;
  std::minstd_rand random_;
  Finished finished_;
  std::array<std::deque<Batch>, purposes> waiting_;
  std::vector<Batch> later_;  // with back-off
  std::size_t in_flight_ = 0;
  std::size_t removes_ = 0;  // of them
  std::size_t jobs_ = 0;
  std::chrono::steady_clock::time_point removing_since_{};
  double remove_seconds_ = 0;
  std::optional<Error> fatal_;
  bool warned_of_rights_ = false;
};

}  // namespace sluice::aws
