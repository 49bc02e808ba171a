#include "sluice/project/schema.hpp"

#include <nlohmann/json.hpp>

#include "sluice/core/type.hpp"
#include "sluice/project/grammar.hpp"
#include "sluice/project/reader.hpp"

namespace sluice::project {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* name_pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,62}$";
// A scalar may be a variable instead of the value that is wanted.
constexpr const char* variable = R"(\$\{)";

// What YAML gives for an unquoted 100, true or 2022-09-05 is no string.
Json scalar() { return {{"type", {"string", "number", "boolean"}}}; }

Json text_matching(const std::string& pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

Json object(std::span<const KeyRule> rules, std::span<const ConnectorKind> connectors);
Json schema_of(Shape shape, std::span<const ConnectorKind> connectors);

Json one_of_required(Json schema, std::initializer_list<const char*> names) {
  Json choices = Json::array();
  for (const char* name : names) choices.push_back(Json{{"required", Json::array({name})}});
  schema["oneOf"] = choices;
  return schema;
}

Json type_schema() {
  std::string names;
  for (const std::string_view name : type_names()) {
    if (!names.empty()) names += '|';
    names += name == "decimal(p,s)" ? R"(decimal\(\s*[0-9]+\s*,\s*[0-9]+\s*\))" : std::string(name);
  }
  return text_matching("^(" + names + "|boolean)$|" + variable);
}

Json option_schema(const Option& option) {
  Json schema;
  switch (option.type) {
    case OptionType::text: schema = {{"type", {"string", "number"}}}; break;
    case OptionType::boolean:
      schema = {{"anyOf", {{{"type", "boolean"}}, text_matching(std::string("^(true|false)$|") + variable)}}};
      break;
    case OptionType::integer:
      schema = {{"anyOf", {{{"type", "integer"}}, text_matching(std::string("^-?[0-9]+$|") + variable)}}};
      break;
    case OptionType::duration:
      schema = {{"anyOf",
                 {{{"type", "integer"}, {"minimum", 0}}, text_matching(std::string("^[0-9]+[smhd]?$|") + variable)}}};
      break;
    case OptionType::text_or_keywords:
      schema = {{"anyOf", {{{"type", "string"}}, {{"type", "object"}, {"additionalProperties", scalar()}}}}};
      break;
  }
  schema["description"] = option.help;
  return schema;
}

Json connections_schema(std::span<const ConnectorKind> connectors) {
  Json kinds = Json::array();
  for (const ConnectorKind& kind : connectors) {
    Json properties = Json::object();
    for (const Option& option : kind.options) properties[std::string(option.name)] = option_schema(option);
    for (const KeyRule& rule : connection_keys) {
      if (!fits(rule, kind.role)) continue;
      Json& property = properties[std::string(rule.name)] = schema_of(rule.shape, connectors);
      property["description"] = rule.help;
    }
    kinds.push_back({{"type", "object"},
                     {"description", kind.help},
                     {"properties", properties},
                     {"required", {kind.name}},
                     {"additionalProperties", false}});
  }
  return {
      {"type", "object"}, {"propertyNames", {{"pattern", name_pattern}}}, {"additionalProperties", {{"oneOf", kinds}}}};
}

Json schema_of(Shape shape, std::span<const ConnectorKind> connectors) {
  switch (shape) {
    case Shape::text: return {{"type", "string"}};
    case Shape::name: return text_matching(std::string(name_pattern) + "|" + variable);
    case Shape::scalar_map: return {{"type", "object"}, {"additionalProperties", scalar()}};
    case Shape::vars:
      return {{"type", "object"}, {"additionalProperties", {{"anyOf", {scalar(), object(var_keys, connectors)}}}}};
    case Shape::var_type: return text_matching(std::string("^(text|int|date)$|") + variable);
    case Shape::connections: return connections_schema(connectors);
    case Shape::flows:
      return {{"type", "object"},
              {"minProperties", 1},
              {"propertyNames", {{"pattern", name_pattern}}},
              {"additionalProperties", {{"anyOf", {object(flow_keys, connectors), object(export_keys, connectors)}}}}};
    case Shape::models: return object(models_keys, connectors);
    case Shape::record:
      return {{"type", "object"},
              {"minProperties", 1},
              {"propertyNames", {{"maxLength", 63}}},
              {"additionalProperties", {{"anyOf", {type_schema(), object(field_keys, connectors)}}}}};
    case Shape::from:
      return {{"oneOf",
               {object(from_queue_keys, connectors),
                one_of_required(object(from_objects_keys, connectors), {"key", "glob", "prefix"})}}};
    case Shape::from_database:
      return {{"oneOf",
               {object(from_table_keys, connectors),
                one_of_required(object(from_query_keys, connectors), {"query", "sql"})}}};
    case Shape::into_objects: return one_of_required(object(into_objects_keys, connectors), {"key", "prefix"});
    case Shape::publish: return text_matching(std::string("^(object|manifest)$|") + variable);
    case Shape::personal_data: return text_matching(std::string("^(allowed|refused)$|") + variable);
    case Shape::columns_by_table:
      return {{"type", "object"},
              {"additionalProperties",
               {{"anyOf", {{{"type", "string"}}, {{"type", "array"}, {"items", {{"type", "string"}}}}}}}}};
    case Shape::into: return object(into_keys, connectors);
    case Shape::rejects: return object(rejects_keys, connectors);
    case Shape::limit:
      return {{"anyOf",
               {{{"type", "integer"}, {"minimum", 0}},
                text_matching(std::string(R"(^[0-9]+(\.[0-9]+)?%?$|)") + variable)}}};
    case Shape::extra: return text_matching(std::string("^(ignore|reject)$|") + variable);
    case Shape::text_or_true: return {{"type", {"string", "boolean"}}};
    case Shape::type: return type_schema();
    case Shape::boolean:
      return {{"anyOf", {{{"type", "boolean"}}, text_matching(std::string("^(true|false)$|") + variable)}}};
    case Shape::count:
      return {
          {"anyOf", {{{"type", "integer"}, {"minimum", 1}}, text_matching(std::string("^[1-9][0-9]*$|") + variable)}}};
    case Shape::amount:
      return {{"anyOf", {{{"type", "integer"}, {"minimum", 0}}, text_matching(std::string("^[0-9]+$|") + variable)}}};
    case Shape::mode: return text_matching(std::string("^(append|replace|merge)$|") + variable);
    case Shape::format: return text_matching(std::string("^(csv|json|parquet)$|") + variable);
    case Shape::compression: return text_matching(std::string("^(auto|none|gzip|zstd)$|") + variable);
    case Shape::character: return text_matching(std::string(R"(^(\\t|[\x00-\x7f]?)$|)") + variable);
    case Shape::columns:
      return {{"anyOf", {{{"type", "string"}}, {{"type", "array"}, {"minItems", 1}, {"items", {{"type", "string"}}}}}}};
    case Shape::scalar: return {{"type", {"string", "number", "boolean", "null"}}};
    case Shape::scalar_list: return {{"type", "array"}, {"minItems", 1}, {"items", scalar()}};
    case Shape::path:
      return {{"anyOf", {{{"type", "string"}}, {{"type", "array"}, {"minItems", 1}, {"items", {{"type", "string"}}}}}}};
    case Shape::schedule: {
      Json schema = object(schedule_keys, connectors);
      Json either = Json::array();
      for (const char* name : {"cron", "every"}) either.push_back(Json{{"required", Json::array({name})}});
      schema["oneOf"] = either;
      return schema;
    }
    case Shape::duration:
      return {
          {"anyOf",
           {{{"type", "integer"}, {"minimum", 1}}, text_matching(std::string("^0*[1-9][0-9]*[smhd]?$|") + variable)}}};
    case Shape::overlap: return text_matching(std::string("^(skip|queue)$|") + variable);
    case Shape::incremental: return object(incremental_keys, connectors);
    case Shape::watch: {
      const Json tables = {
          {"type", "object"}, {"minProperties", 1}, {"additionalProperties", {{"type", "string"}, {"minLength", 1}}}};
      return {{"type", "object"}, {"minProperties", 1}, {"additionalProperties", tables}};
    }
    case Shape::pii: {
      std::string names;
      for (const std::string_view kind : pii_kinds) names += (names.empty() ? "" : "|") + std::string(kind);
      return text_matching("^(" + names + ")$|" + variable);
    }
  }
  return {};
}

Json object(std::span<const KeyRule> rules, std::span<const ConnectorKind> connectors) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const KeyRule& rule : rules) {
    Json schema = schema_of(rule.shape, connectors);
    schema["description"] = rule.help;
    properties[std::string(rule.name)] = std::move(schema);
    if (rule.required) required.push_back(rule.name);
  }
  return {{"type", "object"}, {"properties", properties}, {"required", required}, {"additionalProperties", false}};
}

}  // namespace

std::string json_schema(std::span<const ConnectorKind> connectors) {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "A Sluice project"}};
  schema.update(object(project_keys, connectors));
  schema["anyOf"] = {{{"required", {"flows"}}}, {{"required", {"models"}}}};
  return schema.dump(2) + "\n";
}

}  // namespace sluice::project
