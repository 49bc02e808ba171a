#include "sluice/assembly/assemble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <filesystem>

#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/key_vault.hpp"
#include "sluice/assembly/work.hpp"
#include "sluice/core/words.hpp"

namespace sluice::assembly {
namespace {

// What decides which rows an object becomes, as a short text that changes with it.
std::string definition_of(const project::Flow& flow) {
  const objects::CsvDialect& csv = flow.from.dialect.csv;
  std::string text = flow.select + '\0' + csv.delimiter + csv.quote + (csv.header ? '1' : '0') + csv.null_text + '\0' +
                     flow.into_table.text() + '\0' + (flow.record.extra == Record::Extra::reject ? '1' : '0');
  for (const RecordField& field : flow.record.fields) {
    text += '\0' + field.name + '\0' + to_string(field.type) + (field.nullable ? '1' : '0') +
            std::to_string(field.max.value_or(0)) + '\0' + field.default_text.value_or("") + '\0' + field.pattern;
    for (const std::string& value : field.one_of) text += '\0' + value;
    for (const std::string& name : field.path) text += '\0' + name;
  }
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return fmt::format("{:016x}", hash);
}

// Every object store, so that SQL can read its objects by name. Nothing is opened before SQL does.
std::vector<engine::FileStore> files_of(const project::Project& project) {
  std::vector<engine::FileStore> files;
  for (const project::Connection& connection : project.connections) {
    if (connection.kind->role != project::Role::object_store) continue;
    files.push_back({connection.name, connection.kind->name == "s3",
                     [connection] { return open_objects(connection, system_clock()); }});
  }
  return files;
}

}  // namespace

const project::Connection& Assembly::connection(const std::string& name) const {
  const auto found = std::ranges::find(project.connections, name, &project::Connection::name);
  assert(found != project.connections.end());  // the reader has checked every name
  return *found;
}

// Models and exports leave none.
bool keeps_rejects(const project::Project& project) {
  return std::ranges::any_of(project.flows, [](const project::Flow& flow) { return flow.max_rejects.count != 0; });
}

Result<void> no_strange_vars(const std::string& file, const std::map<std::string, std::string>& strange) {
  if (strange.empty()) return {};
  const auto& [name, near] = *strange.begin();
  return fail(Fault::config, "--var " + name + ": " + file + " names no such variable",
              near.empty()
                  ? "leave it out, or name it in the file: in `vars:`, as ${" + name + "}, or as :" + name + " in SQL"
                  : "did you mean '" + near + "'?");
}

Result<project::Project> load_project(const ProjectArguments& arguments, const RunTime& time) {
  SLUICE_TRY(auto vars, arguments.variables());
  project::LoadOptions options;
  options.vars = std::move(vars);
  options.built_in = built_in_values(time);
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  options.connectors = connector_kinds();
  SLUICE_TRY(auto project, project::load(arguments.file, options));
  if (!arguments.for_several) SLUICE_CHECK(no_strange_vars(project.file, project.strange_vars));
  return project;
}

Result<std::unique_ptr<Assembly>> assemble(const ProjectArguments& arguments, Keys keys, const RunTime& time) {
  SLUICE_TRY(auto project, load_project(arguments, time));
  return assemble(std::move(project), keys, time);
}

Result<std::unique_ptr<Assembly>> assemble(project::Project project, Keys keys, const RunTime& time) {
  auto assembly = std::make_unique<Assembly>();
  assembly->project = std::move(project);
  const std::string& file = assembly->project.keys_file;
  if (file.empty() && (keys == Keys::always || (keys == Keys::required && keeps_rejects(assembly->project)))) {
    return fail(
        Fault::config,
        assembly->project.file + ": `keys:` is missing; rejects are kept sealed, so a run needs a keyring",
        "add `keys: keys.json` and make it by `sluice keys init keys.json`; flows with `max_rejects: 0` need none");
  }
  if (!file.empty() && (keys != Keys::if_there || std::filesystem::exists(file))) {
    SLUICE_TRY(auto keyring, load_keyring(file));
    assembly->keyring.emplace(std::move(keyring));
  }
  engine::EngineOptions options;
  options.keyring = assembly->keyring ? &*assembly->keyring : nullptr;
  options.run_micros = time.micros;
  options.run_day = schedule::local_day(time.zone, time.seconds());
  options.files = files_of(assembly->project);
  SLUICE_TRY(assembly->engine, engine::Engine::open(options));
  return assembly;
}

Result<const project::Flow*> find_flow(const project::Project& project, const std::string& name) {
  std::vector<std::string> names;
  for (const project::Flow& flow : project.flows) {
    if (flow.name == name) return &flow;
    names.push_back(flow.name);
  }
  for (const project::Export& out : project.exports) {
    if (out.name == name)
      return fail(Fault::config,
                  "'" + name + "' goes from a database to objects; this command is for flows into a table");
  }
  if (name.empty() && project.flows.size() == 1) return &project.flows.front();
  if (name.empty() && names.empty())
    return fail(Fault::config, project.file + " has no flow into a table, and this command is for those");
  if (name.empty()) return fail(Fault::config, project.file + " has several flows", "name one of " + join(names, ", "));
  for (const project::Export& out : project.exports) names.push_back(out.name);
  return fail(Fault::config, project.file + " has no flow '" + name + "'", did_you_mean(name, names));
}

engine::PersonalData far_end(const project::Connection& connection) {
  return connection.personal_data_allowed ? engine::PersonalData::allowed : engine::PersonalData::refused;
}

engine::RowsOptions rows_options(const project::Flow& flow) {
  return {flow.record, flow.select, flow.select_place, flow.from.dialect};
}

Result<engine::RowsPlan> plan_flow(const Assembly& assembly, const project::Flow& flow) {
  SLUICE_TRY(engine::RowsPlan plan, engine::plan_rows(*assembly.engine, rows_options(flow)));
  const std::string where =
      flow.select.empty() ? flow.place.text() + ": without a select" : flow.select_place.text() + ": select";
  SLUICE_CHECK(engine::check_personal(plan.lineage, where, far_end(assembly.connection(flow.into_connection))));
  SLUICE_CHECK(engine::check_key(plan.lineage, flow.key, where));
  return plan;
}

Result<OpenFlow> open_flow(const Assembly& assembly, const project::Flow& flow) {
  OpenFlow open;
  open.flow = &flow;
  open.target.project = assembly.project.name;
  open.target.flow = flow.name;
  open.target.table = flow.into_table;
  open.target.create = flow.create;
  open.target.rejects = flow.rejects;
  SLUICE_TRY(engine::RowsPlan plan, plan_flow(assembly, flow));
  open.target.columns = std::move(plan.columns);
  open.lineage = std::move(plan.lineage);
  open.target.mode = flow.mode;
  open.target.key = flow.key;
  open.target.from_objects = flow.from.role == project::Role::object_store;
  open.target.definition = definition_of(flow);
  const project::Connection& from = assembly.connection(flow.from.connection);
  if (open.target.from_objects) {
    SLUICE_TRY(open.objects, open_objects(from, system_clock()));
  } else {
    SLUICE_TRY(open.queue, open_queue(from, system_clock()));
  }
  SLUICE_TRY(open.database, open_database(assembly.connection(flow.into_connection), system_clock()));
  return open;
}

Result<void> check_keys(Ledger& ledger, const mask::Keyring& keyring) {
  SLUICE_CHECK(compare_keys(ledger, keyring));
  SLUICE_TRY(const std::vector<std::string> used, ledger.key_ids());
  const std::string& primary = keyring.primary_id();
  if (std::ranges::find(used, primary) != used.end()) return {};
  return ledger.remember_key(primary, keyring.check(primary));
}

Result<void> compare_keys(Ledger& ledger, const mask::Keyring& keyring) {
  SLUICE_TRY(const std::vector<std::string> used, ledger.key_ids());
  for (const std::string& id : used) {
    SLUICE_TRY(const auto stored, ledger.key_check(id));
    const mask::KeyFacts* key = keyring.find(id);
    if (key == nullptr) {
      return fail(Fault::config, "the ledger was filled under mask key '" + id + "', which the keyring does not hold",
                  "use the keyring that its tables were filled with; a key that is no longer needed is disabled, not "
                  "taken out");
    }
    // A disabled key whose variable is gone cannot be compared; nothing can be masked or read with it either.
    if (stored && !key->check.empty() && *stored != key->check) {
      return fail(
          Fault::config, "the keyring's key '" + id + "' is not the one that the ledger knows by this id",
          "use the keyring that its tables were filled with, since another key gives equal values other tokens; a "
          "second keyring needs a ledger of its own: ledger: on the connection");
    }
  }
  return {};
}

}  // namespace sluice::assembly
