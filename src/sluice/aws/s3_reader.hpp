// A large object by several ranges at once, handed out in their order; a small one by one GET.
//
// Each range is of one version. The checksum that S3 keeps of the whole object is compared at the end, where it keeps
// one and the object was read from its beginning.
#pragma once

#include <memory>

#include "sluice/aws/s3_calls.hpp"
#include "sluice/core/object_store.hpp"

namespace sluice::aws {

std::unique_ptr<ObjectReader> open_s3_reader(std::shared_ptr<S3Calls> calls, const ObjectFacts& object,
                                             std::uint64_t offset);

}  // namespace sluice::aws
