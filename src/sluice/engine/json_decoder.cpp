#include <simdjson.h>

#include <algorithm>
#include <cassert>

#include "sluice/engine/decoder.hpp"
#include "sluice/engine/field_rules.hpp"
#include "sluice/engine/values.hpp"

namespace sluice::engine {
namespace {

namespace json = simdjson::ondemand;

// Deeper bodies are refused: nothing here may use the stack without a limit.
constexpr int depth_max = 64;

// One name on the way to a value: a field of the record, or the object that holds some.
struct Node {
  std::string name;
  int field = -1;
  std::vector<Node> children;
  std::size_t next = 0;    // fields mostly come in one order: where to look first
  std::uint64_t seen = 0;  // the number of the body in which it was last seen
};

// Why a body was refused.
struct Refusal {
  const char* reason = nullptr;
  int field = -1;
  explicit operator bool() const { return reason != nullptr; }
};

const char* reason_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR: return "not_utf8";
    case simdjson::EMPTY: return "empty_body";
    case simdjson::DEPTH_ERROR: return "nested_too_deep";
    case simdjson::INCORRECT_TYPE: return "wrong_type";
    default: return "not_json";
  }
}

// A type is told by its first character alone: "nonsense" would pass for null.
bool is_json_scalar(std::string_view body) {
  const std::size_t first = body.find_first_not_of(" \n\r\t");
  if (first == std::string_view::npos) return false;
  body = body.substr(first, body.find_last_not_of(" \n\r\t") - first + 1);
  const bool text = body.size() > 1 && body.front() == '"' && body.back() == '"';
  return text || body == "null" || body == "true" || body == "false" || is_json_number(body);
}

