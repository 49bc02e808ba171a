// Rejects as a source: each is a message again, and settling means nothing, since the sink removes the reject
// in the transaction that writes its row.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "sluice/core/source.hpp"
#include "sluice/runtime/envelope.hpp"

namespace sluice::assembly {

struct StoredReject {
  Key id;
  runtime::Envelope envelope;
};

class RejectSource final : public Source {
 public:
  explicit RejectSource(std::vector<StoredReject> rejects);

  Result<Next> next(const Wanted& wanted) override;
  Result<void> settle(Receipt receipt) override;
  Result<void> release(Receipt receipt) override;
  Result<void> flush() override { return {}; }
  void wake() override {}
  std::map<std::string, std::uint64_t> calls() const override { return {}; }
  std::map<std::string, double> seconds() const override { return {}; }

 private:
  std::vector<StoredReject> rejects_;
  std::deque<std::size_t> waiting_;
  std::map<std::uint64_t, std::vector<std::size_t>> open_;
  std::uint64_t receipts_ = 0;
};

}  // namespace sluice::assembly
