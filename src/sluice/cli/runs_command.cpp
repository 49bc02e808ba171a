// `sluice runs`: what the ledger says of earlier runs.
#include <algorithm>
#include <set>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/cli/commands.hpp"

namespace sluice::cli {
namespace {

struct RunsArguments {
  ProjectArguments project;
  std::size_t most = 20;
};

Result<Answer> runs(const RunsArguments& arguments) {
  SLUICE_TRY(const auto assembly, assemble(arguments.project, Keys::if_there));
  std::set<std::string> databases;
  for (const project::Flow& flow : assembly->project.flows) databases.insert(flow.into_connection);
  std::vector<RunRecord> records;
  for (const std::string& name : databases) {
    SLUICE_TRY(const auto database, open_database(assembly->connection(name), system_clock()));
    SLUICE_TRY(const auto found, database->ledger().runs(assembly->project.name, arguments.most));
    records.insert(records.end(), found.begin(), found.end());
  }
  std::ranges::sort(records, std::greater{}, &RunRecord::started);
  if (records.size() > arguments.most) records.resize(arguments.most);

  Answer answer;
  Table table({"run", "flow", "started (UTC)", "took", "status", "received", "written", "rejected", "already there",
               "filtered"});
  table.align_right({0, 3, 5, 6, 7, 8, 9});
  answer.result["runs"] = Json::array();
  for (const RunRecord& run : records) {
    const double took = run.finished == 0 ? 0 : static_cast<double>(run.finished - run.started) / 1e6;
    table.add({std::to_string(run.id), run.flow, time_text(run.started), run.finished == 0 ? "" : seconds_text(took),
               run.status, thousands(run.received), thousands(run.written.written), thousands(run.written.rejected),
               thousands(run.written.known), thousands(run.written.filtered)});
    answer.result["runs"].push_back({{"run", run.id},
                                     {"flow", run.flow},
                                     {"started", time_text(run.started)},
                                     {"finished", time_text(run.finished)},
                                     {"status", run.status},
                                     {"received", run.received},
                                     {"written", run.written.written},
                                     {"rejected", run.written.rejected},
                                     {"already_there", run.written.known},
                                     {"filtered", run.written.filtered}});
  }
  answer.text = records.empty() ? "no runs yet\n" : table.text(0);
  answer.summary = std::to_string(records.size()) + " runs";
  return answer;
}

}  // namespace

void add_runs(Command app, Session& session) {
  const Command command =
      app.command("runs", "earlier runs and what they did, from the ledger", "sluice runs logins.yaml");
  auto arguments = std::make_shared<RunsArguments>();
  add_project(command, arguments->project);
  command.option("--most", arguments->most, "how many").type("N").between(1, 100000).shows_default();
  command.does(session, [arguments] { return runs(*arguments); });
}

}  // namespace sluice::cli
