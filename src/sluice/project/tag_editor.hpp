// Puts `pii:` tags, and columns under `personal:`, into a project file as an editor would: its comments, order and line
// ends stay.
//
// The file is changed as a whole or not at all: the new text is written aside, and takes the place of the old one
// only if that is still what was read, and if the new text reads back as the old one with these tags and nothing
// else. An editor that saves in the moment between that look and the rename loses what it saved.
#pragma once

#include <string>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice::project {

struct FieldTag {
  std::string flow;
  std::string field;  // of its record
  std::string kind;   // of pii_kinds
};

// Columns of a database's table: they stand under `personal:` of its connection.
struct ColumnTags {
  std::string connection;
  std::string table;                 // TABLE or SCHEMA.TABLE
  std::vector<std::string> columns;  // none of which stands there already
};

struct Tags {
  std::vector<FieldTag> fields{};
  std::vector<ColumnTags> columns{};
};

class TagEditor {
 public:
  // Reads the file. Before the project is loaded, so that what is changed is what was looked at.
  static Result<TagEditor> open(const std::string& file);

  // The file's text with these tags. Errors (config) name the place where a tag cannot stand.
  Result<std::string> text_with(const Tags& tags) const;
  Result<void> write(const Tags& tags) const;

 private:
  std::string file_;
  std::string text_;
};

}  // namespace sluice::project
