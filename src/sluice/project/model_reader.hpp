// Reads the models of a project: a folder of .sql files, what is declared of them in YAML, and a folder of tests.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/model.hpp"
#include "sluice/models/parameters.hpp"
#include "sluice/project/tree.hpp"
#include "sluice/project/variables.hpp"

namespace sluice::project {

struct ModelFile {
  Model model;                                    // its declared tests with it
  std::optional<std::vector<TableName>> reads{};  // where the file says so itself
};

// A file of SQL whose rows are at fault.
struct ModelTestFile {
  ModelTest test;
  Place place;
};

struct Models {
  std::string connection;
  std::string schema;                // empty: where the database looks by itself
  std::string tests_folder;          // may be missing
  std::vector<ModelFile> models;     // by name
  std::vector<ModelTestFile> tests;  // by name
};

// `node` is the value of `models`; `folder` that of the project file. The connection's role is not looked at.
// Errors (config): an empty file, two models of one name, YAML for a model that is not there, a missing value.
Result<Models> read_models(const Node& node, const std::string& folder, const Variables& variables,
                           const models::ParameterValues& values);

}  // namespace sluice::project
