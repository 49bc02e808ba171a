// `sluice test`: the project's own examples, offline: rows in, rows expected.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "sluice/assembly/example.hpp"
#include "sluice/cli/commands.hpp"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

Result<std::vector<std::string>> example_files(const project::Project& project) {
  std::vector<std::string> files;
  if (!project.models)
    return fail(Fault::config, project.file + ": the project has no models, so there is nothing to test");
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(project.models->tests_folder, error)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  }
  if (files.empty()) {
    return fail(Fault::config, project.models->tests_folder + ": there is no example in it",
                "write one as a .yaml file: `given: { TABLE: [ROW] }` and `expect: { MODEL: [ROW] }`");
  }
  std::ranges::sort(files);
  return files;
}

// With the example's variables, which may change every model's SQL.
Result<std::vector<std::string>> try_file(const ProjectArguments& arguments, const std::string& file) {
  SLUICE_TRY(const auto example, read_example(file));
  ProjectArguments with = arguments;
  for (const auto& [name, value] : example->vars) with.vars.push_back(name + "=" + value);
  SLUICE_TRY(const auto assembly, assemble(with, Keys::if_there));
  SLUICE_TRY(const Work work, plan_work(*assembly));
  return try_example(*assembly, work, *example);
}

Result<Answer> test(const ProjectArguments& arguments) {
  SLUICE_TRY(const auto assembly, assemble(arguments, Keys::if_there));
  SLUICE_TRY(const std::vector<std::string> files, example_files(assembly->project));
  Answer answer;
  answer.result["examples"] = Json::array();
  std::size_t failed = 0;
  for (const std::string& file : files) {
    const Result<std::vector<std::string>> differs = try_file(arguments, file);
    if (!differs) return fail(Error(differs.error()).within(file));
    answer.text += file + ": " + (differs->empty() ? "holds" : "does not hold") + "\n";
    for (const std::string& line : *differs) answer.text += "  " + line + "\n";
    answer.result["examples"].push_back({{"example", file}, {"holds", differs->empty()}, {"differences", *differs}});
    if (!differs->empty()) ++failed;
  }
  answer.summary = fmt::format("{} example{}, {} failed", files.size(), files.size() == 1 ? "" : "s", failed);
  answer.text += answer.summary + "\n";
  if (failed > 0) answer.error = Error{Fault::data, answer.summary, "the rows above say what differs"};
  return answer;
}

}  // namespace

void add_test(Command app, Session& session) {
  const Command command = app.command(
      "test", "try the project's own examples of its models, without a network or a database", "sluice test shop.yaml");
  auto arguments = std::make_shared<ProjectArguments>();
  add_project(command, *arguments);
  command.does(session, [arguments] { return test(*arguments); });
}

}  // namespace sluice::cli
