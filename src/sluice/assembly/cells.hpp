// One value of a batch as text, for people: preview and demo.
#pragma once

#include <optional>
#include <string>

#include "sluice/core/batch.hpp"

namespace sluice::assembly {

// Empty: NULL. Dates and times in ISO form, UTC; bytes in hex.
std::optional<std::string> cell_text(const Batch& batch, std::size_t column, std::size_t row);

}  // namespace sluice::assembly
