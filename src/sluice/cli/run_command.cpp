// `sluice run`: every flow of a project once, until its queue is drained, and every model, in the order of the graph.
#include "sluice/cli/run_command.hpp"

#include "sluice/assembly/personal.hpp"
#include "sluice/assembly/run_steps.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/signals.hpp"
#include "sluice/core/log.hpp"

namespace sluice::cli {
namespace {

struct RunArguments {
  ProjectArguments project;
  std::vector<std::string> flows;
  std::vector<std::string> select;
  bool refresh = false;
  std::string wait = "5m";
  std::string database_wait = "5m";
};

// --flow names flows alone; --select takes their neighbours in the graph, too.
Result<std::vector<bool>> choose(const RunArguments& arguments, const Assembly& assembly, const Work& work) {
  if (arguments.flows.empty()) return work.graph.select(arguments.select);
  if (!arguments.select.empty())
    return fail(Fault::config, "--flow and --select do not go together", "--select takes flows, too");
  std::vector<bool> chosen(work.graph.steps().size(), false);
  for (const std::string& name : arguments.flows) {
    const auto out = std::ranges::find(assembly.project.exports, name, &project::Export::name);
    if (out != assembly.project.exports.end()) {
      chosen[work.flows + static_cast<std::size_t>(out - assembly.project.exports.begin())] = true;
      continue;
    }
    SLUICE_TRY(const project::Flow* flow, find_flow(assembly.project, name));
    chosen[static_cast<std::size_t>(flow - assembly.project.flows.data())] = true;
  }
  return chosen;
}

// Appended again, rows would be there twice: such a flow is not refreshed, and that is said.
Result<void> check_refresh(const Assembly& assembly, const Work& work, const std::vector<bool>& chosen) {
  constexpr const char* advice =
      "appended objects would be there twice; to load one again, delete its rows and forget it in the ledger, see "
      "docs/loading.md";
  std::vector<std::string> appended;
  bool refreshed = false;
  for (std::size_t step = 0; step < chosen.size(); ++step) {
    if (!chosen[step] || !work.is_flow(step)) continue;
    const project::Flow& flow = assembly.project.flows[step];
    if (flow.from.role != project::Role::object_store) continue;
    if (flow.mode == Mode::append)
      appended.push_back(flow.name);
    else
      refreshed = true;
  }
  if (!refreshed) {
    return fail(Fault::config, "--full-refresh: no flow that runs here replaces or merges the rows of objects",
                appended.empty() ? "leave it out" : advice);
  }
  for (const std::string& flow : appended)
    log::warning("--full-refresh leaves out a flow that appends", {{"flow", flow}, {"why", advice}});
  return {};
}

Result<Answer> run_project(const RunArguments& arguments, const Session& session) {
  SLUICE_TRY(const auto assembly, assemble(arguments.project, Keys::required));
  FlowRunOptions options;
  options.refresh = arguments.refresh;
  SLUICE_TRY(options.queue_wait, parse_duration(arguments.wait));
  SLUICE_TRY(options.database_away_max, parse_duration(arguments.database_wait));
  options.stop = stop_on_signal();
  SLUICE_TRY(const Work work, plan_work(*assembly));
  SLUICE_TRY(const std::vector<bool> chosen, choose(arguments, *assembly, work));
  for (const std::string& warning : work.warnings) log::warning(warning);
  if (arguments.refresh) SLUICE_CHECK(check_refresh(*assembly, work, chosen));

  // All of them before the first: a flow that may not run stops the others before they move anything.
  for (std::size_t step = 0; step < chosen.size(); ++step) {
    if (!chosen[step] || !work.is_flow(step)) continue;
    const project::Flow& flow = assembly->project.flows[step];
    const auto plan = plan_flow(*assembly, flow);
    if (!plan) return fail(Error(plan.error()).within(flow.name));
    log_warnings(flow.name, engine::warnings_of(plan->lineage));
  }
  options.warns = true;
  return run_steps(*assembly, session, std::move(options), work, chosen);
}

}  // namespace

Result<Answer> run_once(const std::string& file, const std::vector<std::string>& vars, const Session& session) {
  RunArguments arguments;
  arguments.project = {file, vars};
  return run_project(arguments, session);
}

void add_run(Command app, Session& session) {
  const Command command = app.command("run", "move what is there: every flow once, then the models that wait for it",
                                      "sluice run logins.yaml --var DATABASE_URL=postgresql://localhost/app");
  auto arguments = std::make_shared<RunArguments>();
  add_project(command, arguments->project);
  command.option("--flow", arguments->flows, "only this flow; may be repeated").type("NAME").repeated();
  command
      .option("--select", arguments->select,
              "only these flows and models: NAME, +NAME with what it needs, NAME+ with what waits for it")
      .type("NAMES")
      .repeated();
  command.flag("--full-refresh", arguments->refresh,
               "load objects again that are loaded already, where rows are replaced or merged");
  command.option("--wait", arguments->wait, "how long to wait for a queue that does not exist yet; 0: not at all")
      .type("DURATION")
      .from_environment("SLUICE_WAIT")
      .shows_default();
  command
      .option("--database-wait", arguments->database_wait,
              "how long to wait for a database that goes away during the run")
      .type("DURATION")
      .from_environment("SLUICE_DATABASE_WAIT")
      .shows_default();
  command.does(session, [arguments, &session] { return run_project(*arguments, session); });
}

}  // namespace sluice::cli
