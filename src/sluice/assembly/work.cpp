#include "sluice/assembly/work.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <random>

#include "sluice/assembly/table.hpp"
#include "sluice/core/words.hpp"
#include "sluice/engine/tables.hpp"

namespace sluice::assembly {
namespace {

using models::GraphTable;
using models::Step;

class Planner {
 public:
  explicit Planner(const Assembly& assembly) : assembly_(assembly), project_(assembly.project) {
    work_.flows = project_.flows.size();
    work_.exports = project_.exports.size();
    if (project_.models) parses_itself_ = assembly.connection(project_.models->connection).kind->name == "duckdb";
  }

  Result<Work> plan() {
    std::vector<Step> steps;
    for (const project::Flow& flow : project_.flows) {
      Step step{flow.name, "flow", flow.place};
      step.writes.push_back({flow.into_connection, flow.into_table});
      steps.push_back(std::move(step));
    }
    for (const project::Export& out : project_.exports) {
      SLUICE_TRY(Step step, step_of(out));
      steps.push_back(std::move(step));
    }
    if (project_.models) {
      for (const project::ModelFile& file : project_.models->models) {
        SLUICE_TRY(Step step, step_of(file));
        steps.push_back(std::move(step));
        work_.models.push_back(file.model);
      }
    }
    SLUICE_TRY(work_.graph, models::Graph::make(steps));
    if (!project_.models || project_.models->tests.empty()) return std::move(work_);
    for (const project::ModelTestFile& file : project_.models->tests) SLUICE_CHECK(attach(file, steps));
    SLUICE_TRY(work_.graph, models::Graph::make(std::move(steps)));
    return std::move(work_);
  }

 private:
  GraphTable table(const TableName& name) const { return {project_.models->connection, name, project_.models->schema}; }

  Result<Step> step_of(const project::Export& out) {
    Step step{out.name, "export", out.place};
    std::vector<TableName> read{out.query.table};
    if (!out.query.sql.empty()) {
      Result<std::vector<TableName>> named = engine::tables_of(out.query.sql, out.query.place);
      const bool own_syntax = assembly_.connection(out.connection).kind->name == "duckdb";
      if (!named && (own_syntax || engine::is_no_select(out.query.sql))) return fail(std::move(named).error());
      if (!named) work_.warnings.push_back(named.error().message + "; the tables that it reads are not followed");
      read = named ? *std::move(named) : std::vector<TableName>();
    }
    for (TableName& name : read) step.reads.push_back({out.connection, std::move(name)});
    for (const std::string& name : out.after) {
      SLUICE_TRY(GraphTable written, written_by(name, out));
      step.reads.push_back(std::move(written));
    }
    return step;
  }

  // The table of a step that an export waits for without reading it.
  Result<GraphTable> written_by(const std::string& name, const project::Export& out) const {
    std::vector<std::string> names;
    for (const project::Flow& flow : project_.flows) {
      if (flow.name == name) return GraphTable{flow.into_connection, flow.into_table};
      names.push_back(flow.name);
    }
    if (project_.models) {
      for (const project::ModelFile& file : project_.models->models) {
        if (file.model.name == name) return table(file.model.table);
        names.push_back(file.model.name);
      }
    }
    return fail(Fault::config,
                out.after_place.text() + ": there is no model and no flow into a table named '" + name + "'",
                did_you_mean(name, names));
  }

  Result<Step> step_of(const project::ModelFile& file) {
    const Model& model = file.model;
    Step step{model.name, "model", model.place};
    step.writes.push_back(table(model.table));
    step.reads_itself = model.materialize == Materialize::incremental || model.materialize == Materialize::upsert;
    if (file.reads) {
      for (const TableName& name : *file.reads) step.reads.push_back(table(name));
    } else {
      Result<std::vector<TableName>> read = engine::tables_of(model.sql, model.place);
      if (!read) {
        Error error = std::move(read).error();
        // DuckDB's words for a WITH that changes rows.
        if (error.message.ends_with("A CTE needs a SELECT")) {
          error.message = model.place.text() + ": it must be one SELECT, which changes nothing";
        } else if (!parses_itself_ && error.hint.empty() && !engine::is_no_select(model.sql)) {
          error.hint = "where PostgreSQL alone knows this syntax, list the tables it reads by `reads:` in " +
                       model.name + ".yaml";
        }
        return fail(std::move(error));
      }
      for (TableName& name : *read) step.reads.push_back(table(name));
    }
    for (const ModelTest& test : model.tests) {
      SLUICE_TRY(const std::vector<TableName> read, read_by_test(test, model.place));
      for (const TableName& name : read) {
        if (!is(name, model)) step.reads.push_back(table(name));
      }
    }
    return step;
  }

