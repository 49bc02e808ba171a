// What a flow's `select` has to say before tokens in its table are rewrapped.
//
// A token that does not name its key gives a wrong value, and no error, under another key, domain, constant or entity.
// So of such a one everything is proved from the text of the select, and what cannot be proved is refused. A token that
// names its key proves the rest by itself; of it a contradiction alone is refused, so that "nothing to do" is no answer
// to a wrong question.
#pragma once

#include <string>
#include <vector>

#include "sluice/assembly/assemble.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::cli {

struct RewrapColumns {
  std::string token;
  std::string key;     // that names the key; empty: tokens tell it
  std::string entity;  // of mask_date_shift alone
};

// `constants`: one a parameter of the kind. Errors (config) say what to write.
Result<void> check_select(const project::Flow& flow, const engine::RowsPlan& plan, const RewrapColumns& columns,
                          const mask::MaskKind& kind, const mask::MaskArguments& constants);

// One sentence for each column of a select that a rewrap would refuse for want of a key column of its own, although the
// select has a mask_key().
std::vector<std::string> warnings_of_keys(const project::Flow& flow, const engine::Lineage& lineage);

}  // namespace sluice::cli
