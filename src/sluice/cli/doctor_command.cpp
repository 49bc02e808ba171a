// `sluice doctor`: looks at each connection, read-only, and says what to do.
#include <algorithm>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/connectors.hpp"
#include "sluice/cli/commands.hpp"

namespace sluice::cli {
namespace {

const char* word(Finding::Level level) {
  switch (level) {
    case Finding::Level::good: return "ok";
    case Finding::Level::warning: return "warning";
    case Finding::Level::bad: return "bad";
  }
  return "?";
}

// The first flow that writes to this connection: its table is what rights are needed on.
std::optional<Target> target_on(const Assembly& assembly, const std::string& connection) {
  for (const project::Flow& flow : assembly.project.flows) {
    if (flow.into_connection != connection) continue;
    if (auto open = open_flow(assembly, flow)) return std::move(open->target);
  }
  return std::nullopt;
}

std::vector<Finding> not_opened(const Error& error) { return {{Finding::Level::bad, error.message, error.hint}}; }

std::vector<Finding> probe(const Assembly& assembly, const project::Connection& connection) {
  switch (connection.kind->role) {
    case project::Role::queue: {
      const auto queue = open_queue(connection, system_clock());
      return queue ? (*queue)->probe() : not_opened(queue.error());
    }
    case project::Role::object_store: {
      const auto store = open_objects(connection, system_clock());
      return store ? (*store)->probe() : not_opened(store.error());
    }
    case project::Role::database: {
      const auto database = open_database(connection, system_clock());
      const std::optional<Target> target = target_on(assembly, connection.name);
      return database ? (*database)->probe(target ? &*target : nullptr) : not_opened(database.error());
    }
  }
  return {};
}

// Of what is watched on this connection, and of exports that add what is new.
void probe_cursors(const Assembly& assembly, const project::Connection& connection, std::vector<Finding>& findings) {
  std::vector<WatchedTable> tables;
  const auto add = [&](const std::string& name, const WatchedTable& table) {
    if (name == connection.name && !table.cursor.empty()) tables.push_back(table);
  };
  for (const project::Watched& one : assembly.project.watch) add(one.connection, one.table);
  for (const project::Flow& flow : assembly.project.flows) {
    for (const project::Watched& one : flow.watch) add(one.connection, one.table);
  }
  for (const project::Export& out : assembly.project.exports) {
    if (out.incremental) add(out.connection, *out.incremental);
  }
  if (tables.empty()) return;
  const auto database = open_database(connection, system_clock());
  if (!database) return;  // said already
  for (const WatchedTable& table : tables) findings.push_back((*database)->probe_cursor(table));
}

Result<Answer> doctor(const ProjectArguments& arguments) {
  SLUICE_TRY(const auto assembly, assemble(arguments, Keys::if_there));
  std::vector<Finding> findings;
  if (!assembly->keyring && !keeps_rejects(assembly->project)) {
    // Models need none.
  } else if (!assembly->keyring) {
    findings.push_back(
        {Finding::Level::bad, "keyring: there is none", "name one by `keys:` and make it by `sluice keys init FILE`"});
  } else {
    findings.push_back({Finding::Level::good, "keyring: primary key " + assembly->keyring->primary_id()});
  }
  for (const project::Connection& connection : assembly->project.connections) {
    std::vector<Finding> found = probe(*assembly, connection);
    if (connection.kind->role == project::Role::database) probe_cursors(*assembly, connection, found);
    for (Finding& finding : found) {
      finding.what = connection.name + ": " + finding.what;
      findings.push_back(std::move(finding));
    }
  }

  Answer answer;
  answer.result["findings"] = Json::array();
  for (const Finding& finding : findings) {
    answer.text += std::string(word(finding.level)) +
                   std::string(9 - std::string_view(word(finding.level)).size(), ' ') + finding.what + '\n';
    if (!finding.hint.empty()) answer.text += "         -> " + finding.hint + '\n';
    answer.result["findings"].push_back(
        {{"level", word(finding.level)}, {"what", finding.what}, {"hint", finding.hint}});
  }
  const auto bad = std::ranges::count(findings, Finding::Level::bad, &Finding::level);
  const auto warnings = std::ranges::count(findings, Finding::Level::warning, &Finding::level);
  answer.summary = std::to_string(bad) + " bad, " + std::to_string(warnings) + " warnings, " +
                   std::to_string(findings.size()) + " looked at";
  if (bad > 0)
    answer.error =
        Error{Fault::denied,
              "doctor found " + std::to_string(bad) + " thing" + (bad == 1 ? "" : "s") + " that would stop a run", ""};
  return answer;
}

}  // namespace

void add_doctor(Command app, Session& session) {
  const Command command =
      app.command("doctor", "look at each connection, change nothing, and say what to do", "sluice doctor logins.yaml");
  auto arguments = std::make_shared<ProjectArguments>();
  add_project(command, *arguments);
  command.does(session, [arguments] { return doctor(*arguments); });
}

}  // namespace sluice::cli
