// `sluice preview`: the first rows as a run would write them; the messages are given back at once. Where the far end
// may hold personal data in clear, a person who looks at the project still does not see it.
#include <algorithm>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/cells.hpp"
#include "sluice/assembly/export_run.hpp"
#include "sluice/assembly/flow_source.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/core/words.hpp"

namespace sluice::cli {
namespace {

struct PreviewArguments {
  ProjectArguments project;
  std::string flow;
  std::size_t rows = 10;
};

// The first rows of the first object.
Result<std::optional<Delivery>> read_some(const OpenFlow& open, std::shared_ptr<Parts>& parts, std::size_t rows) {
  SLUICE_TRY(std::vector<ObjectFacts> objects, objects_of(open));
  const Known known(objects.size(), false);
  SLUICE_TRY(objects::RowsOptions options, object_rows_options(open));
  parts = objects::open_parts(*open.objects, std::move(objects), std::move(options));
  SLUICE_CHECK(parts->start(known));
  Delivery part;
  SLUICE_TRY(const bool more, parts->next(part));
  if (!more) return std::nullopt;
  if (part.messages.size() > rows) part.messages.resize(rows);
  return part;
}

// One delivery, or none where the queue stays empty.
Result<std::optional<Delivery>> receive_some(Source& source, std::size_t rows) {
  Wanted wanted;
  wanted.rows_max = rows;
  for (int attempt = 0; attempt < 5; ++attempt) {
    SLUICE_TRY(Next next, source.next(wanted));
    if (next.delivery) return std::move(next.delivery);
    if (next.ended) break;
  }
  return std::nullopt;
}

// Adds a batch's rows to the table, and to the list for a program, up to `most`. `hidden`: by column.
void add_rows(const Batch& batch, const std::vector<bool>& hidden, std::size_t most, Table& table, Json& rows) {
  for (std::size_t row = 0; row < batch.rows && rows.size() < most; ++row) {
    std::vector<std::string> cells;
    Json object = Json::object();
    for (std::size_t i = 0; i < batch.schema->size(); ++i) {
      const auto cell = i < hidden.size() && hidden[i] ? std::string("(personal)") : cell_text(batch, i, row);
      cells.push_back(printable(cell.value_or("NULL")));
      object[(*batch.schema)[i].name] = cell ? Json(*cell) : Json(nullptr);
    }
    table.add(std::move(cells));
    rows.push_back(std::move(object));
  }
}

Result<Answer> preview_export(const Assembly& assembly, const project::Export& out, std::size_t most) {
  SLUICE_TRY(const Work work, plan_work(assembly));
  Json rows = Json::array();
  std::optional<Table> table;
  SLUICE_CHECK(first_exported(assembly, work, out, [&](const engine::Lineage& lineage, const Batch& batch) {
    if (!table) {
      std::vector<std::string> names;
      for (const Field& column : *batch.schema) names.push_back(column.name);
      table.emplace(names);
    }
    add_rows(batch, engine::in_clear(lineage), most, *table, rows);
    return rows.size() < most;
  }));
  Answer answer;
  answer.summary = std::to_string(rows.size()) + " rows looked at";
  answer.text = (table ? table->text() : "") + answer.summary + "\n";
  answer.result = {{"rows", rows}};
  return answer;
}

Result<void> no_model(const project::Project& project, const std::string& name) {
  if (!project.models) return {};
  const auto named = [&name](const project::ModelFile& file) { return file.model.name == name; };
  if (std::ranges::none_of(project.models->models, named)) return {};
  return fail(Fault::config, "'" + name + "' is a model, and preview shows flows",
              "`sluice plan " + project.file + "` shows what it reads, `sluice test " + project.file +
                  "` tries it on examples");
}

Result<Answer> preview(const PreviewArguments& arguments) {
  SLUICE_TRY(const auto assembly, assemble(arguments.project, Keys::required));
  const auto& exports = assembly->project.exports;
  const auto out = std::ranges::find(exports, arguments.flow, &project::Export::name);
  if (out != exports.end()) return preview_export(*assembly, *out, arguments.rows);
  if (arguments.flow.empty() && assembly->project.flows.empty() && !exports.empty()) {
    if (exports.size() == 1) return preview_export(*assembly, exports.front(), arguments.rows);
    std::vector<std::string> names;
    for (const project::Export& one : exports) names.push_back(one.name);
    return fail(Fault::config, assembly->project.file + " has several flows", "name one of " + join(names, ", "));
  }
  SLUICE_CHECK(no_model(assembly->project, arguments.flow));
  SLUICE_TRY(const project::Flow* flow, find_flow(assembly->project, arguments.flow));
  SLUICE_TRY(const OpenFlow open, open_flow(*assembly, *flow));
  FlowSource from;
  if (open.queue) {
    SLUICE_TRY(from, open_source(open, std::chrono::seconds(0)));
  }
  std::shared_ptr<Parts> parts;  // what the rows of an object view
  SLUICE_TRY(const auto transform, engine::open_transform(*assembly->engine, rows_options(*flow)));

  Answer answer;
  SLUICE_TRY(const std::optional<Delivery> delivery,
             open.queue ? receive_some(*from.source, arguments.rows) : read_some(open, parts, arguments.rows));
  std::vector<std::string> names;
  for (const Field& column : open.target.columns) names.push_back(column.name);
  Table table(names);
  Json rows = Json::array();
  std::size_t rejected = 0;
  std::size_t received = 0;
  if (delivery) {
    received = delivery->messages.size();
    // Given back whatever happens: a preview must not hold messages until their lease ends.
    const Result<Transformed> transformed = transform->apply(*delivery);
    if (from.source) {
      SLUICE_CHECK(from.source->release(delivery->receipt));
      SLUICE_CHECK(from.source->flush());
    }
    if (!transformed) return fail(transformed.error());
    rejected = transformed->rejects.size();
    const std::vector<bool> hidden = engine::in_clear(open.lineage);
    for (const Batch& batch : transformed->batches) add_rows(batch, hidden, arguments.rows, table, rows);
    for (const Reject& reject : transformed->rejects) {
      answer.text += "  reject: " + reject.reason + (reject.column.empty() ? "" : " in " + reject.column) + ": " +
                     reject.text + '\n';
    }
  }
  answer.summary = std::to_string(received) + " rows looked at, " + std::to_string(rejected) + " would be rejects";
  answer.text = table.text() + answer.text + answer.summary + "\n";
  if (open.queue && received > 0)
    answer.text += "They are visible in the queue again; their receive count has risen by one.\n";
  answer.result = {{"rows", rows}, {"received", received}, {"rejected", rejected}};
  return answer;
}

}  // namespace

void add_preview(Command app, Session& session) {
  const Command command = app.command("preview", "the first rows as a run would write them; writes nothing",
                                      "sluice preview logins.yaml user_logins");
  auto arguments = std::make_shared<PreviewArguments>();
  add_project(command, arguments->project);
  command.option("FLOW", arguments->flow, "which flow, where the project has several").type("");
  command.option("--rows", arguments->rows, "how many rows").type("N").between(1, 1000).shows_default();
  command.does(session, [arguments] { return preview(*arguments); });
}

}  // namespace sluice::cli
