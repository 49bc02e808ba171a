// Runs the stories of this folder: README.md has their language.
#include <duckdb.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "sluice/core/clock.hpp"
#include "sluice/local/duckdb_database.hpp"

namespace sluice {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string trimmed(std::string text) {
  text.erase(0, text.find_first_not_of(' '));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, '|');) cells.push_back(trimmed(cell));
  if (trimmed(line).ends_with('|')) cells.emplace_back();
  return cells;
}

// "\x41" -> "A"
std::string with_bytes(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "\\x") == 0 && i + 3 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Line {
  int number = 0;
  std::string text;
  std::vector<std::string> block;  // the indented lines below it
};

std::vector<Line> read_story(const fs::path& file) {
  std::vector<Line> lines;
  std::ifstream in(file);
  int number = 0;
  for (std::string text; std::getline(in, text);) {
    ++number;
    if (text.starts_with("  ")) {
      lines.back().block.push_back(text.substr(2));
    } else if (!text.empty() && text.front() != '#') {
      lines.push_back({number, text, {}});
    }
  }
  return lines;
}

class Teller {
 public:
  explicit Teller(fs::path story) : story_(std::move(story)) {
    std::string pattern = (fs::temp_directory_path() / "sluice-scenario-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~Teller() { fs::remove_all(folder_); }
  Teller(const Teller&) = delete;
  Teller& operator=(const Teller&) = delete;

  void tell() {
    const std::vector<Line> lines = read_story(story_);
    ASSERT_FALSE(lines.empty()) << story_;
    for (const Line& line : lines) {
      SCOPED_TRACE(story_.filename().string() + ":" + std::to_string(line.number) + ": " + line.text);
      step(line);
      if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_TRUE(judged_) << story_ << " runs something and says nothing of what comes of it";
  }

 private:
  bool takes(const std::string& text, const char* start, std::string& rest) {
    const std::string_view prefix(start);
    if (!text.starts_with(prefix)) return false;
    rest = trimmed(text.substr(prefix.size()));
    return true;
  }

  void step(const Line& line) {
    std::string rest;
    if (line.text == "given the logins project") {
      copy_project();
    } else if (takes(line.text, "given file ", rest)) {
      give(rest, joined(line.block));
    } else if (takes(line.text, "given parquet ", rest)) {
      give_parquet(rest, joined(line.block));
    } else if (takes(line.text, "given queue ", rest)) {
      put(rest, with_bytes(joined(line.block)));
    } else if (takes(line.text, "given a line of ", rest)) {
      const auto parts = words(rest);
      ASSERT_EQ(parts.size(), 4U);
      put(parts[3], std::string(std::stoul(parts[0]), parts[1].front()) + "\n");
    } else if (takes(line.text, "replace ", rest)) {
      replace(rest);
    } else if (takes(line.text, "remove ", rest)) {
      fs::remove_all(folder_ / rest);
    } else if (takes(line.text, "given link ", rest)) {
      const auto parts = words(rest);
      ASSERT_TRUE(parts.size() == 3 && parts[1] == "to");
      fs::create_symlink(parts[2], folder_ / parts[0]);
    } else if (takes(line.text, "by hand in ", rest)) {
      const std::size_t colon = rest.find(": ");
      ASSERT_NE(colon, std::string::npos);
      by_hand(rest.substr(0, colon), rest.substr(colon + 2));
    } else if (line.text == "wait for leases") {
      std::this_thread::sleep_for(std::chrono::milliseconds(2200));
    } else if (takes(line.text, "run with ", rest)) {
      const std::size_t colon = rest.find(": ");
      ASSERT_NE(colon, std::string::npos);
      run(words(rest.substr(colon + 2)), rest.substr(0, colon));
    } else if (takes(line.text, "run from ", rest)) {
      const std::size_t colon = rest.find(": ");
      ASSERT_NE(colon, std::string::npos);
      run(words(rest.substr(colon + 2)), "", rest.substr(0, colon));
    } else if (takes(line.text, "run ", rest)) {
      run(words(rest), "");
    } else {
      judge(line);
    }
  }

  void judge(const Line& line) {
    judged_ = true;
    std::string rest;
    if (takes(line.text, "then exit ", rest)) {
      EXPECT_EQ(exit_, std::stoi(rest)) << output_ << error_;
    } else if (takes(line.text, "then output has ", rest)) {
      EXPECT_NE(output_.find(rest), std::string::npos) << output_ << error_;
    } else if (takes(line.text, "then output lacks ", rest)) {
      EXPECT_EQ(output_.find(rest), std::string::npos) << output_;
    } else if (takes(line.text, "then error has ", rest)) {
      EXPECT_NE(error_.find(rest), std::string::npos) << output_ << error_;
    } else if (takes(line.text, "then error lacks ", rest)) {
      EXPECT_EQ(error_.find(rest), std::string::npos) << error_;
    } else if (takes(line.text, "then table ", rest)) {
      compare_table(words(rest), line.block);
    } else if (takes(line.text, "then count ", rest)) {
      const auto parts = words(rest);
      ASSERT_EQ(parts.size(), 3U);
      EXPECT_EQ(read_table(parts[0], parts[1]).rows.size(), std::stoul(parts[2]));
    } else if (takes(line.text, "then no file ", rest)) {
      EXPECT_FALSE(fs::exists(folder_ / rest));
    } else if (takes(line.text, "then file ", rest)) {
      ASSERT_TRUE(fs::is_regular_file(folder_ / rest)) << "no file " << rest;
      EXPECT_EQ(read_file(folder_ / rest), joined(line.block));
    } else if (takes(line.text, "then files ", rest)) {
      const auto parts = words(rest);
      ASSERT_EQ(parts.size(), 2U);
      EXPECT_EQ(std::ranges::distance(fs::directory_iterator(folder_ / parts[0])), std::stol(parts[1]));
    } else if (takes(line.text, "remember ", rest)) {
      remembered_[rest] = read_file(folder_ / rest);
    } else if (takes(line.text, "then unchanged ", rest)) {
      ASSERT_TRUE(remembered_.contains(rest));
      EXPECT_EQ(read_file(folder_ / rest), remembered_[rest]);
    } else if (takes(line.text, "and nowhere ", rest)) {
      search(rest);
    } else {
      FAIL() << "the language has no such line";
    }
  }

  static std::string joined(const std::vector<std::string>& block) {
    std::string text;
    for (const std::string& line : block) text += line + "\n";
    return text;
  }

  // By DuckDB's C interface, so that a file is not written by what reads it.
  void give_parquet(const std::string& name, const std::string& sql) {
    fs::create_directories((folder_ / name).parent_path());
    query(nullptr, "copy (" + sql + ") to '" + (folder_ / name).string() + "' (format parquet)");
  }
  // Files that the SQL reads are named from the scenario's folder.
  void by_hand(const std::string& name, const std::string& sql) {
    query((folder_ / name).c_str(), "set file_search_path = '" + folder_.string() + "'; " + sql);
  }
  static void query(const char* file, const std::string& sql) {
    duckdb_database database = nullptr;
    duckdb_connection connection = nullptr;
    ASSERT_EQ(duckdb_open(file, &database), DuckDBSuccess);
    ASSERT_EQ(duckdb_connect(database, &connection), DuckDBSuccess);
    EXPECT_EQ(duckdb_query(connection, sql.c_str(), nullptr), DuckDBSuccess) << sql;
    duckdb_disconnect(&connection);
    duckdb_close(&database);
  }
  void give(const std::string& name, const std::string& text) {
    write_file(folder_ / name, text);
    given_.insert(folder_ / name);
  }

  void copy_project() {
    for (const auto& entry : fs::directory_iterator(fs::path(SLUICE_SOURCE_DIR) / "tests/scenarios/project")) {
      give(entry.path().filename().string(), read_file(entry.path()));
    }
    run({"keys", "init", "keys.json"}, "");
    ASSERT_EQ(exit_, 0) << error_;
  }

  // Written aside and moved in, as whoever fills a spool folder does.
  void put(const std::string& queue, const std::string& text) {
    const fs::path whole = folder_ / queue / ("messages" + std::to_string(++segments_) + ".ndjson");
    write_file(folder_ / queue / "part.tmp", text);
    fs::rename(folder_ / queue / "part.tmp", whole);
  }

  void replace(const std::string& rest) {
    const std::size_t by = rest.find(" by ");
    const std::size_t in = rest.rfind(" in ");
    ASSERT_TRUE(by != std::string::npos && in != std::string::npos && by < in);
    const std::string from = rest.substr(0, by);
    const std::string to = rest.substr(by + 4, in - by - 4);
    const fs::path file = folder_ / rest.substr(in + 4);
    std::string text = read_file(file);
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    write_file(file, text.replace(at, from.size(), to == "nothing" ? "" : to));
  }

  void run(const std::vector<std::string>& arguments, const std::string& variable, const std::string& input = "") {
    const fs::path out = folder_ / ".stdout";
    const fs::path err = folder_ / ".stderr";
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (chdir(folder_.c_str()) != 0) _exit(126);
      const int out_file = open(out.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
      const int err_file = open(err.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
      const int in_file = open(input.empty() ? "/dev/null" : input.c_str(), O_RDONLY);
      if (dup2(in_file, 0) < 0 || dup2(out_file, 1) < 0 || dup2(err_file, 2) < 0) _exit(126);
      if (const std::size_t equals = variable.find('='); equals != std::string::npos) {
        setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
      }
      std::vector<std::string> all{SLUICE_BINARY};
      all.insert(all.end(), arguments.begin(), arguments.end());
      std::vector<char*> pointers;
      for (std::string& argument : all) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      execv(pointers[0], pointers.data());
      _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    output_ = read_file(out);
    error_ = read_file(err);
    said_ += output_ + error_;
    fs::remove(out);
    fs::remove(err);
  }

  Rows read_table(const std::string& file, const std::string& table) {
    Settings settings;
    settings.project = "scenario";
    settings.folder = folder_.string();
    settings.values.emplace("duckdb", Setting{file, {}, {}});
    auto database = local::open_duckdb(settings, system_clock());
    if (!database) {
      ADD_FAILURE() << database.error().text();
      return {};
    }
    TableName name{"", table};
    if (const std::size_t dot = table.find('.'); dot != std::string::npos)
      name = {table.substr(0, dot), table.substr(dot + 1)};
    auto rows = (*database)->first_rows(name, 1000000);
    if (!rows) {
      ADD_FAILURE() << rows.error().text();
      return {};
    }
    return *std::move(rows);
  }

  void compare_table(const std::vector<std::string>& where, const std::vector<std::string>& block) {
    ASSERT_EQ(where.size(), 2U);
    ASSERT_FALSE(block.empty());
    const Rows rows = read_table(where[0], where[1]);
    const std::vector<std::string> names = cells_of(block[0]);
    std::vector<std::vector<std::string>> found;
    for (const Cells& row : rows.rows) {
      std::vector<std::string> cells;
      for (const std::string& name : names) {
        const auto at = std::ranges::find(rows.names, name);
        ASSERT_NE(at, rows.names.end()) << "no column " << name;
        cells.push_back(row[static_cast<std::size_t>(at - rows.names.begin())].value_or("NULL"));
      }
      found.push_back(std::move(cells));
    }
    std::ranges::sort(found);
    ASSERT_EQ(found.size(), block.size() - 1);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::vector<std::string> wanted = cells_of(block[i + 1]);
      ASSERT_EQ(wanted.size(), names.size());
      for (std::size_t j = 0; j < wanted.size(); ++j) {
        SCOPED_TRACE("row " + std::to_string(i + 1) + ", " + names[j]);
        compare_cell(found[i][j], wanted[j]);
      }
    }
  }

  void compare_cell(const std::string& found, const std::string& wanted) {
    if (wanted == "*") {
      EXPECT_NE(found, "NULL");
    } else if (wanted.size() == 2 && wanted.front() == '=') {
      const auto [known, fresh] = values_.emplace(wanted, found);
      EXPECT_EQ(known->second, found);
      for (const auto& [name, value] : values_) {
        if (fresh && name != wanted) {
          EXPECT_NE(value, found) << name << " and " << wanted;
        }
      }
    } else {
      EXPECT_EQ(found, wanted);
    }
  }

  void search(const std::string& canary) {
    EXPECT_EQ(said_.find(canary), std::string::npos) << "in an output";
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (!entry.is_regular_file() || given_.contains(entry.path())) continue;
      EXPECT_EQ(read_file(entry.path()).find(canary), std::string::npos) << "in " << entry.path().filename();
    }
  }

  fs::path story_;
  fs::path folder_;
  std::set<fs::path> given_;
  std::map<std::string, std::string> values_;
  std::map<std::string, std::string> remembered_;  // content, by file
  std::string output_;
  std::string error_;
  std::string said_;  // all that was printed so far
  int exit_ = -1;
  int segments_ = 0;
  bool judged_ = false;
};

std::vector<std::string> stories() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(SLUICE_SOURCE_DIR) / "tests/scenarios")) {
    if (entry.path().extension() == ".txt" && entry.path().stem() != "CMakeLists")
      names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, holds) { Teller(fs::path(SLUICE_SOURCE_DIR) / "tests/scenarios" / (GetParam() + ".txt")).tell(); }

INSTANTIATE_TEST_SUITE_P(Stories, Scenario, testing::ValuesIn(stories()), [](const auto& param_info) {
  std::string name = param_info.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace sluice
