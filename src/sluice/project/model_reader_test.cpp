#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sluice/project/project.hpp"

namespace sluice::project {
namespace {

constexpr std::array duckdb_options{Option{"duckdb", OptionType::text, "the file"}};
constexpr std::array spool_options{Option{"spool", OptionType::text, "the folder"}};
constexpr std::array kinds{ConnectorKind{"duckdb", Role::database, duckdb_options, "a file"},
                           ConnectorKind{"spool", Role::queue, spool_options, "a folder"}};

class models_of_a_project : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-models-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    write("p.yaml",
          "name: p\nvars: { id: jo, mart: \"${id}_mart\", as_of: \"${run_date}\" }\n"
          "connections: { w: { duckdb: w.duckdb }, q: { spool: q } }\nmodels: { on: w, schema: \"${mart}\" }\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  Result<Project> read() {
    LoadOptions options;
    options.vars = vars_;
    options.built_in = {{"run_date", "2026-01-31"}};
    options.environment = [](const std::string&) { return std::nullopt; };
    options.connectors = kinds;
    return load((folder_ / "p.yaml").string(), options);
  }
  Model model(const std::string& yaml) {
    write("models/m.yaml", yaml);
    auto project = read();
    EXPECT_TRUE(project) << project.error().text();
    return project ? project->models->models.at(0).model : Model{};
  }
  // Without the folder.
  std::string error() {
    const auto project = read();
    if (project) return "no error";
    EXPECT_EQ(project.error().fault, Fault::config);
    std::string text = project.error().text();
    for (std::size_t at = text.find(folder_.string()); at != std::string::npos; at = text.find(folder_.string()))
      text.erase(at, folder_.string().size() + 1);
    return text;
  }

