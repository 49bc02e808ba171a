#include "sluice/engine/lineage.hpp"

#include <algorithm>

#include "sluice/mask/mask.hpp"

namespace sluice::engine {
namespace {

constexpr std::size_t told_max = 5;

bool arrives(const PersonalPath& path, PersonalData far_end) {
  if (path.pii.empty()) return false;
  // A mask of another form is a mistake wherever it goes.
  if (path.passage == Passage::wrong_form) return true;
  return path.passage == Passage::clear && far_end == PersonalData::refused;
}

std::string sentence(const PersonalPath& path) {
  const std::string tag = path.source + " (pii: " + path.pii + ")";
  // A column that keeps its name all the way has no path worth telling.
  const std::string way = path.path.find(" -> ") == std::string::npos ? "" : ": " + path.path;
  if (path.passage == Passage::wrong_form) {
    return "column \"" + path.column + "\" masks " + tag + " by " + path.by + ", which is of another form" + way;
  }
  return "column \"" + path.column + "\" holds " + tag + " without a mask" + way;
}

// The mask that a path passes; null: none.
const mask::MaskKind* kind_of(const PersonalPath& path) {
  const std::string_view function = std::string_view(path.by).substr(0, path.by.find(','));
  const auto kinds = mask::mask_kinds();
  const auto found = std::ranges::find(kinds, function, &mask::MaskKind::function);
  return found == kinds.end() ? nullptr : &*found;
}

std::string advice(const PersonalPath& path) {
  if (path.passage == Passage::wrong_form) {
    if (const mask::MaskKind* kind = kind_of(path); kind != nullptr && kind->form) {
      return "mask it by mask_siv or mask_hmac in the domain '" + path.pii + "'; " + std::string(kind->function) +
             " is for another kind of value";
    }
    return "name the form as the mask's third argument ('" + path.pii + "'), or use a domain of that form: '" +
           path.pii + "'";
  }
  return "mask it where it stands (mask_siv, mask_hmac), leave it out, or say why it may pass: reveal(" + path.column +
         ", 'reason')";
}

}  // namespace

Relation input_relation(const Record& record) {
  Relation relation{"input", {}};
  for (const RecordField& field : record.fields) relation.columns.push_back({field.name, field.type, field.pii});
  return relation;
}

Lineage as_it_is(const Relation& relation) {
  Lineage lineage;
  for (const RelationColumn& column : relation.columns) {
    lineage.columns.push_back(column.name);
    if (column.pii.empty()) continue;
    lineage.paths.push_back({.source = column.name,
                             .pii = column.pii,
                             .column = column.name,
                             .number = lineage.columns.size() - 1,
                             .by = {},
                             .path = column.name});
  }
  return lineage;
}

Result<void> check_personal(const Lineage& lineage, std::string_view where, PersonalData far_end) {
  std::string told;
  std::size_t count = 0;
  const PersonalPath* first = nullptr;
  for (const PersonalPath& path : lineage.paths) {
    if (!arrives(path, far_end)) continue;
    if (first == nullptr) first = &path;
    if (++count <= told_max) told += (count == 1 ? "" : "; ") + sentence(path);
  }
  if (first == nullptr) return {};
  if (count > told_max) told += "; and " + std::to_string(count - told_max) + " more";
  return fail(Fault::config, std::string(where) + ": " + told, advice(*first));
}

Result<void> check_key(const Lineage& lineage, const std::vector<std::string>& key, std::string_view where) {
  for (const PersonalPath& path : lineage.paths) {
    if (path.passage != Passage::masked || std::ranges::find(key, path.column) == key.end()) continue;
    const mask::MaskKind* kind = kind_of(path);
    if (kind == nullptr || kind->repeatable) continue;
    return fail(Fault::config,
                std::string(where) + ": column \"" + path.column + "\" is part of the key, and " +
                    std::string(kind->function) + " gives another token each time",
                "mask a key by mask_hmac or mask_siv");
  }
  return {};
}

std::vector<std::string> warnings_of(const Lineage& lineage) {
  std::vector<std::string> warnings;
  for (const ImplicitFlow& flow : lineage.implicit) {
    warnings.push_back(flow.source + " (pii: " + flow.pii + ") decides in clear in a " + flow.clause +
                       ": what comes out tells something of it");
  }
  // What the table of masks has to say to whoever uses one.
  for (const PersonalPath& path : lineage.paths) {
    const mask::MaskKind* kind = kind_of(path);
    if (path.passage != Passage::masked || kind == nullptr || kind->warning.empty()) continue;
    warnings.push_back("column \"" + path.column + "\": " + std::string(kind->function) + ": " +
                       std::string(kind->warning));
  }
  return warnings;
}

std::vector<std::string> masks_of(const Lineage& lineage) {
  std::vector<std::string> masks(lineage.columns.size());
  for (const PersonalPath& path : lineage.paths) {
    if (path.passage != Passage::masked && path.passage != Passage::wrong_form) continue;
    const std::string& more = path.by;
    std::string& text = masks[path.number];
    if (text.find(more) == std::string::npos) text += (text.empty() ? "" : " and ") + more;
  }
  return masks;
}

std::vector<bool> in_clear(const Lineage& lineage) {
  std::vector<bool> clear(lineage.columns.size());
  for (const PersonalPath& path : lineage.paths) {
    if (path.passage == Passage::clear) clear[path.number] = true;
  }
  return clear;
}

}  // namespace sluice::engine
