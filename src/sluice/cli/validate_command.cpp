// `sluice validate`: everything that can be checked without a network; flows from a database need that database.
#include <fmt/format.h>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/export_run.hpp"
#include "sluice/assembly/mask_domains.hpp"
#include "sluice/assembly/personal.hpp"
#include "sluice/assembly/work.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/personal_paths.hpp"
#include "sluice/cli/rewrap_select.hpp"

namespace sluice::cli {
namespace {

// Each tagged column that arrives, by the path it takes.
void add_paths(const std::string& flow, const engine::Lineage& lineage, Answer& answer) {
  for (const engine::PersonalPath& path : lineage.paths) {
    answer.text +=
        fmt::format("{}: {} arrives as {}, {}: {}\n", flow, path.source, path.column, arrival(path), path.path);
  }
}

// The columns of a query are known to its database alone. One that needs what a run makes first is checked by the run,
// before it reads a row.
Result<void> add_export(const Assembly& assembly, const Work& work, const project::Export& out, Answer& answer,
                        std::vector<std::string>& warnings, MaskDomains& domains) {
  Result<ExportPlan> found = plan_export(assembly, work, out);
  if (!found) return fail(std::move(found).error().within(out.name));
  domains.add(out.name, found->lineage);
  Json columns = Json::object();
  for (const Field& field : found->columns) columns[field.name] = to_string(field.type);
  std::vector<std::string> warned = engine::warnings_of(found->lineage);
  if (!found->missing.empty()) warned.push_back("checked by the run, which makes table " + found->missing + " first");
  for (const std::string& warning : warned) warnings.push_back(out.name + ": " + warning);
  add_paths(out.name, found->lineage, answer);
  answer.result["flows"].push_back(
      {{"flow", out.name}, {"columns", columns}, {"personal", paths_json(found->lineage)}, {"warnings", warned}});
  return {};
}

// Settings alone: nothing is reached.
Result<void> check_connection(const project::Connection& connection) {
  switch (connection.kind->role) {
    case project::Role::queue: SLUICE_CHECK(open_queue(connection, system_clock())); break;
    case project::Role::object_store: SLUICE_CHECK(open_objects(connection, system_clock())); break;
    case project::Role::database: SLUICE_CHECK(open_database(connection, system_clock())); break;
  }
  return {};
}

Result<Answer> validate(const ProjectArguments& arguments) {
  SLUICE_TRY(const auto assembly, assemble(arguments, Keys::required));
  Answer answer;
  answer.result["flows"] = Json::array();
  std::size_t warned = 0;
  MaskDomains domains;
  for (const project::Flow& flow : assembly->project.flows) {
    auto open = open_flow(*assembly, flow);
    if (!open) return fail(std::move(open).error());
    domains.add(flow.name, open->lineage);
    Json columns = Json::object();
    for (const Field& field : open->target.columns) columns[field.name] = to_string(field.type);
    add_paths(flow.name, open->lineage, answer);
    std::vector<std::string> warnings = engine::warnings_of(open->lineage);
    for (std::string& warning : warnings_of_keys(flow, open->lineage)) warnings.push_back(std::move(warning));
    for (const std::string& warning : warnings) answer.text += "warning: " + flow.name + ": " + warning + '\n';
    warned += warnings.size();
    answer.result["flows"].push_back(
        {{"flow", flow.name}, {"columns", columns}, {"personal", paths_json(open->lineage)}, {"warnings", warnings}});
  }
  for (const project::Connection& connection : assembly->project.connections)
    SLUICE_CHECK(check_connection(connection));
  SLUICE_TRY(const Work work, plan_work(*assembly));
  std::vector<std::string> warnings = work.warnings;
  for (const project::Export& out : assembly->project.exports)
    SLUICE_CHECK(add_export(*assembly, work, out, answer, warnings, domains));
  for (std::string& warning : domains.warnings()) warnings.push_back(std::move(warning));
  for (const auto& [model, found] : warnings_of_models(*assembly, work)) {
    for (const std::string& warning : found) warnings.push_back(model + ": " + warning);
  }
  for (const models::GraphTable& source : work.graph.sources())
    warnings.push_back("no flow or model writes table " + source.text() + ": it must be in the database already");
  for (const std::string& warning : warnings) answer.text += "warning: " + warning + '\n';
  warned += warnings.size();
  answer.result["warnings"] = warnings;
  answer.result["models"] = work.models.size();
  const auto counted = [](std::size_t count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  const std::size_t flows = assembly->project.flows.size() + assembly->project.exports.size();
  answer.summary = assembly->project.file + ": " + counted(flows, "flow") + ", ";
  if (!work.models.empty()) answer.summary += counted(work.models.size(), "model") + ", ";
  answer.summary += "nothing wrong";
  if (warned > 0) answer.summary += fmt::format(", {} warning{}", warned, warned == 1 ? "" : "s");
  answer.text += answer.summary + '\n';
  return answer;
}

}  // namespace

void add_validate(Command app, Session& session) {
  const Command command =
      app.command("validate", "check a project file: names, types, SQL, keys, where personal data goes",
                  "sluice validate logins.yaml");
  auto arguments = std::make_shared<ProjectArguments>();
  add_project(command, *arguments);
  command.does(session, [arguments] { return validate(*arguments); });
}

}  // namespace sluice::cli
