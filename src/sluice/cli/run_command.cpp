// `sluice run`: every flow of a project once, until its queue is drained, and every model, in the order of the graph.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "sluice/cli/commands.hpp"
#include "sluice/cli/connectors.hpp"
#include "sluice/cli/flow_run.hpp"
#include "sluice/cli/signals.hpp"
#include "sluice/cli/table.hpp"
#include "sluice/cli/work.hpp"
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

// One line that is drawn over on a terminal; a log line every ten seconds elsewhere.
class Progress {
 public:
  Progress(const Session& session, std::string flow) : terminal_(session.terminal()), flow_(std::move(flow)) {}
  ~Progress() {
    if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const runtime::RunReport& report) {
    const auto now = std::chrono::steady_clock::now();
    if (terminal_) {
      const double seconds = std::chrono::duration<double>(now - started_).count();
      const auto rate = static_cast<std::uint64_t>(static_cast<double>(report.received) / std::max(seconds, 0.001));
      std::cerr << fmt::format("\r\x1b[K{}: {} received, {}/s, {} rejected, {} already there", flow_,
                               thousands(report.received), thousands(rate), thousands(report.written.rejected),
                               thousands(report.written.known))
                << std::flush;
      drawn_ = true;
    } else if (now - last_ > std::chrono::seconds(10)) {
      last_ = now;
      log::info("progress", {{"flow", flow_},
                             {"received", std::to_string(report.received)},
                             {"written", std::to_string(report.written.written)},
                             {"rejected", std::to_string(report.written.rejected)}});
    }
  }

 private:
  bool terminal_;
  bool drawn_ = false;
  std::string flow_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_ = started_;
};

// Runs the chosen steps of the graph; what waits for one that failed is left out.
class ProjectRun {
 public:
  ProjectRun(const Assembly& assembly, const Session& session, FlowRunOptions options)
      : assembly_(assembly), session_(session), options_(std::move(options)) {}

  Result<Answer> run(const Work& work, const std::vector<bool>& chosen) {
    answer_.result["flows"] = Json::array();
    if (!work.models.empty()) answer_.result["models"] = Json::array();
    std::vector<std::string> broken(work.graph.steps().size());  // by step: whose fault it is that it has no result
    for (const std::size_t step : work.graph.order()) {
      if (!chosen[step]) continue;
      if (options_.stop.stop_requested()) break;
      const std::string& name = work.graph.steps()[step].name;
      for (const std::size_t before : work.graph.waits_for(step)) {
        if (broken[step].empty()) broken[step] = broken[before];
      }
      if (!broken[step].empty()) {
        answer_.text += name + ": skipped, since " + broken[step] + " failed\n";
        answer_.result["skipped"].push_back({{"name", name}, {"since", broken[step]}});
        continue;
      }
      std::optional<Error> error =
          work.is_flow(step) ? run_one(assembly_.project.flows[step]) : build_one(work.model(step));
      if (!error) continue;
      broken[step] = name;
      if (!answer_.error) {
        answer_.error = std::move(error);
      } else {
        log::error("failed, too", {{"name", name}, {"error", error->text()}});
      }
    }
    answer_.summary = fmt::format("{} messages received", received_);
    if (built_ > 0) answer_.summary += fmt::format(", {} model{} built", built_, built_ == 1 ? "" : "s");
    return std::move(answer_);
  }

 private:
  std::optional<Error> run_one(const project::Flow& flow) {
    Progress progress(session_, flow.name);
    options_.progress = [&progress](const runtime::RunReport& report) { progress.show(report); };
    Result<runtime::RunOutcome> outcome = run_flow(assembly_, flow, options_);
    if (!outcome) return std::move(outcome).error().within(flow.name);
    received_ += outcome->report.received;
    answer_.text += report_text(flow.name, outcome->report);
    answer_.result["flows"].push_back(report_json(flow.name, outcome->report));
    if (outcome->stopped) answer_.text += "  stopped before the queue was drained\n";
    if (outcome->error) return std::move(*outcome->error).within(flow.name);
    return std::nullopt;
  }

  std::optional<Error> build_one(const Model& model) {
    if (!database_) {
      auto opened = open_database(assembly_.connection(assembly_.project.models->connection), system_clock());
      if (!opened) return std::move(opened).error().within(model.name);
      database_ = *std::move(opened);
    }
    double seconds = 0;
    const auto build = [&] {
      const Stopwatch watch(seconds);
      return database_->build_model(model);
    };
    Result<ModelBuilt> built = build();
    if (!built) return std::move(built).error().within(model.name);
    answer_.text += model_text(model, *built, seconds);
    answer_.result["models"].push_back(model_json(model, *built, seconds));
    if (auto error = failed_tests(model, *built)) return error;
    ++built_;
    return std::nullopt;
  }

  const Assembly& assembly_;
  const Session& session_;
  FlowRunOptions options_;
  std::unique_ptr<Database> database_;  // of the models
  Answer answer_;
  std::uint64_t received_ = 0;
  std::size_t built_ = 0;
};

// --flow names flows alone; --select takes their neighbours in the graph, too.
Result<std::vector<bool>> choose(const RunArguments& arguments, const Assembly& assembly, const Work& work) {
  if (arguments.flows.empty()) return work.graph.select(arguments.select);
  if (!arguments.select.empty())
    return fail(Fault::config, "--flow and --select do not go together", "--select takes flows, too");
  std::vector<bool> chosen(work.graph.steps().size(), false);
  for (const std::string& name : arguments.flows) {
    SLUICE_TRY(const project::Flow* flow, find_flow(assembly.project, name));
    chosen[static_cast<std::size_t>(flow - assembly.project.flows.data())] = true;
  }
  return chosen;
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

  // All of them before the first: a flow that may not run stops the others before they move anything.
  for (std::size_t step = 0; step < chosen.size(); ++step) {
    if (!chosen[step] || !work.is_flow(step)) continue;
    const project::Flow& flow = assembly->project.flows[step];
    if (auto plan = plan_flow(*assembly, flow); !plan) return fail(std::move(plan).error().within(flow.name));
  }
  return ProjectRun(*assembly, session, std::move(options)).run(work, chosen);
}

}  // namespace

void add_run(CLI::App& app, Session& session) {
  CLI::App* command = add_command(app, "run", "move what is there: every flow once, then the models that wait for it",
                                  "sluice run logins.yaml --var DATABASE_URL=postgresql://localhost/app");
  auto arguments = std::make_shared<RunArguments>();
  arguments->project.add_to(*command);
  command->add_option("--flow", arguments->flows, "only this flow; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      ->add_option("--select", arguments->select,
                   "only these flows and models: NAME, +NAME with what it needs, NAME+ with what waits for it")
      ->type_name("NAMES")
      ->allow_extra_args(false);
  command->add_flag("--full-refresh", arguments->refresh,
                    "load objects again that are loaded already, where rows are replaced or merged");
  command->add_option("--wait", arguments->wait, "how long to wait for a queue that does not exist yet; 0: not at all")
      ->type_name("DURATION")
      ->envname("SLUICE_WAIT")
      ->capture_default_str();
  command
      ->add_option("--database-wait", arguments->database_wait,
                   "how long to wait for a database that goes away during the run")
      ->type_name("DURATION")
      ->envname("SLUICE_DATABASE_WAIT")
      ->capture_default_str();
  command->callback(
      [arguments, &session] { session.action = [arguments, &session] { return run_project(*arguments, session); }; });
}

}  // namespace sluice::cli
