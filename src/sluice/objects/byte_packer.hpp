// Bytes on their way into an object, packed. The same bytes in give the same bytes out.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sluice/core/result.hpp"
#include "sluice/objects/format.hpp"

namespace sluice::objects {

class BytePacker {
 public:
  virtual ~BytePacker() = default;
  // Appends what is ready to `out`.
  virtual Result<void> add(std::string_view bytes, std::string& out) = 0;
  virtual Result<void> finish(std::string& out) = 0;
};

// `compression` is not by_name. Null for none.
Result<std::unique_ptr<BytePacker>> open_packer(Compression compression);

}  // namespace sluice::objects
