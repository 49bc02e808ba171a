#include "sluice/project/reader.hpp"

#include <algorithm>
#include <cctype>

#include "sluice/core/words.hpp"

namespace sluice::project {

Result<void> check_keys(const Node& node, const std::vector<std::string>& known, const std::string& what) {
  if (node.kind != Node::Kind::map) return wrong_shape(node, what, "a map");
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (std::ranges::find(known, node.keys[i]) != known.end()) continue;
    return fail(Fault::config, node.key_places[i].text() + ": " + what + " has no key '" + node.keys[i] + "'",
                did_you_mean(node.keys[i], known));
  }
  return {};
}

Result<void> check_keys(const Node& node, std::span<const KeyRule> rules, const std::string& what) {
  std::vector<std::string> known;
  for (const KeyRule& rule : rules) known.emplace_back(rule.name);
  SLUICE_CHECK(check_keys(node, known, what));
  for (const KeyRule& rule : rules) {
    const Node* value = node.find(rule.name);
    const bool there = value != nullptr && (value->kind != Node::Kind::null || rule.shape == Shape::scalar);
    if (value != nullptr && !there) return wrong_shape(*value, std::string(rule.name), "a value");
    if (rule.required && !there) {
      return fail(Fault::config, node.place.text() + ": " + what + " needs '" + std::string(rule.name) +
                                     "': " + std::string(rule.help));
    }
  }
  return {};
}

Result<std::string> read_text(const Node& node, const std::string& key, const Variables& variables) {
  if (node.kind != Node::Kind::scalar) return wrong_shape(node, "'" + key + "'", "a text");
  return variables.expand(node.text, node.place);
}

Result<bool> read_boolean(const Node& node, const std::string& key, const Variables& variables) {
  SLUICE_TRY(const std::string text, read_text(node, key, variables));
  if (text == "true") return true;
  if (text == "false") return false;
  return wrong_shape(node, "'" + key + "'", "true or false");
}

tl::unexpected<Error> wrong_shape(const Node& node, const std::string& key, const std::string& wanted) {
  return fail(Fault::config,
              node.place.text() + ": " + key + " must be " + wanted + ", but here is " + std::string(node.in_words()));
}

Result<std::int64_t> read_integer(const Node& node, const std::string& key, std::int64_t least, std::int64_t most,
                                  const Variables& variables) {
  SLUICE_TRY(const std::string text, read_text(node, key, variables));
  Settings alone;
  alone.values.emplace(key, Setting{.text = text, .place = node.place});
  return alone.integer(key, least, least, most);
}

Result<std::vector<std::string>> read_names(const Node& node, const std::string& key, const std::string& wanted,
                                            const Variables& variables) {
  if (node.kind == Node::Kind::map || node.kind == Node::Kind::null) return wrong_shape(node, "'" + key + "'", wanted);
  const std::vector<Node> alone{node};
  std::vector<std::string> names;
  for (const Node& item : node.kind == Node::Kind::list ? node.items : alone) {
    SLUICE_TRY(std::string name, read_text(item, key, variables));
    names.push_back(std::move(name));
  }
  return names;
}

bool fits(const KeyRule& rule, Role role) {
  return rule.shape == Shape::columns_by_table ? role == Role::database : role != Role::queue;
}

bool is_plain_name(const std::string& name) {
  if (name.empty() || name.size() > 63 || std::isdigit(static_cast<unsigned char>(name.front())) != 0 ||
      name.front() == '-')
    return false;
  return std::ranges::all_of(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; });
}

}  // namespace sluice::project
