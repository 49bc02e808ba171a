#include "sluice/project/places.hpp"

#include <strings.h>

#include <algorithm>
#include <optional>

#include "sluice/objects/content_hash.hpp"

namespace sluice::project {
namespace {

const Connection& connection_of(const Project& project, const std::string& name) {
  return *std::ranges::find(project.connections, name, &Connection::name);  // the reader has checked every name
}

// Two connections are one place as far as their settings tell.
std::string far_end_of(const Connection& connection) {
  const std::string known = connection.kind->far_end == nullptr ? "" : connection.kind->far_end(connection.settings);
  return known.empty() ? "connection " + connection.name : known;
}

std::string named(const char* kind, const std::string& name) { return std::string(kind) + " '" + name + "'"; }

std::string see(const Place& place) { return " (" + place.text() + ")"; }

// What one export writes under. Keys begin with the bucket or folder, so that one below another folder is seen, too.
struct ObjectClaim {
  enum class What { object, manifest, shared_manifest, prefix };

  const Export* out;
  What what;
  std::string name;  // as the file has it
  std::string key;

  std::string text() const {
    const char* words[] = {"key", "manifest", "shared manifest", "prefix"};
    return named(words[static_cast<std::size_t>(what)], name);
  }
};
using What = ObjectClaim::What;

std::vector<ObjectClaim> claims_of(const Project& project, const Export& out) {
  const IntoObjects& into = out.into;
  const std::string folder = far_end_of(connection_of(project, into.connection)) + "/";
  std::vector<ObjectClaim> claims;
  const auto claim = [&](What what, const std::string& name) { claims.push_back({&out, what, name, folder + name}); };
  if (into.publish == Publish::object) {
    claim(What::object, into.key);
    if (!into.manifest.empty()) claim(What::shared_manifest, into.manifest);
  } else {
    claim(What::prefix, into.key);
    claim(What::manifest, into.key + "_manifest.json");
  }
  return claims;
}

// Whether the export below that prefix may give a file this name, or take it for an old one of its own.
bool is_file_below(const std::string& prefix, const std::string& key) {
  return key.starts_with(prefix) && objects::is_named_by_content(std::string_view(key).substr(prefix.size()));
}

bool collide(const ObjectClaim& a, const ObjectClaim& b) {
  if (a.what == What::shared_manifest && b.what == What::shared_manifest) {
    // One list is written for each connection.
    return a.key == b.key && a.out->into.connection != b.out->into.connection;
  }
  if (a.what == What::prefix && b.what != What::prefix) return is_file_below(a.key, b.key);
  if (b.what == What::prefix && a.what != What::prefix) return is_file_below(b.key, a.key);
  return a.key == b.key;
}

Result<void> check_objects(const Project& project) {
  std::vector<ObjectClaim> taken;
  for (const Export& out : project.exports) {
    std::vector<ObjectClaim> claims = claims_of(project, out);
    for (const ObjectClaim& claim : claims) {
      const auto other = std::ranges::find_if(taken, [&](const ObjectClaim& one) { return collide(one, claim); });
      if (other == taken.end()) continue;
      const bool lists = claim.what == What::shared_manifest && other->what == What::shared_manifest;
      return fail(Fault::config,
                  out.place.text() + ": " + named("flow", out.name) + " writes to " + claim.text() + ", where " +
                      named("flow", other->out->name) + see(other->out->place) + " has its " + other->text() +
                      ": one would overwrite the other",
                  lists ? "a manifest that flows share is reached by one connection: name the same in both"
                        : "give each flow a key or a prefix of its own");
    }
    taken.insert(taken.end(), claims.begin(), claims.end());
  }
  return {};
}

// A table that a flow or a model writes.
struct TableClaim {
  std::string step;  // "flow 'orders'"
  Place place;
  std::optional<Mode> mode;  // of a flow
  std::string text;          // CONNECTION.SCHEMA.TABLE, as the file has it
  std::string far_end;
  TableName table;  // with a schema
  bool folds;

  std::string does() const {
    if (!mode) return "makes";
    switch (*mode) {
      case Mode::append: return "appends to";
      case Mode::replace: return "replaces";
      case Mode::merge: return "merges into";
    }
    return "?";
  }
};

TableClaim claim_of(const Project& project, std::string step, const Place& place, std::optional<Mode> mode,
                    const std::string& connection, TableName table) {
  const Connection& database = connection_of(project, connection);
  std::string text = connection + "." + table.text();
  if (table.schema.empty()) table.schema = database.kind->default_schema;
  return {std::move(step),           place, mode, std::move(text), far_end_of(database), std::move(table),
          database.kind->folds_names};
}

bool is_same_table(const TableClaim& a, const TableClaim& b) {
  if (a.far_end != b.far_end) return false;
  if (!a.folds) return a.table == b.table;
  return strcasecmp(a.table.schema.c_str(), b.table.schema.c_str()) == 0 &&
         strcasecmp(a.table.table.c_str(), b.table.table.c_str()) == 0;
}

bool may_share(const TableClaim& a, const TableClaim& b) {
  return a.mode && b.mode && *a.mode != Mode::replace && *b.mode != Mode::replace;
}

Result<void> check_tables(const Project& project) {
  std::vector<TableClaim> taken;
  for (const Flow& flow : project.flows) {
    taken.push_back(
        claim_of(project, named("flow", flow.name), flow.place, flow.mode, flow.into_connection, flow.into_table));
  }
  if (project.models) {
    for (const auto& [model, reads] : project.models->models) {
      taken.push_back(claim_of(project, named("model", model.name), model.place, std::nullopt,
                               project.models->connection, model.table));
    }
  }
  for (std::size_t i = 0; i < taken.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      // Of a flow and a model the flow is told first: it stands in the project file.
      const bool swapped = !taken[i].mode && taken[j].mode;
      const TableClaim& one = taken[swapped ? j : i];
      const TableClaim& other = taken[swapped ? i : j];
      if (may_share(one, other) || !is_same_table(one, other)) continue;
      const bool models = !one.mode || !other.mode;
      return fail(Fault::config,
                  one.place.text() + ": " + one.step + " " + one.does() + " table " + one.text + ", which " +
                      other.step + see(other.place) + " " + other.does() + ": one would take the other's rows away",
                  models ? "give each a table of its own; a model may read the flow's table"
                         : "give each a table of its own and read both in a model or a view, or let one flow read "
                           "all; only flows that append or merge may share a table");
    }
  }
  return {};
}

}  // namespace

Result<void> check_places(const Project& project) {
  SLUICE_CHECK(check_objects(project));
  return check_tables(project);
}

}  // namespace sluice::project
