// Tags put into files as people write them: byte for byte what they were, but for the tags.
#include "sluice/project/tag_editor.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace sluice::project {
namespace {

class tag_editor : public testing::Test {
 protected:
  tag_editor() {
    std::string made = (std::filesystem::temp_directory_path() / "sluice-tags-XXXXXX").string();
    folder_ = mkdtemp(made.data());
    file_ = folder_ / "p.yaml";
  }
  ~tag_editor() override { std::filesystem::remove_all(folder_); }

  void put(const std::string& text) const { std::ofstream(file_, std::ios::binary) << text; }
  std::string get() const {
    std::ostringstream out;
    out << std::ifstream(file_, std::ios::binary).rdbuf();
    return out.str();
  }
  // The record `before` with these tags, or the error.
  std::string tagged(const std::string& before, const std::vector<FieldTag>& tags) const {
    put("flows:\n  f:\n" + before);
    const auto editor = TagEditor::open(file_.string());
    if (!editor) return editor.error().text();
    const auto done = editor->write({tags, {}});
    if (!done) return done.error().text();
    const std::string head = "flows:\n  f:\n";
    const std::string text = get();
    return text.starts_with(head) ? text.substr(head.size()) : text;
  }

  // The connections `before` with these columns under `personal:`, or the error.
  std::string named(const std::string& before, const std::vector<ColumnTags>& tags) const {
    put("connections:\n" + before);
    const auto editor = TagEditor::open(file_.string());
    if (!editor) return editor.error().text();
    const auto done = editor->write({{}, tags});
    if (!done) return done.error().text();
    return get().substr(std::string("connections:\n").size());
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

TEST_F(tag_editor, columns_of_a_table_stand_at_its_connection) {
  const std::vector<ColumnTags> tags{{"bank", "user", {"first_name", "born on"}}};
  EXPECT_EQ(named("  bank: { postgres: url, tls: on } # ours\n", tags),
            "  bank: { postgres: url, personal: { user: [first_name, \"born on\"] }, tls: on } # ours\n");
  EXPECT_EQ(named("  bank:\n    postgres: url   # ours\n    tls: on\n", tags),
            "  bank:\n    postgres: url   # ours\n    personal: { user: [first_name, \"born on\"] }\n    tls: on\n");
}

TEST_F(tag_editor, more_columns_join_those_that_stand_there) {
  const std::vector<ColumnTags> tags{{"bank", "s.user", {"ip"}}};
  EXPECT_EQ(named("  bank: { duckdb: f, personal: { loan: [a] } }\n", tags),
            "  bank: { duckdb: f, personal: { \"s.user\": [ip], loan: [a] } }\n");
  EXPECT_EQ(named("  bank: { duckdb: f, personal: { s.user: [a, b] } }\n", tags),
            "  bank: { duckdb: f, personal: { s.user: [ip, a, b] } }\n");
  EXPECT_EQ(named("  bank: { duckdb: f, personal: { s.user: a } }\n", tags),
            "  bank: { duckdb: f, personal: { s.user: [ip, a] } }\n");
}

TEST_F(tag_editor, a_block_of_personal_columns_is_left_to_its_writer) {
  const std::string before = "  bank:\n    duckdb: f\n    personal:\n      loan: [a]\n";
  EXPECT_NE(named(before, {{"bank", "user", {"ip"}}}).find("can be found here with certainty"), std::string::npos);
  EXPECT_EQ(get(), "connections:\n" + before);
}

TEST_F(tag_editor, a_plain_type_gets_braces_and_its_comment_stays) {
  EXPECT_EQ(tagged("    record:\n      # who\n      ip: text   # where from\n      n: int\n", {{"f", "ip", "ip"}}),
            "    record:\n      # who\n      ip: { type: text, pii: ip }   # where from\n      n: int\n");
}

TEST_F(tag_editor, a_type_with_a_comma_or_a_brace_gets_quotes) {
  EXPECT_EQ(tagged("    record: { a: \"decimal(10,2)\", b: 'text' }\n", {{"f", "a", "text"}, {"f", "b", "name"}}),
            "    record: { a: { type: \"decimal(10,2)\", pii: text }, b: { type: 'text', pii: name } }\n");
  EXPECT_EQ(
      tagged("    record:\n      a: decimal(10,2)\n      b: ${kind}\n", {{"f", "a", "text"}, {"f", "b", "name"}}),
      "    record:\n      a: { type: \"decimal(10,2)\", pii: text }\n      b: { type: \"${kind}\", pii: name }\n");
}

TEST_F(tag_editor, braces_take_it_behind_the_type_wherever_that_stands) {
  EXPECT_EQ(tagged("    record:\n      a: { max: 4, type: text,   null: true } # x\n", {{"f", "a", "phone"}}),
            "    record:\n      a: { max: 4, type: text, pii: phone,   null: true } # x\n");
}

TEST_F(tag_editor, a_block_gets_a_line_of_its_own_below_the_type) {
  EXPECT_EQ(
      tagged("    record:\n      a:\n        type: text # t\n        max: 4\n      b:\n        max: 3\n"
             "        type: text",
             {{"f", "b", "name"}, {"f", "a", "email"}}),
      "    record:\n      a:\n        type: text # t\n        pii: email\n        max: 4\n      b:\n        max: 3\n"
      "        type: text\n        pii: name");
}

TEST_F(tag_editor, line_ends_and_letters_beyond_ascii_stay) {
  EXPECT_EQ(tagged("    # õ\r\n    record:\r\n      föö:\r\n        type: text\r\n      \"ö ü\": text # ä\r\n",
                   {{"f", "föö", "name"}, {"f", "ö ü", "name"}}),
            "    # õ\r\n    record:\r\n      föö:\r\n        type: text\r\n        pii: name\r\n"
            "      \"ö ü\": { type: text, pii: name } # ä\r\n");
}

TEST_F(tag_editor, what_cannot_be_placed_with_certainty_is_refused_and_nothing_changes) {
  for (const std::string record : {"    record:\n      a: >-\n        text\n", "    record:\n      a: \"te\\x78t\"\n",
                                   "    record:\n      a: { type: >-\n  text }\n", "    record:\n      a:\n"}) {
    const std::string answer = tagged(record, {{"f", "a", "name"}});
    EXPECT_NE(answer, record);
    EXPECT_EQ(get(), "flows:\n  f:\n" + record) << answer;
  }
  EXPECT_NE(tagged("    record:\n      a: >-\n        text\n", {{"f", "a", "name"}}).find("p.yaml:4:10: no place"),
            std::string::npos);
}

TEST_F(tag_editor, a_field_that_has_a_tag_or_is_not_there_is_an_error) {
  EXPECT_NE(tagged("    record: { a: { type: text, pii: ip } }\n", {{"f", "a", "name"}}).find("already"),
            std::string::npos);
  EXPECT_NE(tagged("    record: { a: text }\n", {{"f", "b", "name"}}).find("no field 'b'"), std::string::npos);
  EXPECT_NE(tagged("    record: { a: text }\n", {{"g", "a", "name"}}).find("no field 'a'"), std::string::npos);
}

TEST_F(tag_editor, a_file_that_changed_meanwhile_is_left_alone) {
  put("flows: { f: { record: { a: text } } }\n");
  const auto editor = TagEditor::open(file_.string());
  ASSERT_TRUE(editor);
  put("flows: { f: { record: { a: text } } } # mine\n");
  const std::vector<FieldTag> tags{{"f", "a", "name"}};
  const auto done = editor->write({tags, {}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, Fault::conflict);
  EXPECT_EQ(get(), "flows: { f: { record: { a: text } } } # mine\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "no draft is left";
}

TEST_F(tag_editor, mode_and_link_stay) {
  put("flows: { f: { record: { a: text } } }\n");
  chmod(file_.c_str(), 0640);
  const std::filesystem::path link = folder_ / "link.yaml";
  std::filesystem::create_symlink("p.yaml", link);
  const auto editor = TagEditor::open(link.string());
  ASSERT_TRUE(editor);
  const std::vector<FieldTag> tags{{"f", "a", "name"}};
  ASSERT_TRUE(editor->write({tags, {}}));
  EXPECT_EQ(get(), "flows: { f: { record: { a: { type: text, pii: name } } } }\n");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  struct stat facts {};
  ASSERT_EQ(stat(file_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0640U);
}

}  // namespace
}  // namespace sluice::project
