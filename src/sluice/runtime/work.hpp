// A worker: one delivery after the other, from its messages or objects to the commit of its rows.
#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "sluice/core/delivery.hpp"
#include "sluice/runtime/run_shared.hpp"

namespace sluice::runtime {

// The time during which a worker cannot commit; nothing is received meanwhile.
struct Outage;

class Work {
 public:
  Work(Worker& worker, Shared& shared) : worker_(worker), shared_(shared) {}

  // On a thread of its own, until `stop` is requested or a delivery fails.
  void loop(std::stop_token stop);

 private:
  std::optional<Delivery> wait(const std::stop_token& stop);
  // True: committed. False: to be given back, since the run was told to stop while the database was away.
  Result<bool> carry(Delivery& delivery);
  // The spine.
  Result<void> move(const Delivery& delivery);
  // The same for rows that come part by part: all of them in one transaction, or a large object chunk by chunk.
  Result<void> move_parts(const Delivery& delivery);
  // Whether rows that were committed chunk by chunk may be others than the object's.
  bool is_doubtful(const Error& error) const;
  // Notes that, once the database takes it.
  Result<void> doubt(const ObjectProof& object);
  // Between two chunks another run may have taken the object over: it is then read on from where that one is.
  Result<void> begin_chunk(const Delivery& delivery, const Progress& upto);
  std::vector<SealedReject> sealed(const Delivery& delivery, const std::vector<Reject>& rejects) const;
  // Pauses, longer each time, until an empty transaction goes through or a stop is asked for. That one goes through
  // says little about the next (a full disk), so one deadline holds for the whole outage.
  Result<void> wait_for_database(Outage& outage, Error error);
  // Sleeps, but no longer than until a stop or a failure of another worker.
  void rest(std::chrono::milliseconds time);

  Worker& worker_;
  Shared& shared_;
  bool source_failed_ = false;  // the last attempt of a delivery in parts
  std::size_t chunks_ = 0;      // that it has committed
};

}  // namespace sluice::runtime
