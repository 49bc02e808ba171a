// The domains of all masks of a project. One that is misspelt gives tokens that join nothing, without an error: any
// name may be a domain.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sluice/engine/lineage.hpp"

namespace sluice::assembly {

class MaskDomains {
 public:
  void add(const std::string& flow, const engine::Lineage& lineage);

  // One sentence for each domain that one mask alone uses, that is not the kind of what it masks, and that is nearly
  // the name of another domain or of a kind of personal data.
  std::vector<std::string> warnings() const;

 private:
  struct Use {
    std::string flow;
    std::string column;
    bool is_kind = false;  // the domain is called as what it masks is tagged
  };
  std::map<std::string, std::vector<Use>> uses_;  // by domain, one for each column
};

}  // namespace sluice::assembly
