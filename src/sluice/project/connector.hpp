// What the reader of a project file must know of each connector. assembly/ owns the table of them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sluice/core/settings.hpp"

namespace sluice::project {

enum class Role { queue, object_store, database };
std::string_view to_string(Role role);  // with its article: "a queue"

struct ConnectorKind {
  std::string_view name;  // also the key that picks it: { sqs: login-queue }
  Role role;
  std::span<const Option> options;  // the first is `name` itself
  std::string_view help;
  // What two connections have in common that reach the same objects or tables, as far as settings tell; empty: they do
  // not. Where keys are paths, it is the path in front of them. No secret. Null: a queue.
  std::string (*far_end)(const Settings&) = nullptr;
  std::string_view default_schema{};  // of a database: of a table without one
  bool folds_names = false;           // of a database: Orders and orders are one table
};

}  // namespace sluice::project
