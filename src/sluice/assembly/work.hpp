// All that a run of a project does, in order: its flows and models as one graph.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/assembly/assemble.hpp"
#include "sluice/models/graph.hpp"

namespace sluice::assembly {

// Steps of the graph are the project's flows, then its exports, then its models.
struct Work {
  models::Graph graph;
  std::vector<Model> models;  // with the tests that are files
  std::vector<std::string> warnings;
  std::size_t flows = 0;
  std::size_t exports = 0;

  bool is_flow(std::size_t step) const { return step < flows; }
  bool is_export(std::size_t step) const { return step >= flows && step < flows + exports; }
  bool is_model(std::size_t step) const { return step >= flows + exports; }
  const Model& model(std::size_t step) const { return models[step - flows - exports]; }
};

// Without a network. Errors (config): SQL that is not one SELECT, a cycle, two steps of one name.
Result<Work> plan_work(const Assembly& assembly);

// `run_date`, `run_time` (UTC) and `run_id`, for variables and for :name in SQL.
std::map<std::string, std::string> built_in_values(const RunTime& time);

// "agg_shipments: 1 row in 0.02 s, 5 tests passed", and the tests that failed.
std::string model_text(const Model& model, const ModelBuilt& built, double seconds);
Json model_json(const Model& model, const ModelBuilt& built, double seconds);
// That tests failed, if they did: the data's fault.
std::optional<Error> failed_tests(const Model& model, const ModelBuilt& built);

}  // namespace sluice::assembly
