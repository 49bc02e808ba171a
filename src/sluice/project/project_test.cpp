// A project file as a user writes it, read: where variables come from, what a value can and cannot do, and that
// no value stands in an error. tests/grammar has the files that must and must not load.
#include "sluice/project/project.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace sluice::project {
namespace {

constexpr std::array queue_options{Option{"spool", OptionType::text, "a folder"},
                                   Option{"visibility", OptionType::duration, "how long"}};
constexpr std::array database_options{Option{"postgres", OptionType::text_or_keywords, "a URL"},
                                      Option{"ledger", OptionType::text, "a schema"}};
constexpr std::array kinds{ConnectorKind{"spool", Role::queue, queue_options, "a queue"},
                           ConnectorKind{"postgres", Role::database, database_options, "a database"}};

const std::string rest_of_file =
    "  queue: { spool: in }\n"
    "flows:\n"
    "  logins:\n"
    "    from: { queue: queue }\n"
    "    record: { user_id: text }\n"
    "    into: { table: warehouse.logins }\n";

class project_file : public testing::Test {
 protected:
  project_file() {
    std::string made = (std::filesystem::temp_directory_path() / "sluice-project-XXXXXX").string();
    folder_ = mkdtemp(made.data());
  }
  ~project_file() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    const std::string file = folder_ / name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  // A project whose database has this URL.
  std::string with_url(const std::string& url, const std::string& before = "") {
    return write("p.yaml",
                 "name: p\n" + before + "connections:\n  warehouse: { postgres: " + url + " }\n" + rest_of_file);
  }
  Result<Project> read(const std::string& file) {
    LoadOptions options;
    options.vars = vars_;
    options.connectors = kinds;
    options.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    return load(file, options);
  }
  std::string url_of(const std::string& file) {
    const Result<Project> project = read(file);
    if (!project) return "error: " + project.error().text();
    return project->connections.at(0).settings.text("postgres");
  }
  std::string error_of(const std::string& file) {
    const Result<Project> project = read(file);
    return project ? "no error" : project.error().text();
  }