std::string_view trimmed_token(std::string_view token) {
  while (!token.empty() &&
         (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t')) {
    token.remove_suffix(1);
  }
  return token;
}

class JsonDecoder final : public Decoder {
 public:
  Result<void> open(Record record) {
    extra_ = record.extra;
    for (std::size_t i = 0; i < record.fields.size(); ++i) {
      RecordField& field = record.fields[i];
      SLUICE_TRY(FieldRules rules, FieldRules::make(field));
      std::vector<std::string> path = field.path.empty() ? std::vector<std::string>{field.name} : field.path;
      Node* node = &root_;
      for (const std::string& name : path) {
        if (node->field >= 0) return overlapping(field.name);
        const auto found = std::ranges::find(node->children, name, &Node::name);
        if (found == node->children.end()) {
          node = &node->children.emplace_back(Node{name, -1, {}, 0, 0});
        } else {
          node = &*found;
        }
      }
      if (node->field >= 0 || !node->children.empty()) return overlapping(field.name);
      node->field = static_cast<int>(i);
      fields_.push_back(std::move(rules));
    }
    present_.assign(fields_.size(), false);
    // Strings are unescaped by parser_, also those of defaults, before it has seen a body.
    if (parser_.allocate(4096)) return fail(Fault::failed, "out of memory");
    return check_defaults();
  }

  Result<void> decode(const Delivery& delivery, Input& input, std::vector<Reject>& rejects) override {
    input.clear(delivery.messages.size());
    for (std::size_t i = 0; i < delivery.messages.size(); ++i) {
      const Message& message = delivery.messages[i];
      const auto number = static_cast<std::uint32_t>(i);
      if (const Refusal refusal = decode_body(message.body, input)) {
        rejects.push_back(reject(number, refusal));
      } else {
        input.add_row(message, number);
      }
    }
    return {};
  }

 private:
  static Result<void> overlapping(const std::string& name) {
    return fail(Fault::config, "record field '" + name + "': its path ends in, or runs through, that of another field");
  }

  // A default is a value like any other: it must pass the same rules.
  Result<void> check_defaults() {
    Record record;
    for (const FieldRules& rules : fields_) record.fields.push_back(rules.field());
    Input scratch(record);
    scratch.clear(1);
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const auto& text = fields_[i].field().default_text;
      if (!text) continue;
      if (const Refusal refusal = set_default(static_cast<int>(i), scratch)) {
        return fail(Fault::config,
                    "record field '" + fields_[i].field().name + "': default: " + std::string(explain(refusal.reason)));
      }
    }
    return {};
  }

  Reject reject(std::uint32_t number, const Refusal& refusal) const {
    const std::string_view reason = refusal.reason;
    const bool contract = refusal.field >= 0 || reason == "extra_field";
    Reject made;
    made.message = number;
    made.stage = contract ? Stage::contract : Stage::decode;
    made.reason = reason;
    if (refusal.field >= 0) made.column = fields_[static_cast<std::size_t>(refusal.field)].field().name;
    made.text = explain(reason);
    return made;
  }

  Refusal decode_body(std::string_view body, Input& input) {
    if (body.empty()) return {"empty_body"};
    if (body.size() > (1U << 20U)) return {"body_too_large"};
    ++bodies_;
    std::fill(present_.begin(), present_.end(), false);
    row_ = input.rows();
    // All strings of the body unescaped are never longer than the body.
    char* strings = input.arena().take(body.size() + simdjson::SIMDJSON_PADDING);
    strings_ = reinterpret_cast<std::uint8_t*>(strings);

    json::document document;
    if (const auto error =
            parser_.iterate(body.data(), body.size(), body.size() + simdjson::SIMDJSON_PADDING).get(document)) {
      return {reason_of(error)};
    }
    json::json_type type{};
    if (const auto error = document.type().get(type)) return {reason_of(error)};
    if (type != json::json_type::object)
      return {is_json_scalar(body) || type == json::json_type::array ? "not_an_object" : "not_json"};
    json::object object;
    if (const auto error = document.get_object().get(object)) return {reason_of(error)};
    if (const Refusal refusal = decode_object(object, root_, input, 1)) return refusal;
    // Behind the object there must be nothing.
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return {"not_json"};
    input.arena().shrink_last(static_cast<std::size_t>(reinterpret_cast<char*>(strings_) - strings));

    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (present_[i]) continue;
      const int field = static_cast<int>(i);
      if (!fields_[i].field().default_text) return {"missing_field", field};
      if (const Refusal refusal = set_default(field, input)) return refusal;
    }
    return {};
  }

  Refusal decode_object(json::object& object, Node& node, Input& input, int depth) {
    for (auto entry : object) {
      json::field pair;
      if (const auto error = std::move(entry).get(pair)) return {reason_of(error)};
      // Looked at before it is unescaped; a name with escapes takes the slow way.
      Node* child = find(node, pair);
      std::string_view key;
      if (child == nullptr) {
        if (const auto error = pair.unescaped_key().get(key)) return {reason_of(error)};
        const auto found = std::ranges::find(node.children, key, &Node::name);
        if (found != node.children.end()) child = &*found;
      }
      json::value value = pair.value();
      if (child == nullptr) {
        if (extra_ == Record::Extra::reject) return {"extra_field"};
        if (const char* wrong = check(value, depth + 1)) return {wrong};
        continue;
      }
      if (child->seen == bodies_) return {"duplicate_key", first_field(*child)};
      child->seen = bodies_;
      if (child->field >= 0) {
        if (const Refusal refusal = set(child->field, value, input, depth)) return refusal;
        continue;
      }
      json::json_type type{};
      if (const auto error = value.type().get(type)) return {reason_of(error)};
      if (type == json::json_type::null) {
        if (const char* wrong = check(value, depth + 1)) return {wrong};
        continue;  // what stands below it is missing
      }
      if (type != json::json_type::object) return {"wrong_type", first_field(*child)};
      json::object inner;
      if (const auto error = value.get_object().get(inner)) return {reason_of(error)};
      if (depth >= depth_max) return {"nested_too_deep"};
      if (const Refusal refusal = decode_object(inner, *child, input, depth + 1)) return refusal;
    }
    return {};
  }

  static Node* find(Node& node, json::field& pair) {
    const std::size_t count = node.children.size();
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t at = node.next + i;
      if (at >= count) at -= count;
      if (pair.key().unsafe_is_equal(node.children[at].name)) {
        node.next = at + 1 == count ? 0 : at + 1;
        return &node.children[at];
      }
    }
    return nullptr;
  }

  static int first_field(const Node& node) { return node.field >= 0 ? node.field : first_field(node.children.front()); }

  // Goes through a value that nobody reads, so that a body is either JSON to its last byte or refused.
  static const char* check(json::value value, int depth) {
    if (depth > depth_max) return "nested_too_deep";
    json::json_type type{};
    if (const auto error = value.type().get(type)) return reason_of(error);
    switch (type) {
      case json::json_type::object: {
        json::object object;
        if (const auto error = value.get_object().get(object)) return reason_of(error);
        for (auto entry : object) {
          json::field pair;
          if (const auto error = std::move(entry).get(pair)) return reason_of(error);
          if (const char* wrong = check(pair.value(), depth + 1)) return wrong;
        }
        return nullptr;
      }
      case json::json_type::array: {
        json::array array;
        if (const auto error = value.get_array().get(array)) return reason_of(error);
        for (auto entry : array) {
          json::value inner;
          if (const auto error = std::move(entry).get(inner)) return reason_of(error);
          if (const char* wrong = check(inner, depth + 1)) return wrong;
        }
        return nullptr;
      }
      case json::json_type::string: {
        std::string_view text;
        const auto error = value.get_string().get(text);
        return error ? reason_of(error) : nullptr;
      }
      case json::json_type::number: {
        return is_json_number(trimmed_token(value.raw_json_token())) ? nullptr : "not_json";
      }
      case json::json_type::boolean: {
        bool truth = false;
        const auto error = value.get_bool().get(truth);
        return error ? "not_json" : nullptr;
      }
      case json::json_type::null: {
        bool null = false;
        const auto error = value.is_null().get(null);
        return error || !null ? "not_json" : nullptr;
      }
    }
    return "not_json";
  }

  Refusal set_default(int number, Input& input) {
    const std::string& text = *fields_[static_cast<std::size_t>(number)].field().default_text;
    // Parsed for each row that needs it: a default is rare, and its text must live in the arena.
    char* strings = input.arena().take(text.size() + 2 + 2 * simdjson::SIMDJSON_PADDING);
    strings_ = reinterpret_cast<std::uint8_t*>(strings + text.size() + 2 + simdjson::SIMDJSON_PADDING);
    // A document that is a scalar cannot be taken as a value: it is put into an array.
    strings[0] = '[';
    text.copy(strings + 1, text.size());
    strings[text.size() + 1] = ']';
    json::document document;
    json::value value;
    if (default_parser_.iterate(strings, text.size() + 2, text.size() + 2 + simdjson::SIMDJSON_PADDING).get(document)) {
      return {"not_json", number};
    }
    json::array array;
    if (document.get_array().get(array)) return {"not_json", number};
    for (auto entry : array) {
      if (std::move(entry).get(value)) return {"not_json", number};
      if (const Refusal refusal = set(number, value, input, 1)) return refusal;
    }
    return {};
  }

  Refusal set(int number, json::value& value, Input& input, int depth) {
    const FieldRules& rules = fields_[static_cast<std::size_t>(number)];
    Column& column = input.columns()[static_cast<std::size_t>(number)];
    present_[static_cast<std::size_t>(number)] = true;
    json::json_type type{};
    if (const auto error = value.type().get(type)) return {reason_of(error)};
    if (type == json::json_type::null) {
      bool null = false;
      if (value.is_null().get(null) || !null) return {"not_json"};
      return refused(number, rules.set_null(row_, column));
    }
    const Kind kind = rules.field().type.kind;
    if (kind == Kind::json) return set_json(number, value, column, depth);
    if (kind == Kind::boolean) {
      if (type != json::json_type::boolean) return {"wrong_type", number};
      bool truth = false;
      if (value.get_bool().get(truth)) return {"not_json"};
      column.set(row_, static_cast<std::uint8_t>(truth));
      return {};
    }
    const bool is_number = kind == Kind::int32 || kind == Kind::int64 || kind == Kind::float64 || kind == Kind::decimal;
    if (is_number && type == json::json_type::number) return set_number(number, token_of(value), column);
    if (kind == Kind::int32 || kind == Kind::int64) return {"wrong_type", number};
    if (type != json::json_type::string) return {"wrong_type", number};
    json::raw_json_string raw;
    if (const auto error = value.get_raw_json_string().get(raw)) return {reason_of(error)};
    std::string_view text;
    if (parser_.unescape(raw, strings_).get(text)) return {"not_json"};
    if (kind == Kind::decimal) return set_number(number, text, column);
    // JSON has no number for these.
    if (kind == Kind::float64) {
      if (!is_not_finite(text)) return {"wrong_type", number};
      return refused(number, rules.set_number(text, row_, column, "wrong_type"));
    }
    // Base64 or hex is longer than what it stands for: bytes go where their text is, which is a copy of the body's.
    return refused(number, rules.set_text(text, row_, column, const_cast<char*>(text.data())));
  }

  // A scalar's characters; the object's iterator steps over it by itself.
  static std::string_view token_of(json::value& value) { return trimmed_token(value.raw_json_token()); }

  Refusal set_number(int number, std::string_view token, Column& column) {
    const FieldRules& rules = fields_[static_cast<std::size_t>(number)];
    if (!is_json_number(token)) {
      return {rules.field().type.kind == Kind::decimal ? "malformed_value" : "not_json", number};
    }
    // 1.5 is a number, but not a whole one.
    return refused(number, rules.set_number(token, row_, column, "wrong_type"));
  }

  static Refusal refused(int number, const char* reason) {
    return reason == nullptr ? Refusal{} : Refusal{reason, number};
  }

  // Any JSON value, kept as it stands in the body.
  Refusal set_json(int number, json::value& value, Column& column, int depth) {
    json::json_type type{};
    if (const auto error = value.type().get(type)) return {reason_of(error)};
    std::string_view last = token_of(value);
    const char* begin = last.data();
    if (const char* wrong = check(value, depth + 1)) return {wrong};
    if (type == json::json_type::object || type == json::json_type::array) {
      // It was read to its end: the next token stands behind it.
      const char* here = nullptr;
      if (value.current_location().get(here)) return {"not_json"};
      last = trimmed_token({begin, static_cast<std::size_t>(here - begin)});
    }
    if (last.find("\\u0000") != std::string_view::npos) return {"nul_in_text", number};
    column.set(row_, Text(last));  // views the body, which the delivery keeps
    return {};
  }

  std::vector<FieldRules> fields_;
  Record::Extra extra_ = Record::Extra::ignore;
  Node root_;
  json::parser parser_;
  json::parser default_parser_;
  std::vector<bool> present_;
  std::uint8_t* strings_ = nullptr;  // where the next unescaped string goes
  std::uint64_t bodies_ = 0;
  std::size_t row_ = 0;
};

}  // namespace

Result<std::unique_ptr<Decoder>> open_json_decoder(Record record) {
  auto decoder = std::make_unique<JsonDecoder>();
  SLUICE_CHECK(decoder->open(std::move(record)));
  return decoder;
}

}  // namespace sluice::engine
