// The door rows go out by: one transaction after the other at the far end.
//
//   begin(delivery) -> write(batches) -> commit(rejects), or rollback() at any point
//
// A delivery in parts has write() and keep() once a part, then commit() with what is left. Of one large object,
// commit_chunk() may come in between; begin() of the same delivery then opens the next transaction.
//
// A sink is used by one thread at a time. A sink destroyed before commit() leaves the
// destination as it found it. After a transient error: rollback(), then begin() again with the
// same delivery; begin() reconnects. The outcome of a commit whose reply was lost is found by that
// begin(): the messages are then known.
#pragma once

#include <span>
#include <vector>

#include "sluice/core/batch.hpp"
#include "sluice/core/delivery.hpp"
#include "sluice/core/result.hpp"

namespace sluice {

struct SinkSeconds {
  double encode = 0;    // our own work on values
  double database = 0;  // waiting for the server
};

class Sink {
 public:
  virtual ~Sink() = default;

  // Opens a transaction, writes the proof of every message (or object) into the ledger, and says which
  // of them were there before. Those must have no effect.
  virtual Result<Known> begin(const Delivery& delivery) = 0;

  // Writes the rows of all messages that are neither known nor refused. What comes back are
  // the refused messages: by a check of ours (type, length, NULL) or by the server. A message
  // with one refused row has none of its rows written. Called at most once a part.
  virtual Result<std::vector<Reject>> write(std::span<const Batch> batches, const Known& known) = 0;

  // Writes rejects of a part: they become visible with the commit.
  virtual Result<void> keep(std::span<const SealedReject> rejects) = 0;

  // Rows, proof and rejects become visible here, all or none.
  virtual Result<void> commit(std::span<const SealedReject> rejects) = 0;

  // After begin() of one object that is not known: how much of it earlier transactions have committed.
  virtual Progress there() const { return {}; }
  // Commits what was written and kept since begin(), with a note that so much of the object is there.
  virtual Result<void> commit_chunk(const Progress&) {
    return fail(Fault::failed, "this sink takes a delivery as a whole");
  }

  // What earlier transactions have committed of this object may be damaged: whoever goes on with it is told, and
  // nothing more is added to it. Called outside a transaction.
  virtual Result<void> doubt(const ObjectProof&) { return {}; }

  virtual void rollback() = 0;

  // Since it was opened.
  virtual SinkSeconds seconds() const = 0;
};

}  // namespace sluice
