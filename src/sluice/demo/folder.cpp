#include "sluice/demo/folder.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "example_files.hpp"
#include "sluice/assembly/table.hpp"

namespace sluice::demo {
namespace {

namespace fs = std::filesystem;
using assembly::Json;
using assembly::printable;
using assembly::Table;
using assembly::thousands;

constexpr const char* marker = ".sluice-demo";  // a folder that has it was made by us and may be made again

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells{""};
  for (const char c : line) {
    if (c == ',') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

}  // namespace

Result<void> write_file(const std::string& file, const std::string& text) {
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) return fail(Fault::failed, "cannot write " + file, "look at the disk's space and the folder's rights");
  return {};
}

Result<void> make_folder(const std::string& name) {
  const fs::path folder(name);
  std::error_code error;
  if (fs::exists(folder / marker, error)) {
    fs::remove_all(folder, error);
  } else if (fs::exists(folder, error) && (!fs::is_directory(folder, error) || !fs::is_empty(folder, error))) {
    return fail(Fault::config, name + " is there already and was not made by `sluice demo`",
                "name another folder: sluice demo DIR");
  }
  fs::create_directories(folder, error);
  if (error)
    return fail(Fault::config, "cannot make the folder " + name, "name one where you may write: sluice demo DIR");
  return write_file((folder / marker).string(), "");
}

Result<void> write_example(const std::string& folder, std::string_view name) {
  const std::string prefix = std::string(name) + "/";
  for (const ExampleFile& file : example_files) {
    if (!file.path.starts_with(prefix)) continue;
    SLUICE_CHECK(write_file((fs::path(folder) / file.path.substr(prefix.size())).string(), std::string(file.text)));
  }
  return {};
}

Result<void> connect_example(const std::string& folder, std::string_view name, std::string_view project,
                             std::string_view connections) {
  std::istringstream lines;
  for (const ExampleFile& file : example_files) {
    if (file.path == fmt::format("{}/{}", name, project)) lines.str(std::string(file.text));
  }
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    inside = inside && line.starts_with("  ");
    if (!inside) text += line + "\n";
    if (line != "connections:") continue;
    inside = true;
    text += connections;
  }
  return write_file((fs::path(folder) / project).string(), text);
}

std::string text_of_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string steps_text(const Json& result) {
  std::string out;
  const auto list = [&result](const char* name) { return result.value(name, Json::array()); };
  const auto rows_text = [](const Json& step) {
    const std::uint64_t count = step.value("rows", std::uint64_t{0});
    return thousands(count) + (count == 1 ? " row" : " rows");
  };
  for (const Json& flow : list("flows")) {
    const bool known =
        flow.value("objects", 0) > 0 && flow.value("objects", 0) == flow.value("objects_already_there", 0);
    out += fmt::format("  loaded    {:<30} {}\n", flow.value("flow", ""),
                       known ? "as it was: nothing to load" : rows_text(flow));
  }
  for (const Json& model : list("models")) {
    out += fmt::format("  built     {:<30} {}, {} tests passed\n", model.value("model", ""), rows_text(model),
                       model.value("tests_passed", Json::array()).size());
  }
  for (const Json& one : list("exports")) {
    out += fmt::format("  exported  {:<30} {}, {} bytes\n", one.value("flow", ""), rows_text(one),
                       thousands(one.value("bytes", std::uint64_t{0})));
  }
  for (const Json& step : list("skipped"))
    out += fmt::format("  skipped   {:<30} since {} failed\n", step.value("name", ""), step.value("since", ""));
  return out;
}

std::string upright(const std::string& csv, std::size_t rows_max) {
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  std::vector<std::vector<std::string>> columns;
  for (std::string& name : split(line)) columns.push_back({std::move(name)});
  for (std::size_t row = 0; row < rows_max && std::getline(lines, line); ++row) {
    const std::vector<std::string> cells = split(line);
    for (std::size_t i = 0; i < columns.size() && i < cells.size(); ++i) columns[i].push_back(printable(cells[i], 24));
  }
  if (columns.empty()) return "";
  Table table(columns.front());
  for (std::size_t i = 1; i < columns.size(); ++i) table.add(columns[i]);
  return table.text();
}

}  // namespace sluice::demo