  std::filesystem::path folder_;
  std::map<std::string, std::string> vars_;
  std::map<std::string, std::string> environment_;
};

TEST_F(project_file, takes_a_variable_from_the_environment) {
  environment_["DATABASE_URL"] = "postgresql://here/db";
  EXPECT_EQ(url_of(with_url("\"${DATABASE_URL}\"")), "postgresql://here/db");
}

TEST_F(project_file, asks_the_command_line_first_then_its_own_vars_then_the_environment_then_dot_env) {
  write(".env", "# the database\nexport WHERE='from-dot-env'\n\n");
  const std::string without_vars = with_url("\"${WHERE}\"");
  EXPECT_EQ(url_of(without_vars), "from-dot-env");
  environment_["WHERE"] = "from-environment";
  EXPECT_EQ(url_of(without_vars), "from-environment");
  const std::string with_vars = with_url("\"${WHERE}\"", "vars: { WHERE: from-vars }\n");
  EXPECT_EQ(url_of(with_vars), "from-vars");
  vars_["WHERE"] = "from-command-line";
  EXPECT_EQ(url_of(with_vars), "from-command-line");
}

TEST_F(project_file, takes_a_default_where_a_variable_is_not_set_or_empty) {
  const std::string file = with_url("\"${WHERE:-postgresql://other/db}\"");
  EXPECT_EQ(url_of(file), "postgresql://other/db");
  environment_["WHERE"] = "";
  EXPECT_EQ(url_of(file), "postgresql://other/db");
}

TEST_F(project_file, says_in_its_own_words_which_variable_it_needs) {
  EXPECT_NE(error_of(with_url("\"${WHERE:?name the warehouse}\"")).find("variable WHERE: name the warehouse"),
            std::string::npos);
}

TEST_F(project_file, names_the_nearest_var_for_one_that_is_not_set) {
  const std::string error = error_of(with_url("\"${your_di}\"", "vars: { your_id: johndoex1234 }\n"));
  EXPECT_NE(error.find("p.yaml:4:26: variable your_di is not set; did you mean 'your_id'?"), std::string::npos)
      << error;
}

TEST_F(project_file, writes_a_dollar_for_two) {
  environment_["WHERE"] = "no";
  EXPECT_EQ(url_of(with_url("\"a$${WHERE}b$c\"")), "a${WHERE}b$c");
}

TEST_F(project_file, refuses_a_variable_without_its_end) {
  EXPECT_NE(error_of(with_url("\"${WHERE\"")).find("${ without its }; write $$ for a dollar"), std::string::npos);
}

TEST_F(project_file, keeps_its_structure_whatever_a_value_holds) {
  const std::string value = "x }\n  other: { spool: there }\n# \"'{[";
  environment_["WHERE"] = value;
  const Result<Project> project = read(with_url("\"${WHERE}\""));
  ASSERT_TRUE(project) << project.error().text();
  EXPECT_EQ(project->connections.size(), 2U);
  EXPECT_EQ(project->connections.at(0).settings.text("postgres"), value);
}

TEST_F(project_file, puts_no_variable_into_a_select) {
  const Result<Project> project =
      read(write("p.yaml", "name: p\nconnections:\n  warehouse: { postgres: x }\n" + rest_of_file +
                               "    select: select user_id, '${HOME}' as home from input\n"));
  ASSERT_TRUE(project) << project.error().text();
  EXPECT_EQ(project->flows.at(0).select, "select user_id, '${HOME}' as home from input");
}

TEST_F(project_file, shows_no_value_of_a_variable_in_an_error) {
  environment_["SECRET"] = "canary-7261";
  const std::vector<std::string> files{
      "name: \"${SECRET}\"\nconnections: { q: { spool: in } }\n",
      "name: p\nconnections:\n  warehouse: { postgres: { host: \"${SECRET}\", port: [1] } }\n" + rest_of_file,
      "name: p\nconnections:\n  warehouse: { postgres: x, lodger: \"${SECRET}\" }\n" + rest_of_file,
      "name: p\nconnections:\n  warehouse: { postgres: x }\n" + rest_of_file + "    max_rejects: \"${SECRET}\"\n",
      "name: p\nkeys: { a: \"${SECRET}\" }\nconnections:\n  warehouse: { postgres: x }\n" + rest_of_file,
  };
  for (const std::string& text : files) {
    const std::string error = error_of(write("p.yaml", text));
    EXPECT_NE(error, "no error") << text;
    EXPECT_EQ(error.find("canary-7261"), std::string::npos) << error;
  }
}

TEST_F(project_file, names_the_line_of_dot_env_that_is_none) {
  write(".env", "A=1\nnot a line\n");
  EXPECT_NE(error_of(with_url("x")).find(".env:2:1: is not NAME=VALUE"), std::string::npos);
}

TEST_F(project_file, is_not_a_folder_not_empty_not_huge_and_utf8) {
  EXPECT_NE(error_of(folder_ / "none.yaml").find("there is no such file"), std::string::npos);
  EXPECT_NE(error_of(folder_).find("is a folder"), std::string::npos);
  EXPECT_NE(error_of(write("p.yaml", "")).find("is empty"), std::string::npos);
  EXPECT_NE(error_of(write("p.yaml", "# only a comment\n")).find("is empty"), std::string::npos);
  EXPECT_NE(error_of(write("p.yaml", "name: " + std::string(2U << 20U, 'x'))).find("MiB"), std::string::npos);
  EXPECT_NE(error_of(write("p.yaml", "name: \xc3\x28\n")).find("UTF-8"), std::string::npos);
  EXPECT_NE(error_of(write("p.yaml", std::string("name: a\0b\n", 10))), "no error");
  EXPECT_NE(error_of(write("p.yaml", std::string(100000, '['))), "no error");
}

TEST_F(project_file, reads_libpq_keywords_and_percent_limits) {
  environment_["DB_PASSWORD"] = "a b'c";
  const Result<Project> project = read(
      write("p.yaml", "name: p\nconnections:\n  warehouse: { postgres: { host: h, password: \"${DB_PASSWORD}\" } }\n" +
                          rest_of_file + "    max_rejects: 1.5%\n"));
  ASSERT_TRUE(project) << project.error().text();
  EXPECT_EQ(project->connections.at(0).settings.find("postgres")->keywords.at("password"), "a b'c");
  EXPECT_EQ(project->flows.at(0).max_rejects.percent, 1.5);
}

}  // namespace
}  // namespace sluice::project
