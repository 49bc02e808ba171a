// One object on its way to S3: a single PUT while it is small, else a multipart upload in bounded memory.
//
// Parts are of S3Options::part_bytes; from the 1,001st on twice that, and so on, so that 10,000 of them (S3's limit)
// hold its largest object. At most parts_ahead of them are on their way, and fewer when they are large: memory is
// about 32 MiB for objects up to 24 GB, and a thousandth of the object beyond.
#pragma once

#include <memory>

#include "sluice/aws/s3_calls.hpp"
#include "sluice/core/object_store.hpp"

namespace sluice::aws {

std::unique_ptr<ObjectWriter> open_s3_writer(std::shared_ptr<S3Calls> calls, std::string key, PutOptions options);

// How large the part of that number is, counted from 1.
std::size_t part_size(std::size_t first, std::size_t number);

}  // namespace sluice::aws
