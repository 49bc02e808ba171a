// What one transaction of a run adds to its report, and the limits that it must keep.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sluice/core/delivery.hpp"
#include "sluice/runtime/run_shared.hpp"

namespace sluice::runtime {

// "orders.csv line 7: " before a reject's text, where the message is a row of an object; else empty.
std::string place_of(const Message& message);

// It holds a place for its rejects below the limit before the commit, so that two workers together cannot pass it; what
// is not committed is taken back.
class Share {
 public:
  explicit Share(Shared& shared) : shared_(shared) {}
  ~Share();
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  // An error (data) where there would be more rejects than the run may have.
  Result<void> take(const Written& written, const Delivery& delivery, const std::vector<Reject>& rejects);
  // An error (data) where the rows that take the place of a table's are fewer than they may be: what was there stays.
  Result<void> enough(const Delivery& objects) const;
  void committed(std::size_t objects = 0, std::size_t objects_known = 0);

 private:
  Shared& shared_;
  Written written_;
  std::uint64_t messages_ = 0;
  std::map<std::string, std::uint64_t> by_reason_;
  std::string first_reject_;  // where it stood and why; no value
};

}  // namespace sluice::runtime
