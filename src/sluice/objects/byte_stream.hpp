// An object's bytes in their order, unpacked on the way.
#pragma once

#include <memory>

#include "sluice/core/object_store.hpp"
#include "sluice/objects/format.hpp"

namespace sluice::objects {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Puts at most `most` bytes at `to`; gives how many: 0 only at the end.
  virtual Result<std::size_t> read(char* to, std::size_t most) = 0;
};

// Errors (conflict) of the stream: packed data that is cut off or is none, an object that was overwritten. They do
// not name the object.
Result<std::unique_ptr<ByteStream>> open_stream(std::unique_ptr<ObjectReader> reader, Compression compression);

}  // namespace sluice::objects
