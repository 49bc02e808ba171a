// The door between source and sink: messages in, rows out.
#pragma once

#include <cstdint>
#include <vector>

#include "sluice/core/batch.hpp"
#include "sluice/core/delivery.hpp"
#include "sluice/core/result.hpp"

namespace sluice {

struct Transformed {
  std::vector<Batch> batches;
  std::vector<Reject> rejects;  // by message, each at most once; a rejected message has no row in `batches`
};

struct TransformSeconds {
  double decode = 0;  // bytes to values, and the record's contract
  double select = 0;  // select and masks
};

// Used by one thread at a time; the runtime opens one a worker.
class Transform {
 public:
  virtual ~Transform() = default;

  // A message without row and without reject was filtered. The batches may view the delivery's
  // memory, and are valid until the next call.
  virtual Result<Transformed> apply(const Delivery& delivery) = 0;
  virtual TransformSeconds seconds() const = 0;
};

}  // namespace sluice
