#include "sluice/assembly/mask_domains.hpp"

#include <algorithm>
#include <string_view>

#include "sluice/core/words.hpp"
#include "sluice/project/grammar.hpp"

namespace sluice::assembly {
namespace {

constexpr std::string_view before_domain = ", domain ";

// Of "mask_siv, domain ip, form ip"; empty: the mask has none.
std::string domain_of(std::string_view by) {
  const std::size_t begin = by.find(before_domain);
  if (begin == std::string_view::npos) return {};
  by.remove_prefix(begin + before_domain.size());
  return std::string(by.substr(0, by.find(", ")));
}

// Of words this short nearly all are near to each other: only letters that changed places count.
constexpr std::size_t short_word = 4;

std::string meant(const std::string& domain, const std::vector<std::string>& others) {
  if (domain.size() > short_word) return nearest(domain, others);
  const auto found = std::ranges::find_if(others, [&](const std::string& other) {
    return domain.size() > 1 && std::ranges::is_permutation(domain, other);
  });
  return found == others.end() ? "" : *found;
}

}  // namespace

void MaskDomains::add(const std::string& flow, const engine::Lineage& lineage) {
  for (const engine::PersonalPath& path : lineage.paths) {
    if (path.passage != engine::Passage::masked && path.passage != engine::Passage::wrong_form) continue;
    const std::string domain = domain_of(path.by);
    if (domain.empty()) continue;
    std::vector<Use>& uses = uses_[domain];
    const auto known =
        std::ranges::find_if(uses, [&](const Use& use) { return use.flow == flow && use.column == path.column; });
    Use& use = known != uses.end() ? *known : uses.emplace_back(Use{flow, path.column});
    use.is_kind = use.is_kind || domain == path.pii;
  }
}

std::vector<std::string> MaskDomains::warnings() const {
  std::vector<std::string> warnings;
  const auto& kinds = project::pii_kinds;
  for (const auto& [domain, uses] : uses_) {
    if (uses.size() > 1 || uses[0].is_kind || std::ranges::find(kinds, domain) != kinds.end()) continue;
    std::vector<std::string> others(kinds.begin(), kinds.end());
    for (const auto& [other, used] : uses_) {
      if (other != domain) others.push_back(other);
    }
    const std::string near = meant(domain, others);
    if (near.empty()) continue;
    warnings.push_back(uses[0].flow + ": column \"" + uses[0].column + "\": domain '" + domain +
                       "' is used once; did you mean '" + near + "'?");
  }
  return warnings;
}

}  // namespace sluice::assembly