  std::filesystem::path folder_;
  std::map<std::string, std::string> vars_;
};

TEST_F(models_of_a_project, are_the_sql_files_of_a_folder) {
  write("models/b.sql", "select :'as_of'::date as d; -- done\n");
  write("models/deeper/a.sql", "\xef\xbb\xbfselect 1 as x");
  const auto project = read();
  ASSERT_TRUE(project) << project.error().text();
  const Models& models = *project->models;
  EXPECT_EQ(models.connection, "w");
  ASSERT_EQ(models.models.size(), 2U);
  EXPECT_EQ(models.models[0].model.table, (TableName{"jo_mart", "a"}));
  EXPECT_EQ(models.models[0].model.sql, "select 1 as x");
  EXPECT_EQ(models.models[1].model.sql, "select '2026-01-31'::date as d");
}

TEST_F(models_of_a_project, a_run_can_name_its_day) {
  write("models/b.sql", "select :'as_of', :'run_date'");
  vars_["run_date"] = "2026-02-01";
  const auto project = read();
  ASSERT_TRUE(project) << project.error().text();
  EXPECT_EQ(project->models->models[0].model.sql, "select '2026-02-01', '2026-02-01'");
}

TEST_F(models_of_a_project, take_what_their_yaml_declares) {
  write("models/m.sql", "select 1");
  const Model made = model(
      "materialize: upsert\nkey: [day]\nreads: [raw.t, u]\ncolumns:\n  day: { type: date, not_null: true }\n  n: int\n"
      "  kind: { accepted: [a, \"it's\"], unique: true }\n  share: { range: { min: 0, max: 100 } }\n"
      "  user_id: { relationships: { to: dim.users, column: id } }\ntests: { none: \"select 1 where :'as_of' = '';\" "
      "}\n");
  EXPECT_EQ(made.materialize, Materialize::upsert);
  EXPECT_EQ(made.key, std::vector<std::string>{"day"});
  ASSERT_EQ(made.columns.size(), 5U);
  EXPECT_TRUE(made.columns[0].not_null);
  EXPECT_EQ(made.columns[1].type, Type{Kind::int32});
  EXPECT_FALSE(made.columns[2].type);
  std::string tests;
  for (const ModelTest& test : made.tests) tests += test.name + ": " + test.sql + "\n";
  EXPECT_EQ(std::filesystem::path(made.tests.front().place.file).filename(), "m.yaml");
  EXPECT_EQ(made.tests.front().place.line, 5);
  EXPECT_EQ(tests,
            "not_null day: select 1 as fault from \"jo_mart\".\"m\" where \"day\" is null\n"
            "unique kind: select \"kind\" from \"jo_mart\".\"m\" where \"kind\" is not null group by \"kind\" having "
            "count(*) > 1\n"
            "accepted kind: select 1 as fault from \"jo_mart\".\"m\" where cast(\"kind\" as varchar) not in ('a', "
            "'it''s')\n"
            "range share: select 1 as fault from \"jo_mart\".\"m\" where \"share\" < (0) or \"share\" > (100)\n"
            "relationships user_id: select 1 as fault from \"jo_mart\".\"m\" as child where child.\"user_id\" is not "
            "null and not exists (select 1 from \"dim\".\"users\" as parent where parent.\"id\" = child.\"user_id\")\n"
            "unique day: select \"day\" from \"jo_mart\".\"m\" where \"day\" is not null group by \"day\" having "
            "count(*) > 1\n"
            "none: select 1 where '2026-01-31' = ''\n");
}

TEST_F(models_of_a_project, may_be_declared_together) {
  write("models/m.sql", "select 1");
  write("models/n.sql", "select 1");
  write("models/models.yaml", "m: { materialize: view }\nn: { columns: { x: int } }\n");
  const auto project = read();
  ASSERT_TRUE(project) << project.error().text();
  EXPECT_EQ(project->models->models[0].model.materialize, Materialize::view);
  EXPECT_EQ(project->models->models[1].model.columns.size(), 1U);
  write("models/m.yaml", "materialize: table\n");
  EXPECT_EQ(error(), "models/models.yaml:1:1: model 'm' is declared twice: see models/m.yaml");
}

TEST_F(models_of_a_project, tests_may_be_files) {
  write("models/m.sql", "select 1");
  write("tests/no_future.sql", "select * from m where d > :'as_of'");
  const auto project = read();
  ASSERT_TRUE(project) << project.error().text();
  ASSERT_EQ(project->models->tests.size(), 1U);
  EXPECT_EQ(project->models->tests[0].test.name, "no_future");
  EXPECT_EQ(project->models->tests[0].test.sql, "select * from m where d > '2026-01-31'");
}

TEST_F(models_of_a_project, what_is_wrong_is_said_with_its_place) {
  EXPECT_EQ(error(),
            "p.yaml:4:9: there is no folder models; make it, with a .sql file a model in it, or name another "
            "by `path`");
  write("models/m.sql", " -- nothing\n");
  EXPECT_EQ(error(), "models/m.sql: is empty; write one SELECT, or remove the file");
  write("models/m.sql", "select\n  :'asof'");
  EXPECT_EQ(error(), "models/m.sql:2:3: there is no value for :asof; did you mean ':as_of'?");
  write("models/m.sql", "select 1");
  write("models/x/M.sql", "select 1");
  EXPECT_EQ(error(),
            "models/x/M.sql: there are two models of one name: see models/m.sql; a model has the name of its "
            "file, whatever the folder: rename one");
  std::filesystem::remove(folder_ / "models/x/M.sql");
  write("models/n.yaml", "materialize: view\n");
  EXPECT_EQ(error(), "models/n.yaml: there is no model 'n', since no file n.sql; did you mean 'm'?");
  std::filesystem::remove(folder_ / "models/n.yaml");
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"materialise: view", "1:1: model 'm' has no key 'materialise'; did you mean 'materialize'?"},
      {"materialize: upsrt", "1:14: 'materialize' is one of table, view, incremental, upsert; did you mean 'upsert'?"},
      {"materialize: upsert",
       "1:14: model 'm' needs a key; name the columns that tell which rows give way: `key: day`, "
       "or a list of them"},
      {"materialize: view\nkey: a", "2:6: a view has no key; declare its columns `unique: true`"},
      {"columns: { a: { typ: int } }", "1:17: column 'a' has no key 'typ'; did you mean 'type'?"},
      {"columns: { a: itn }", "1:15: there is no type 'itn'; did you mean 'int'?"},
      {"columns: { a: { range: {} } }", "1:24: 'range' needs min, max or both"},
      {"columns: { a: { range: { min: 3, max: 1 } } }", "1:24: 'range' lets no value pass: min is above max"},
      {"columns: { a: { range: { min: 10, max: 9.5 } } }", "1:24: 'range' lets no value pass: min is above max"},
      {"columns: { a: { range: { min: 2022-09-05, max: 2022-09-04 } } }",
       "1:24: 'range' lets no value pass: min is above max"},
      {"columns:\n  a:\n    type: int\n    range: { min: b }",
       "4:19: 'min' of column 'a', which is declared int, must be a number"},
      {"columns: { a: { type: date, range: { max: 7 } } }",
       "1:43: 'max' of column 'a', which is declared date, must be a day or a time, such as 2022-09-05"},
      {"columns: { a: { accepted: [] } }", "1:27: 'accepted' is an empty list; fill it, or leave it out"},
      {"key: []", "1:6: 'key' is an empty list; fill it, or leave it out"},
      {"columns: { a: { relationships: { to: t } } }", "1:32: 'relationships' needs 'column': the column there"},
      {"tests: { t: ' ' }", "1:13: test 't' is empty"}};
  for (const auto& [yaml, message] : wrong) {
    write("models/m.yaml", yaml + "\n");
    EXPECT_EQ(error(), "models/m.yaml:" + message);
  }
}

TEST_F(models_of_a_project, run_on_a_database) {
  write("models/m.sql", "select 1");
  write("p.yaml", "name: p\nconnections: { q: { spool: q } }\nmodels: { on: q }\n");
  EXPECT_EQ(error(), "p.yaml:3:15: connection 'q' is a queue (spool), but a database is needed here");
}

TEST_F(models_of_a_project, cannot_define_what_is_built_in) {
  write("p.yaml", "name: p\nvars: { run_date: x }\nconnections: { w: { duckdb: w } }\nmodels: { on: w }\n");
  EXPECT_EQ(error(),
            "p.yaml:2:9: variable 'run_date' is built in; take another name; --var run_date=... gives it "
            "another value for one run");
}

}  // namespace
}  // namespace sluice::project
