// `sluice doctor`: looks at each connection, read-only, and says what to do.
#include <algorithm>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/export_run.hpp"
#include "sluice/assembly/server_jobs.hpp"
#include "sluice/assembly/work.hpp"
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

Finding bad(const Error& error) { return {Finding::Level::bad, error.message, error.hint}; }

std::vector<Finding> not_opened(const Error& error) { return {bad(error)}; }

// What the project does there; a flow that cannot be opened stands among the findings instead.
DatabaseUse use_of(const Assembly& assembly, const Work& work, const std::string& connection,
                   std::vector<Finding>& findings) {
  const project::Project& project = assembly.project;
  DatabaseUse use;
  use.written = project.models && project.models->connection == connection;
  if (use.written) {
    for (std::size_t step = 0; step < work.graph.steps().size(); ++step) {
      if (work.is_model(step)) use.models.push_back({work.model(step).table, work.model(step).materialize});
    }
  }
  use.turns = keeps_turns(project, connection);
  for (const project::Flow& flow : project.flows) {
    if (flow.into_connection != connection) continue;
    use.written = true;
    auto open = open_flow(assembly, flow);
    if (open) use.targets.push_back(std::move(open->target));
    // Without a keyring no mask can be: that is told once.
    if (!open && assembly.keyring) findings.push_back(bad(std::move(open).error().within(flow.name)));
  }
  return use;
}

// A query that did not get as far as being planned, or did.
class QueryProbe {
 public:
  QueryProbe(const Work& work, std::size_t step, const std::string& connection)
      : work_(work), step_(step), connection_(connection), what_(step_of().kind + " " + step_of().name) {}

  // The run makes it first, so that nothing more can be told, or nobody does.
  Finding missing(const std::string& table) const {
    const bool wanted = std::ranges::any_of(work_.graph.sources(), [&](const models::GraphTable& source) {
      return source.connection == connection_ && source.name.text() == table;
    });
    if (wanted) return {Finding::Level::bad, what_ + ": there is no table " + table, "make it, or correct its name"};
    return {Finding::Level::good, what_ + ": not looked at, since the run makes table " + table + " first"};
  }

  Finding refused(Error error) const {
    Finding finding = bad(std::move(error).within(what_));
    // A view has the columns of its own SELECT, which may have changed since it was made.
    for (const std::size_t before : work_.graph.waits_for(step_)) {
      if (!work_.is_model(before) || work_.model(before).materialize != Materialize::view) continue;
      finding.level = Finding::Level::warning;
      finding.what += ", unless view " + work_.model(before).table.text() + ", which the run makes anew, changes that";
      break;
    }
    return finding;
  }

  Finding planned() const { return {Finding::Level::good, what_ + ": its query can be run"}; }

 private:
  const models::Step& step_of() const { return work_.graph.steps()[step_]; }

  const Work& work_;
  std::size_t step_;
  const std::string& connection_;
  std::string what_;
};

Finding probe_export(const Assembly& assembly, const Work& work, const project::Export& out, const QueryProbe& query) {
  Result<ExportPlan> plan = plan_export(assembly, work, out);
  if (!plan) return query.refused(std::move(plan).error());
  return plan->missing.empty() ? query.planned() : query.missing(plan->missing);
}

Finding probe_model(const Work& work, std::size_t step, Database& database, const QueryProbe& query) {
  const Result<std::string> missing = missing_table(work, step, database);
  if (!missing) return query.refused(missing.error());
  if (!missing->empty()) return query.missing(*missing);
  const Result<void> checked = database.check_model(work.model(step));
  return checked ? query.planned() : query.refused(checked.error());
}

// Each SELECT of the project that this database runs.
void probe_queries(const Assembly& assembly, const Work& work, const project::Connection& connection,
                   std::vector<Finding>& findings) {
  for (const std::size_t step : work.graph.order()) {
    const QueryProbe query(work, step, connection.name);
    if (work.is_export(step)) {
      const project::Export& out = assembly.project.exports[step - work.flows];
      if (out.connection == connection.name) findings.push_back(probe_export(assembly, work, out, query));
    } else if (work.is_model(step) && assembly.project.models->connection == connection.name) {
      const auto database = open_database(connection, system_clock());
      findings.push_back(database ? probe_model(work, step, **database, query) : bad(database.error()));
    }
  }
}

std::vector<Finding> probe_database(const Assembly& assembly, const Work& work, const project::Connection& connection) {
  std::vector<Finding> refused;
  const DatabaseUse use = use_of(assembly, work, connection.name, refused);
  std::vector<Finding> findings;
  if (auto database = open_database(connection, system_clock())) {
    findings = (*database)->probe(use);
  } else {
    return not_opened(database.error());
  }
  const bool reached = findings.front().level == Finding::Level::good;
  findings.insert(findings.end(), refused.begin(), refused.end());
  if (reached) probe_queries(assembly, work, connection, findings);
  return findings;
}

std::vector<Finding> probe(const Assembly& assembly, const Work& work, const project::Connection& connection) {
  switch (connection.kind->role) {
    case project::Role::queue: {
      const auto queue = open_queue(connection, system_clock());
      return queue ? (*queue)->probe() : not_opened(queue.error());
    }
    case project::Role::object_store: {
      const auto store = open_objects(connection, system_clock());
      return store ? (*store)->probe() : not_opened(store.error());
    }
    case project::Role::database: return probe_database(assembly, work, connection);
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
  SLUICE_TRY(const Work work, plan_work(*assembly));
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
    std::vector<Finding> found = probe(*assembly, work, connection);
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
