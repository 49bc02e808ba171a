#include "sluice/cli/rewrap_select.hpp"

#include <algorithm>
#include <set>

#include "sluice/core/words.hpp"
#include "sluice/engine/select_list.hpp"

namespace sluice::cli {
namespace {

using engine::SelectItem;
using engine::SelectList;
using mask::MaskKind;

tl::unexpected<Error> refused(const project::Flow& flow, const std::string& message, const std::string& hint) {
  return fail(Fault::config, flow.select_place.text() + ": select: " + message, hint);
}

// Whether all that is computed by a path is this very call; told of the first that is not.
Result<void> check_call(const engine::Lineage& lineage, const std::string& name, const MaskKind& kind,
                        const mask::MaskArguments& constants) {
  std::vector<std::string> same;  // the ways to write this call: what has its default may be left out
  for (std::size_t count = constants.size();; --count) {
    same.push_back(mask::call_text(kind, {constants.begin(), constants.begin() + static_cast<std::ptrdiff_t>(count)}));
    if (count == kind.required() || constants[count - 1] != kind.parameters[count - 1].otherwise) break;
  }
  const std::string column = "the select's column '" + name + "'";
  bool found = false;
  for (const engine::PersonalPath& path : lineage.paths) {
    if (path.column != name) continue;
    if (std::ranges::find(same, path.by) != same.end()) {
      found = true;
      continue;
    }
    // The entity of a date may be masked itself.
    if (kind.input == mask::MaskInput::date && !path.by.starts_with(kind.function)) continue;
    return fail(Fault::config, column + " is of '" + path.by + "', not of '" + same.back() + "'",
                "give --function and its options as the select has them: a token under others would become a "
                "wrong value, and no error");
  }
  if (found) return {};
  return fail(Fault::config, column + " is not of " + same.back(),
              "a rewrap takes the mask that the project's select has");
}

std::string literal(const std::string& constant, bool number) {
  if (number) return constant;
  std::string out = "'";
  for (const char letter : constant) out += letter == '\'' ? "''" : std::string(1, letter);
  return out + "'";
}

// Whether this is a call with the first `count` of these constants. Lineage does not tell of a mask within a mask which
// of them is the outer one.
bool is_call(const SelectItem& item, const MaskKind& kind, const mask::MaskArguments& constants, std::size_t count) {
  if (item.function != kind.function) return false;
  const std::size_t values = kind.input == mask::MaskInput::date ? 2 : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const mask::MaskParameter& parameter = kind.parameters[i];
    const bool same = item.arguments.size() > values + i
                          ? item.arguments[values + i].text == literal(constants[i], parameter.number)
                          : constants[i] == parameter.otherwise;
    if (!same) return false;
  }
  return true;
}

// Of tokens that prove their domain: by function and domain alone, since a form may be written or follow from the
// domain.
Result<void> check_no_contradiction(const project::Flow& flow, const engine::Lineage& lineage, const std::string& name,
                                    const MaskKind& kind, const mask::MaskArguments& constants) {
  const std::string call = mask::call_text(kind, {constants.front()});
  const bool otherwise = constants.front() == kind.parameters.front().otherwise;
  const engine::PersonalPath* other = nullptr;
  for (const engine::PersonalPath& path : lineage.paths) {
    if (path.column != name || path.passage == engine::Passage::clear || path.passage == engine::Passage::revealed)
      continue;
    if (path.by == call || path.by.starts_with(call + ", ") || (otherwise && path.by == kind.function)) return {};
    other = &path;
  }
  if (other == nullptr) return {};
  const auto list = engine::select_list_of(flow.select, flow.select_place);
  const SelectItem* item = list ? list->find(name) : nullptr;
  if (item != nullptr && is_call(*item, kind, constants, 1)) return {};
  return fail(Fault::config, "the select's column '" + name + "' is of '" + other->by + "', not of '" + call + "'",
              "give --function and its options as the select has them");
}

const std::vector<std::string>& told_functions() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const MaskKind& kind : mask::mask_kinds()) {
      if (kind.key == mask::TokenKey::told) out.emplace_back(kind.function);
    }
    return out;
  }();
  return names;
}

bool is_told(const engine::PersonalPath& path) {
  return std::ranges::find(told_functions(), path.by.substr(0, path.by.find(','))) != told_functions().end();
}

// Of masks whose tokens do not tell their key: calls in the text, or columns of the output, whichever is more. One call
// can fill two columns, and a call can stand where no column is made of it.
std::size_t told_masks(const SelectList& list, const engine::Lineage& lineage) {
  std::size_t calls = 0;
  for (const std::string& function : told_functions()) calls += list.calls_of(function);
  std::set<std::size_t> columns;
  for (const engine::PersonalPath& path : lineage.paths) {
    if (is_told(path)) columns.insert(path.number);
  }
  return std::max(calls, columns.size());
}

