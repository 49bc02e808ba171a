// What the reader of a project file must know of each connector. assembly/ owns the table of them.
#pragma once

#include <span>
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
};

}  // namespace sluice::project
