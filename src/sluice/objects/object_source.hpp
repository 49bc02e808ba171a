// Hands objects to the runtime, a delivery at a time. What one delivery holds is written in one transaction.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "sluice/core/object_store.hpp"
#include "sluice/core/source.hpp"
#include "sluice/objects/object_rows.hpp"

namespace sluice::objects {

// An object that is larger stands alone in its delivery.
inline constexpr std::uint64_t group_bytes_max = std::uint64_t{4} << 20U;

// `together`: all of them in one delivery, since they give way to the next version as a whole. Else each alone, small
// ones several at a time.
std::vector<std::vector<ObjectFacts>> group(std::vector<ObjectFacts> objects, bool together);

class ObjectSource final : public Source {
 public:
  // `store` outlives the source.
  ObjectSource(ObjectStore& store, std::vector<std::vector<ObjectFacts>> groups, RowsOptions options);

  Result<Next> next(const Wanted& wanted) override;
  // The ledger knows what was loaded: nothing is to be done at the far end.
  Result<void> settle(Receipt receipt) override;
  Result<void> release(Receipt receipt) override;
  Result<void> flush() override { return {}; }
  void wake() override;
  std::map<std::string, std::uint64_t> calls() const override { return store_.calls(); }
  std::map<std::string, double> seconds() const override { return {}; }

 private:
  ObjectStore& store_;
  std::deque<std::vector<ObjectFacts>> groups_;
  RowsOptions options_;
  std::uint64_t deliveries_ = 0;
  std::size_t open_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable woken_;
  bool awake_ = false;
};

}  // namespace sluice::objects