  Result<std::vector<TableName>> read_by_test(const ModelTest& test, const Place& place) {
    Result<std::vector<TableName>> read = engine::tables_of(test.sql, place);
    if (read) return read;
    Error error = std::move(read).error().within("test " + test.name);
    if (parses_itself_) return fail(std::move(error));
    work_.warnings.push_back(error.message + "; the tables that it reads are not followed");
    return std::vector<TableName>();
  }

  bool is(const TableName& name, const Model& model) const {
    if (strcasecmp(name.table.c_str(), model.table.table.c_str()) != 0) return false;
    return name.schema.empty() || strcasecmp(name.schema.c_str(), model.table.schema.c_str()) == 0;
  }

  // A test that is a file belongs to the last model that it names.
  Result<void> attach(const project::ModelTestFile& file, std::vector<Step>& steps) {
    SLUICE_TRY(const std::vector<TableName> read, read_by_test(file.test, file.place));
    std::optional<std::size_t> last;
    for (const std::size_t step : work_.graph.order()) {
      if (step < work_.flows + work_.exports) continue;
      if (std::ranges::any_of(read, [&](const TableName& name) { return is(name, work_.model(step)); })) last = step;
    }
    if (!last) {
      return fail(Fault::config, file.place.file + ": the test names no model, so nothing waits for it",
                  "a test reads the model that it judges");
    }
    for (const TableName& name : read) {
      if (!is(name, work_.model(*last))) steps[*last].reads.push_back(table(name));
    }
    work_.models[*last - work_.flows - work_.exports].tests.push_back(file.test);
    return {};
  }

  const Assembly& assembly_;
  const project::Project& project_;
  bool parses_itself_ = false;  // DuckDB runs the models, too: what its parser refuses is an error
  Work work_;
};

std::string count_text(std::uint64_t count, const char* one) {
  return thousands(count) + " " + one + (count == 1 ? "" : "s");
}

}  // namespace

Result<Work> plan_work(const Assembly& assembly) { return Planner(assembly).plan(); }

std::map<std::string, std::string> built_in_values(const RunTime& run) {
  const std::string time = time_text(run.micros);
  std::string id;
  for (const char c : time) {
    if (c >= '0' && c <= '9') id += c;
    if (c == ' ') id += 'T';
  }
  return {{"run_date", schedule::local_date(run.zone, run.seconds())},
          {"run_time", time},
          {"run_id", id + fmt::format("-{:08x}", std::random_device()())}};
}

std::string model_text(const Model& model, const ModelBuilt& built, double seconds) {
  std::string out = model.name + ": ";
  out += model.materialize == Materialize::view ? "view" : count_text(built.rows, "row");
  out += " in " + seconds_text(seconds) + ", " + count_text(built.passed.size(), "test") + " passed\n";
  for (const ModelBuilt::Failed& failed : built.failed)
    out += "  failed: " + failed.test + ": " + count_text(failed.rows, "row") + " at fault\n";
  return out;
}

Json model_json(const Model& model, const ModelBuilt& built, double seconds) {
  Json failed = Json::array();
  for (const ModelBuilt::Failed& one : built.failed) failed.push_back({{"test", one.test}, {"rows", one.rows}});
  return {{"model", model.name},
          {"table", model.table.text()},
          {"rows", built.rows},
          {"seconds", seconds},
          {"tests_passed", built.passed},
          {"tests_failed", failed},
          {"published", built.failed.empty()}};
}

std::optional<Error> failed_tests(const Model& model, const ModelBuilt& built) {
  if (built.failed.empty()) return std::nullopt;
  std::string names;
  for (const ModelBuilt::Failed& failed : built.failed) names += (names.empty() ? "" : ", ") + failed.test;
  return Error{Fault::data, model.place.file + ": " + count_text(built.failed.size(), "test") + " failed: " + names,
               model.materialize == Materialize::view ? "the view is as it was" : "the last good rows stay"};
}

}  // namespace sluice::assembly