bool is_mask_key(const SelectItem* item) {
  return item != nullptr && item->function == "mask_key" && item->arguments.empty();
}

// A key that two columns share is that of the first once the second's tokens are rewrapped, and the other way round.
Result<void> check_key_column(const project::Flow& flow, const SelectList& list, const engine::Lineage& lineage,
                              const RewrapColumns& columns) {
  const std::string own = columns.token + "_key";
  const std::string write = "write `mask_key() as " + own +
                            "` into the list of the outermost select, fill the column "
                            "of rows that are there, and give --key-column " +
                            own + " (docs/keys.md)";
  const SelectItem* key = list.find(columns.key);
  if (!is_mask_key(key)) {
    return refused(flow,
                   "that '" + columns.key + "' is mask_key() cannot be seen in its list of columns, and any other " +
                       "key would give wrong values",
                   write);
  }
  if (columns.key == own) return {};
  const std::size_t masks = told_masks(list, lineage);
  const std::size_t keys = list.calls_of("mask_key");
  if (masks <= 1 && keys <= 1) return {};
  return refused(flow,
                 "'" + columns.key + "' cannot be seen to be the key of '" + columns.token + "' alone: there are " +
                     (masks > 1 ? "several masks whose tokens do not tell their key" : "several columns of keys") +
                     ", so that of '" + columns.token + "' must be called '" + own + "'",
                 write);
}

Result<void> check_entity_column(const project::Flow& flow, const SelectList& list, const SelectItem& token,
                                 const engine::Lineage& lineage, const std::string& name) {
  const engine::SelectText& entity = token.arguments.at(1);
  const auto holds = [&](const std::string& column) {
    if (const SelectItem* item = list.find(column)) return item->fixed && item->value.text == entity.text;
    return column == entity.column && list.passes(column);
  };
  if (holds(name)) return {};
  std::vector<std::string> right;
  std::ranges::copy_if(lineage.columns, std::back_inserter(right), holds);
  return refused(flow,
                 "that '" + name + "' holds the entity of '" + token.name + "', " + entity.text +
                     ", cannot be seen in its list of columns, and any other entity would give wrong dates",
                 right.empty() ? "write `" + entity.text + " as ...` into the list of the outermost select, and name " +
                                     "that column; it must give the same value each time"
                               : "give --entity-column " + right.front());
}

}  // namespace

Result<void> check_select(const project::Flow& flow, const engine::RowsPlan& plan, const RewrapColumns& columns,
                          const MaskKind& kind, const mask::MaskArguments& constants) {
  const engine::Lineage& lineage = plan.lineage;
  if (kind.key != mask::TokenKey::told) return check_no_contradiction(flow, lineage, columns.token, kind, constants);
  SLUICE_CHECK(check_call(lineage, columns.token, kind, constants));
  SLUICE_TRY(const SelectList list, engine::select_list_of(flow.select, flow.select_place));
  const SelectItem* token = list.find(columns.token);
  if (token == nullptr || !is_call(*token, kind, constants, constants.size())) {
    const std::string call = mask::call_text(kind, constants);
    return refused(
        flow, "that '" + columns.token + "' is '" + call + "', and nothing else, cannot be seen in its list of columns",
        "write `" + std::string(kind.function) + "(...) as " + columns.token +
            "` into the list of the outermost select, with its constants as they are, and what a sub-query or WITH has "
            "to compute into its arguments");
  }
  SLUICE_CHECK(check_key_column(flow, list, lineage, columns));
  if (kind.input != mask::MaskInput::date) return {};
  return check_entity_column(flow, list, *token, lineage, columns.entity);
}

std::vector<std::string> warnings_of_keys(const project::Flow& flow, const engine::Lineage& lineage) {
  if (flow.select.empty()) return {};
  const auto list = engine::select_list_of(flow.select, flow.select_place);
  if (!list || list->calls_of("mask_key") == 0 || told_masks(*list, lineage) < 2) return {};
  std::vector<std::string> warnings;
  std::set<std::string> seen;
  for (const engine::PersonalPath& path : lineage.paths) {
    const std::string own = path.column + "_key";
    if (!is_told(path) || !seen.insert(path.column).second || is_mask_key(list->find(own))) continue;
    warnings.push_back("column \"" + path.column +
                       "\" has no key column of its own: beside other masks whose tokens do "
                       "not tell their key, `keys rewrap` takes mask_key() as " +
                       own + " alone");
  }
  return warnings;
}

}  // namespace sluice::cli
