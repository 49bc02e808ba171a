// `sluice plan`: what a run would do, without doing it. Flows from a database ask it for their columns.

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/export_run.hpp"
#include "sluice/assembly/mask_domains.hpp"
#include "sluice/assembly/personal.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/assembly/work.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/personal_paths.hpp"
#include "sluice/cli/rewrap_select.hpp"
#include "sluice/core/words.hpp"

namespace sluice::cli {
namespace {

std::string limit_text(const project::RejectLimit& limit) {
  if (limit.count) return "stops a run past " + thousands(*limit.count);
  if (limit.percent) return "stops a run past " + Json(*limit.percent).dump() + "%";
  return "no limit";
}

std::string mode_text(const project::Flow& flow) {
  switch (flow.mode) {
    case Mode::append: break;
    case Mode::replace: return "its rows are replaced in one transaction";
    case Mode::merge: return "rows of an equal key (" + join(flow.key, ", ") + ") are changed, the others added";
  }
  return "rows are appended";
}

std::string described(const RecordField& field) {
  std::string text = to_string(field.type);
  if (field.max) text += ", at most " + std::to_string(*field.max);
  if (field.nullable) text += ", or null";
  if (field.default_text) text += ", with a default";
  return text;
}

void add_warnings(const std::vector<std::string>& warnings, Answer& answer) {
  for (const std::string& warning : warnings) answer.text += "  warning: " + warning + "\n";
}

// Each tagged column with the ways it takes to the table; gives the same for a program.
Json add_personal(const Record& record, const engine::Lineage& lineage, Answer& answer) {
  Table table({"personal", "arrives as", "masked by", "path"});
  Json list = Json::array();
  for (const RecordField& field : record.fields) {
    if (field.pii.empty()) continue;
    Json reaches = Json::array();
    for (const engine::PersonalPath& path : lineage.paths) {
      if (path.source != field.name) continue;
      const bool revealed = path.passage == engine::Passage::revealed;
      table.add({reaches.empty() ? field.name : "", path.column, arrival(path), path.path});
      reaches.push_back({{"column", path.column}, {revealed ? "revealed" : "masked_by", path.by}, {"path", path.path}});
    }
    if (reaches.empty()) table.add({field.name, "-", "does not arrive", ""});
    list.push_back({{"field", field.name}, {"pii", field.pii}, {"reaches", reaches}});
  }
  if (!list.empty()) answer.text += table.text() + "\n";
  return list;
}

Result<void> add_flow(const Assembly& assembly, const project::Flow& flow, Answer& answer, MaskDomains& domains) {
  SLUICE_TRY(const OpenFlow open, open_flow(assembly, flow));
  domains.add(flow.name, open.lineage);
  const std::vector<std::string> masks = engine::masks_of(open.lineage);
  const std::string kind(assembly.connection(flow.into_connection).kind->name);
  std::string from = std::string(assembly.connection(flow.from.connection).kind->name) + " " + flow.from.connection;
  if (open.objects) from += " " + flow.from.objects.text;
  const std::string table = flow.into_connection + "." + flow.into_table.text();

  answer.text += flow.name + ": " + from + " -> record -> " + (flow.select.empty() ? "" : "select -> ") + kind + " " +
                 table + "\n";
  Table record({"field", "type", "personal"});
  for (const RecordField& field : flow.record.fields) record.add({field.name, described(field), field.pii});
  answer.text += record.text() + "\n";
  Table columns({"column", "type", "masked by"});
  Json column_list = Json::array();
  for (std::size_t i = 0; i < open.target.columns.size(); ++i) {
    const Field& column = open.target.columns[i];
    columns.add({column.name, to_string(column.type), masks[i]});
    column_list.push_back({{"name", column.name}, {"type", to_string(column.type)}, {"masked_by", masks[i]}});
  }
  answer.text += columns.text() + "\n";
  const Json personal = add_personal(flow.record, open.lineage, answer);
  std::vector<std::string> warnings = engine::warnings_of(open.lineage);
  for (std::string& warning : warnings_of_keys(flow, open.lineage)) warnings.push_back(std::move(warning));
  add_warnings(warnings, answer);
  std::string created = "must be there";
  if (flow.create)
    created = flow.create->sql.empty() ? "is made from the columns if it is missing"
                                       : "is made by " + flow.create->file + " if it is missing";
  const std::string rejects =
      flow.rejects ? flow.into_connection + "." + flow.rejects->text() : "the ledger's table reject";
  answer.text += "  table " + table + ": " + created + "; " + mode_text(flow) + "\n";
  answer.text += "  rejects: sealed, into " + rejects + "; " + limit_text(flow.max_rejects) + "\n";
  answer.text +=
      flow.from.role == project::Role::queue
          ? "  ledger: one key a message, in the transaction of its row; then the message is deleted from the "
            "queue\n"
          : "  ledger: each object and its version, in the transaction of its rows; what is there is not "
            "loaded again\n";
  answer.result["flows"].push_back({{"flow", flow.name},
                                    {"from", from},
                                    {"into", table},
                                    {"columns", column_list},
                                    {"personal", personal},
                                    {"warnings", warnings},
                                    {"rejects", rejects}});
  return {};
}

Result<void> add_export(const Assembly& assembly, const Work& work, const project::Export& out, Answer& answer,
                        MaskDomains& domains) {
  const project::Connection& target = assembly.connection(out.into.connection);
  const std::string from = std::string(assembly.connection(out.connection).kind->name) + " " + out.connection +
                           (out.query.sql.empty() ? "." + out.query.table.text() : "");
  const std::string into = std::string(target.kind->name) + " " + target.name + " " + out.into.key;
  answer.text += out.name + ": " + from + " -> " + (out.query.sql.empty() ? "" : "query -> ") +
                 (out.select.empty() ? "" : "select -> ") + into + "\n";
  Result<ExportPlan> plan = plan_export(assembly, work, out);
  if (!plan) return fail(std::move(plan).error().within(out.name));
  domains.add(out.name, plan->lineage);
  Json column_list = Json::array();
  Json personal = Json::array();
  if (!plan->missing.empty()) {
    answer.text += "  columns: known once the run has made table " + plan->missing + "\n";
  } else {
    const std::vector<std::string> masks = engine::masks_of(plan->lineage);
    Table columns({"column", "type", "masked by"});
    for (std::size_t i = 0; i < plan->columns.size(); ++i) {
      const Field& column = plan->columns[i];
      columns.add({column.name, to_string(column.type), masks[i]});
      column_list.push_back({{"name", column.name}, {"type", to_string(column.type)}, {"masked_by", masks[i]}});
    }
    answer.text += columns.text() + "\n";
    Table paths({"personal", "arrives as", "masked by", "path"});
    for (const engine::PersonalPath& path : plan->lineage.paths)
      paths.add({path.source, path.column, arrival(path), path.path});
    personal = paths_json(plan->lineage);
    if (!personal.empty()) answer.text += paths.text() + "\n";
  }
  const std::vector<std::string> warnings = engine::warnings_of(plan->lineage);
  add_warnings(warnings, answer);
  answer.text += out.into.publish == project::Publish::object
                     ? "  published: one object, seen whole or not at all\n"
                     : "  published: files named by their content, then " + runtime::manifest_key(out.into.key) + "\n";
  if (!out.into.manifest.empty())
    answer.text += "  listed in " + out.into.manifest + ", which is written when all flows that name it are done\n";
  answer.result["flows"].push_back({{"flow", out.name},
                                    {"from", from},
                                    {"into", into},
                                    {"columns", column_list},
                                    {"personal", personal},
                                    {"warnings", warnings}});
  return {};
}

std::string_view kept_as(Materialize materialize) {
  switch (materialize) {
    case Materialize::table: return "table: its rows are replaced in one transaction";
    case Materialize::view: return "view";
    case Materialize::incremental: return "incremental: rows of the keys at hand are replaced";
    case Materialize::upsert: break;
  }
  return "upsert: the row of an equal key is changed, others are added";
}

void add_models(const Assembly& assembly, const Work& work, Answer& answer) {
  const project::Project& project = assembly.project;
  ModelWarnings warnings = warnings_of_models(assembly, work);
  answer.result["models"] = Json::array();
  for (const Model& model : work.models) {
    const std::string table = project.models->connection + "." + model.table.text();
    answer.text +=
        model.name + ": " + model.place.file + " -> " + table + "\n  " + std::string(kept_as(model.materialize));
    if (!model.key.empty()) answer.text += ", key " + join(model.key, ", ");
    std::vector<std::string> tests;
    for (const ModelTest& test : model.tests) tests.push_back(test.name);
    answer.text += "\n  tests: " + (tests.empty() ? "none" : join(tests, "; ")) + "\n";
    const std::vector<std::string>& warned = warnings[model.name];
    add_warnings(warned, answer);
    answer.result["models"].push_back(
        {{"model", model.name}, {"table", table}, {"tests", tests}, {"warnings", warned}});
  }
}

Json graph_json(const models::Graph& graph) {
  Json steps = Json::array();
  for (const std::size_t step : graph.order()) {
    Json before = Json::array();
    for (const std::size_t other : graph.waits_for(step)) before.push_back(graph.steps()[other].name);
    steps.push_back({{"name", graph.steps()[step].name}, {"kind", graph.steps()[step].kind}, {"waits_for", before}});
  }
  return steps;
}

Result<Answer> plan(const ProjectArguments& arguments, bool dot) {
  SLUICE_TRY(const auto assembly, assemble(arguments, Keys::required));
  SLUICE_TRY(const Work work, plan_work(*assembly));
  Answer answer;
  answer.result["graph"] = graph_json(work.graph);
  if (dot) {
    answer.text = work.graph.dot(assembly->project.name);
    answer.result["dot"] = answer.text;
    return answer;
  }
  answer.result["flows"] = Json::array();
  MaskDomains domains;
  for (const project::Flow& flow : assembly->project.flows) SLUICE_CHECK(add_flow(*assembly, flow, answer, domains));
  for (const project::Export& out : assembly->project.exports)
    SLUICE_CHECK(add_export(*assembly, work, out, answer, domains));
  answer.summary = std::to_string(work.flows + work.exports) + " flows";
  if (!work.models.empty()) {
    add_models(*assembly, work, answer);
    answer.summary += ", " + std::to_string(work.models.size()) + " models";
  }
  const std::vector<std::string> warnings = domains.warnings();
  answer.result["warnings"] = warnings;
  for (const std::string& warning : warnings) answer.text += "warning: " + warning + "\n";
  if (work.graph.steps().size() > 1) answer.text += "order:\n" + work.graph.text();
  return answer;
}

}  // namespace

void add_plan(Command app, Session& session) {
  const Command command = app.command("plan", "what a run would do: columns, types, masks, tables, in which order",
                                      "sluice plan logins.yaml");
  auto arguments = std::make_shared<ProjectArguments>();
  auto dot = std::make_shared<bool>(false);
  add_project(command, *arguments);
  command.flag("--dot", *dot, "print the graph of flows and models for Graphviz");
  command.does(session, [=] { return plan(*arguments, *dot); });
}

}  // namespace sluice::cli
