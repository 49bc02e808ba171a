// Where tagged columns arrive, as `validate` and `plan` say it.
#pragma once

#include <string>

#include "sluice/assembly/session.hpp"
#include "sluice/engine/lineage.hpp"

namespace sluice::cli {

// "mask_siv", or why the value arrives in clear.
std::string arrival(const engine::PersonalPath& path);

// [{source, column, by, path}], in the order of the output's columns.
assembly::Json paths_json(const engine::Lineage& lineage);

}  // namespace sluice::cli
