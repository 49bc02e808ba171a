#include "sluice/runtime/manifest.hpp"

#include <nlohmann/json.hpp>

#include "sluice/core/crash_point.hpp"

namespace sluice::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kind = "sluice-manifest";
constexpr int version_known = 1;
constexpr std::size_t bytes_max = std::size_t{64} << 20U;

// A run that found no new rows leaves the manifest, unless it knows better where the next one begins to look.
std::string mark_of(const Manifest& manifest) {
  const auto from = manifest.mark.find("from");
  if (from != manifest.mark.end()) return "from " + from->second;
  return manifest.mark.empty() ? "" : "all";
}

bool lists_the_same(const Manifest& a, const Manifest& b) {
  const auto same_columns = [&] {
    if (a.columns.size() != b.columns.size()) return false;
    for (std::size_t i = 0; i < a.columns.size(); ++i) {
      if (a.columns[i].name != b.columns[i].name || !(a.columns[i].type == b.columns[i].type)) return false;
    }
    return true;
  };
  return a.project == b.project && a.flows == b.flows && a.mask_key == b.mask_key && a.entries == b.entries &&
         same_columns() && mark_of(a) == mark_of(b);
}

}  // namespace

std::string to_json(const Manifest& manifest) {
  Json json = {{"kind", kind}, {"version", version_known}, {"project", manifest.project}, {"flows", manifest.flows}};
  if (!manifest.writer.empty()) json["writer"] = manifest.writer;
  if (!manifest.snapshot.empty()) json["snapshot"] = manifest.snapshot;
  if (!manifest.mask_key.empty()) json["mask_key"] = manifest.mask_key;
  if (!manifest.columns.empty()) {
    json["columns"] = Json::array();
    for (const Field& field : manifest.columns)
      json["columns"].push_back({{"name", field.name}, {"type", to_string(field.type)}});
  }
  if (!manifest.mark.empty()) json["mark"] = manifest.mark;
  json["objects"] = Json::array();
  for (const ManifestEntry& entry : manifest.entries) {
    json["objects"].push_back({{"key", entry.key},
                               {"rows", entry.rows},
                               {"bytes", entry.bytes},
                               {"sha256", entry.sha256},
                               {"version", entry.version}});
  }
  return json.dump(2) + "\n";
}

Result<Manifest> parse_manifest(const std::string& text, const std::string& uri) {
  const auto wrong = [&uri] {
    return fail(Fault::conflict, uri + " is there, but is no manifest that this version of sluice can read",
                "give the flow another key, or take that object away");
  };
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("kind", "") != kind) return wrong();
  try {
    if (json.at("version") != version_known) return wrong();
    Manifest manifest;
    manifest.project = json.at("project").get<std::string>();
    manifest.flows = json.at("flows").get<std::vector<std::string>>();
    manifest.snapshot = json.value("snapshot", "");
    manifest.mask_key = json.value("mask_key", "");
    manifest.writer = json.value("writer", "");
    manifest.mark = json.value("mark", ReadMark());
    for (const Json& column : json.value("columns", Json::array())) {
      const std::optional<Type> type = parse_type(column.at("type").get<std::string>());
      if (!type) return wrong();
      manifest.columns.push_back({column.at("name").get<std::string>(), *type});
    }
    for (const Json& entry : json.at("objects")) {
      manifest.entries.push_back({entry.at("key").get<std::string>(), entry.at("rows").get<std::uint64_t>(),
                                  entry.at("bytes").get<std::uint64_t>(), entry.at("sha256").get<std::string>(),
                                  entry.at("version").get<std::string>()});
    }
    return manifest;
  } catch (const Json::exception&) {
    return wrong();
  }
}

Result<std::optional<FoundManifest>> find_manifest(ObjectStore& store, const std::string& key) {
  SLUICE_TRY(const auto facts, store.head(key));
  if (!facts) return std::optional<FoundManifest>();
  if (facts->bytes > bytes_max) return fail(Fault::conflict, store.uri(key) + " is too large to be a manifest");
  SLUICE_TRY(const std::string text, store.read(key, facts->version, 0, static_cast<std::size_t>(facts->bytes)));
  SLUICE_TRY(Manifest manifest, parse_manifest(text, store.uri(key)));
  return std::optional<FoundManifest>({std::move(manifest), facts->version});
}

Result<bool> publish_manifest(ObjectStore& store, const std::string& key, const Manifest& manifest,
                              const std::optional<FoundManifest>& before) {
  if (before && lists_the_same(before->manifest, manifest)) return false;
  PutOptions options{.content_type = "application/json"};
  options.condition.if_absent = !before;
  if (before) options.condition.if_version = before->version;
  const Result<ObjectFacts> put = store.put(key, to_json(manifest), options);
  SLUICE_CRASH_POINT("B4_manifest_sent");
  if (put) return true;
  // The reply may have been lost on its way, and a second try met our own manifest.
  const auto found = find_manifest(store, key);
  if (!found) return fail(put.error());
  const bool ours = *found && (manifest.writer.empty() ? lists_the_same((*found)->manifest, manifest)
                                                       : (*found)->manifest.writer == manifest.writer);
  if (ours) return true;
  if (put.error().fault != Fault::conflict) return fail(put.error());
  SLUICE_CRASH_POINT("B5_refused");
  return fail(Fault::conflict, store.uri(key) + " was changed by another run meanwhile: its objects stand, ours do not",
              "let one run at a time write there, then run again");
}

}  // namespace sluice::runtime
