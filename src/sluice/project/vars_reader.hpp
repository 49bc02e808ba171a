// `vars:` of a project file: variables with their values, and what a value must be.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sluice/core/result.hpp"
#include "sluice/project/tree.hpp"
#include "sluice/project/variables.hpp"

namespace sluice::project {

// Defines them in `variables`, in the file's order, so that one may take its value from those before it. `built_in` are
// names that the file cannot define. Errors (config) say the place and the variable, never a value.
Result<void> read_vars(const Node& node, const std::map<std::string, std::string>& built_in, Variables& variables);

// One way to write a day, so that a database cannot read another into it: no `today`, no `infinity`, no 1/2/2022.
bool is_date(std::string_view text);

}  // namespace sluice::project
