// An S3 bucket in the role of an object store. docs/connectors/s3.md has its options and what it promises.
#pragma once

#include <memory>

#include "sluice/aws/s3_options.hpp"
#include "sluice/core/clock.hpp"
#include "sluice/core/object_store.hpp"

namespace sluice::aws {

// Nothing is sent before the first call. `clock` outlives the store; readers and writers may outlive it.
Result<std::unique_ptr<ObjectStore>> open_s3(const Settings& settings, const Clock& clock);
std::unique_ptr<ObjectStore> make_s3_store(S3Options options, const Clock& clock);

}  // namespace sluice::aws
