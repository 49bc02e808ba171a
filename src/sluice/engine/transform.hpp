// Messages to rows: the record's contract, then `select` with its masks. Whatever cannot be computed
// becomes a reject; the other rows go on.
#pragma once

#include <memory>

#include "sluice/core/record.hpp"
#include "sluice/core/transform.hpp"
#include "sluice/engine/select.hpp"
#include "sluice/objects/format.hpp"

namespace sluice::engine {

struct RowsOptions {
  Record record;
  std::string select;  // empty: the record's columns pass as they are
  Place select_place;
  // How a message's body is written.
  objects::Dialect dialect{.format = objects::Format::json_lines};
};

// What a flow of these options gives.
struct RowsPlan {
  Schema columns;
  Lineage lineage;  // of the record's columns
};
// Checks record and select as open_transform() does.
Result<RowsPlan> plan_rows(Engine& engine, const RowsOptions& options);

// One a worker. The engine outlives it.
Result<std::unique_ptr<Transform>> open_transform(Engine& engine, const RowsOptions& options);

}  // namespace sluice::engine
