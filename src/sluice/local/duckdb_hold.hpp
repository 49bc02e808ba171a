// One server at a time works on a DuckDB file: a lock on FILE.serve.lock tells the others, also while the file itself
// is closed between two runs. The system drops the lock when the process ends, however it ends.
#pragma once

#include <memory>
#include <string>

#include "sluice/core/result.hpp"

namespace sluice::local {

// Null: another process holds it. Within a process it is shared.
Result<std::shared_ptr<const void>> hold_file(const std::string& file);

}  // namespace sluice::local
