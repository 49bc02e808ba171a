#include "sluice/project/record_reader.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sluice/core/words.hpp"
#include "sluice/project/reader.hpp"

namespace sluice::project {
namespace {

Result<Type> read_type(const Node& node, const std::string& field, const Variables& variables) {
  SLUICE_TRY(const std::string text, read_text(node, field, variables));
  const auto type = parse_type(text);
  if (type) return *type;
  std::vector<std::string> names;
  for (const std::string_view name : type_names()) names.emplace_back(name);
  return fail(Fault::config, node.place.text() + ": there is no type '" + text + "'", did_you_mean(text, names));
}

// The default as JSON text: a quoted text or one that JSON does not know is a JSON string.
std::string default_json(const Node& node, const std::string& text, Kind kind) {
  if (node.kind == Node::Kind::null) return "null";
  const bool bare = !node.quoted && (kind == Kind::boolean || kind == Kind::int32 || kind == Kind::int64 ||
                                     kind == Kind::float64 || kind == Kind::decimal || kind == Kind::json);
  if (bare && nlohmann::json::accept(text)) return text;
  return nlohmann::json(text).dump();
}

Result<std::vector<std::string>> read_list(const Node& node, const std::string& key, const Variables& variables) {
  if (node.kind != Node::Kind::list || node.items.empty())
    return wrong_shape(node, "'" + key + "'", "a list of values");
  std::vector<std::string> out;
  for (const Node& item : node.items) {
    SLUICE_TRY(std::string text, read_text(item, key, variables));
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::vector<std::string>> read_path(const Node& node, const Variables& variables) {
  if (node.kind == Node::Kind::list) return read_list(node, "path", variables);
  SLUICE_TRY(const std::string text, read_text(node, "path", variables));
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '.') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  if (std::ranges::find(out, "") != out.end() || out.size() > 32) {
    return fail(Fault::config,
                node.place.text() + ": 'path' is names with a dot between, as a.b.c, or a list of names");
  }
  return out;
}

Result<std::uint32_t> read_count(const Node& node, const std::string& key, const Variables& variables) {
  SLUICE_TRY(const std::string text, read_text(node, key, variables));
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == 0) {
    return fail(Fault::config, node.place.text() + ": '" + key + "' must be a whole number from 1");
  }
  return number;
}

Result<RecordField> read_details(const Node& node, RecordField field, const Variables& variables) {
  SLUICE_CHECK(check_keys(node, field_keys, "record field '" + field.name + "'"));
  SLUICE_TRY(field.type, read_type(*node.find("type"), "type", variables));
  const bool text_like = field.type.kind == Kind::text || field.type.kind == Kind::bytes;
  if (const Node* max = node.find("max")) {
    if (!text_like)
      return fail(Fault::config, max->place.text() + ": 'max' is for text and bytes, not for " + to_string(field.type));
    SLUICE_TRY(field.max, read_count(*max, "max", variables));
  }
  if (const Node* null = node.find("null")) {
    SLUICE_TRY(field.nullable, read_boolean(*null, "null", variables));
  }
  if (const Node* otherwise = node.find("default")) {
    std::string text;
    if (otherwise->kind == Node::Kind::scalar) {
      SLUICE_TRY(text, variables.expand(otherwise->text, otherwise->place));
    } else if (otherwise->kind != Node::Kind::null) {
      return wrong_shape(*otherwise, "'default'", "one value");
    } else if (!field.nullable) {
      return fail(Fault::config, otherwise->place.text() + ": 'default: null' needs 'null: true'");
    }
    field.default_text = default_json(*otherwise, text, field.type.kind);
  }
  if (const Node* one_of = node.find("one_of")) {
    SLUICE_TRY(field.one_of, read_list(*one_of, "one_of", variables));
  }
  if (const Node* pattern = node.find("pattern")) {
    if (field.type.kind != Kind::text)
      return fail(Fault::config, pattern->place.text() + ": 'pattern' is for text, not for " + to_string(field.type));
    if (pattern->kind != Node::Kind::scalar) return wrong_shape(*pattern, "'pattern'", "a text");
    field.pattern = pattern->text;  // as it stands: $ is a sign of its own there
  }
  if (const Node* path = node.find("path")) {
    SLUICE_TRY(field.path, read_path(*path, variables));
  }
  if (const Node* pii = node.find("pii")) {
    SLUICE_TRY(field.pii, read_text(*pii, "pii", variables));
    if (std::ranges::find(pii_kinds, field.pii) == pii_kinds.end()) {
      const std::vector<std::string> known(pii_kinds.begin(), pii_kinds.end());
      return fail(Fault::config, pii->place.text() + ": there is no kind of personal data '" + field.pii + "'",
                  did_you_mean(field.pii, known));
    }
  }
  return field;
}

}  // namespace

Result<Record> read_record(const Node& node, const Variables& variables) {
  if (node.kind != Node::Kind::map || node.keys.empty()) return wrong_shape(node, "'record'", "a map of fields");
  Record record;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    RecordField field;
    field.name = node.keys[i];
    if (field.name.size() > 63 || field.name.find('\0') != std::string::npos) {
      return fail(Fault::config, node.key_places[i].text() + ": a field's name has 1 to 63 bytes",
                  "shorten it, and say where it stands by `path`");
    }
    const Node& value = node.items[i];
    if (value.kind == Node::Kind::map) {
      SLUICE_TRY(field, read_details(value, std::move(field), variables));
    } else {
      SLUICE_TRY(field.type, read_type(value, "record field '" + field.name + "'", variables));
    }
    record.fields.push_back(std::move(field));
  }
  return record;
}

}  // namespace sluice::project
