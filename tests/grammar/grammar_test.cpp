// Every file of this folder through the reader: README.md says what is expected of which.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "sluice/assembly/connectors.hpp"
#include "sluice/project/project.hpp"

namespace sluice {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(SLUICE_SOURCE_DIR) / "tests/grammar" / folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  EXPECT_FALSE(files.empty());
  return files;
}

Result<project::Project> load(const fs::path& file) {
  project::LoadOptions options;
  options.environment = [](const std::string&) { return std::nullopt; };
  options.connectors = assembly::connector_kinds();
  return project::load(file.string(), options);
}

std::string expected(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  const std::string mark = "# expect: ";
  return line.starts_with(mark) ? line.substr(mark.size()) : "(no expectation in the file)";
}

TEST(Grammar, good_files_load) {
  for (const fs::path& file : files_in("good")) {
    const auto project = load(file);
    EXPECT_TRUE(project) << file << ": " << project.error().text();
  }
}

TEST(Grammar, bad_files_are_refused_with_place_and_reason) {
  for (const char* folder : {"bad", "bad-beyond-schema"}) {
    for (const fs::path& file : files_in(folder)) {
      const auto project = load(file);
      ASSERT_FALSE(project) << file;
      EXPECT_EQ(project.error().fault, Fault::config);
      EXPECT_NE(project.error().text().find(expected(file)), std::string::npos)
          << file << ": " << project.error().text();
      EXPECT_TRUE(project.error().message.starts_with(file.string() + ":")) << project.error().text();
    }
  }
}

TEST(Grammar, what_the_example_says_is_what_is_loaded) {
  const auto project = load(fs::path(SLUICE_SOURCE_DIR) / "tests/grammar/good/stand-ins.yaml");
  ASSERT_TRUE(project);
  const project::Flow& flow = project->flows.at(1);
  EXPECT_EQ(project->flows.at(0).max_rejects.percent, 1.0);
  EXPECT_EQ(flow.max_rejects.count, 100U);
  EXPECT_EQ(flow.into_table.text(), "main.b");
  EXPECT_EQ(flow.record.extra, Record::Extra::reject);
  EXPECT_EQ(flow.record.fields.at(0).path, (std::vector<std::string>{"event", "id"}));
  EXPECT_EQ(flow.record.fields.at(1).default_text, "\"ios\"");
  EXPECT_EQ(flow.record.fields.at(2).default_text, "null");
  EXPECT_EQ(flow.record.fields.at(2).pattern, "[a-z]*$");
  EXPECT_EQ(flow.record.fields.at(3).path, (std::vector<std::string>{"event", "a.b"}));
  EXPECT_EQ(project->connections.at(0).settings.text("spool"), "queue");
}

}  // namespace
}  // namespace sluice
