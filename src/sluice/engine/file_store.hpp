// An object store that SQL may read from, by the name of its connection.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sluice/core/object_store.hpp"

namespace sluice::engine {

struct FileStore {
  std::string connection;
  bool on_s3 = false;  // it can be named by its bucket, too
  // Called once, at the first use.
  std::function<Result<std::unique_ptr<ObjectStore>>()> open;
  std::shared_ptr<ObjectStore> store{};
};

}  // namespace sluice::engine
