// `sluice run`: every flow of a project once, until its queue is drained.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "sluice/cli/commands.hpp"
#include "sluice/cli/flow_run.hpp"
#include "sluice/cli/signals.hpp"
#include "sluice/cli/table.hpp"
#include "sluice/core/log.hpp"

namespace sluice::cli {
namespace {

struct RunArguments {
  ProjectArguments project;
  std::vector<std::string> flows;
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

Result<Answer> run_project(const RunArguments& arguments, const Session& session) {
  SLUICE_TRY(const auto assembly, assemble(arguments.project, Keys::required));
  FlowRunOptions options;
  options.refresh = arguments.refresh;
  SLUICE_TRY(options.queue_wait, parse_duration(arguments.wait));
  SLUICE_TRY(options.database_away_max, parse_duration(arguments.database_wait));
  options.stop = stop_on_signal();

  std::vector<const project::Flow*> flows;
  for (const std::string& name : arguments.flows) {
    SLUICE_TRY(const project::Flow* flow, find_flow(assembly->project, name));
    flows.push_back(flow);
  }
  if (flows.empty()) {
    for (const project::Flow& flow : assembly->project.flows) flows.push_back(&flow);
  }

  // All of them before the first: a flow that may not run stops the others before they move anything.
  if (flows.size() > 1) {
    for (const project::Flow* flow : flows) {
      if (auto plan = plan_flow(*assembly, *flow); !plan) return fail(std::move(plan).error().within(flow->name));
    }
  }

  Answer answer;
  answer.result["flows"] = Json::array();
  std::uint64_t received = 0;
  for (const project::Flow* flow : flows) {
    if (options.stop.stop_requested()) break;
    Progress progress(session, flow->name);
    options.progress = [&progress](const runtime::RunReport& report) { progress.show(report); };
    Result<runtime::RunOutcome> outcome = run_flow(*assembly, *flow, options);
    if (!outcome) {
      answer.error = std::move(outcome).error().within(flow->name);
      break;
    }
    received += outcome->report.received;
    answer.text += report_text(flow->name, outcome->report);
    answer.result["flows"].push_back(report_json(flow->name, outcome->report));
    if (outcome->stopped) answer.text += "  stopped before the queue was drained\n";
    if (outcome->error) {
      answer.error = std::move(*outcome->error).within(flow->name);
      break;
    }
  }
  answer.summary = fmt::format("{} messages received", received);
  return answer;
}

}  // namespace

void add_run(CLI::App& app, Session& session) {
  CLI::App* command = add_command(app, "run", "move what is there: every flow once, until its queue is drained",
                                  "sluice run logins.yaml --var DATABASE_URL=postgresql://localhost/app");
  auto arguments = std::make_shared<RunArguments>();
  arguments->project.add_to(*command);
  command->add_option("--flow", arguments->flows, "only this flow; may be repeated")
      ->type_name("NAME")
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
