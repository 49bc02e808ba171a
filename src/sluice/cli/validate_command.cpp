// `sluice validate`: everything that can be checked without a network.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "sluice/cli/assemble.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/work.hpp"

namespace sluice::cli {
namespace {

Result<Answer> validate(const ProjectArguments& arguments) {
  SLUICE_TRY(const auto assembly, assemble(arguments, Keys::required));
  Answer answer;
  answer.result["flows"] = Json::array();
  std::size_t warned = 0;
  for (const project::Flow& flow : assembly->project.flows) {
    auto open = open_flow(*assembly, flow);
    if (!open) return fail(std::move(open).error());
    Json columns = Json::object();
    for (const Field& field : open->target.columns) columns[field.name] = to_string(field.type);
    const std::vector<std::string> warnings = engine::warnings_of(open->lineage);
    for (const std::string& warning : warnings) answer.text += "warning: " + flow.name + ": " + warning + '\n';
    warned += warnings.size();
    answer.result["flows"].push_back({{"flow", flow.name}, {"columns", columns}, {"warnings", warnings}});
  }
  SLUICE_TRY(const Work work, plan_work(*assembly));
  std::vector<std::string> warnings = work.warnings;
  for (const models::GraphTable& source : work.graph.sources())
    warnings.push_back("no flow or model writes table " + source.text() + ": it must be in the database already");
  for (const std::string& warning : warnings) answer.text += "warning: " + warning + '\n';
  warned += warnings.size();
  answer.result["warnings"] = warnings;
  answer.result["models"] = work.models.size();
  const auto counted = [](std::size_t count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  answer.summary = assembly->project.file + ": " + counted(assembly->project.flows.size(), "flow") + ", ";
  if (!work.models.empty()) answer.summary += counted(work.models.size(), "model") + ", ";
  answer.summary += "nothing wrong";
  if (warned > 0) answer.summary += fmt::format(", {} warning{}", warned, warned == 1 ? "" : "s");
  answer.text += answer.summary + '\n';
  return answer;
}

}  // namespace

void add_validate(CLI::App& app, Session& session) {
  CLI::App* command = add_command(app, "validate", "check a project file without a network: names, types, SQL, keys",
                                  "sluice validate logins.yaml");
  auto arguments = std::make_shared<ProjectArguments>();
  arguments->add_to(*command);
  command->callback([arguments, &session] { session.action = [arguments] { return validate(*arguments); }; });
}

}  // namespace sluice::cli
