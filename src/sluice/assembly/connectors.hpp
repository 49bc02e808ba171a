// What this binary can connect to: one table, one row a connector.
#pragma once

#include <memory>
#include <span>

#include "sluice/core/clock.hpp"
#include "sluice/core/database.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/core/queue.hpp"
#include "sluice/project/project.hpp"

namespace sluice::assembly {

struct Connector {
  project::ConnectorKind kind;
  // The one that the kind's role needs; the others are null.
  Result<std::unique_ptr<Queue>> (*open_queue)(const Settings&, const Clock&) = nullptr;
  Result<std::unique_ptr<Database>> (*open_database)(const Settings&, const Clock&) = nullptr;
  Result<std::unique_ptr<ObjectStore>> (*open_objects)(const Settings&, const Clock&) = nullptr;
};

std::span<const Connector> connectors();
// As the project reader wants them.
std::span<const project::ConnectorKind> connector_kinds();

Result<std::unique_ptr<Queue>> open_queue(const project::Connection& connection, const Clock& clock);
Result<std::unique_ptr<Database>> open_database(const project::Connection& connection, const Clock& clock);
Result<std::unique_ptr<ObjectStore>> open_objects(const project::Connection& connection, const Clock& clock);

}  // namespace sluice::assembly
