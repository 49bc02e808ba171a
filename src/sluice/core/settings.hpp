// What a project file says about one connection, as its connector reads it.
//
// A connector lists its Options; the project reader refuses every other key, with the nearest
// known name, so a connector only checks the meaning of values.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sluice/core/result.hpp"

namespace sluice {

// Where something stands: "logins.yaml:4:12".
struct Place {
  std::string file;
  int line = 0;    // from 1; 0: the file as a whole
  int column = 0;  // from 1

  std::string text() const;
};

enum class OptionType {
  text,
  boolean,  // true | false
  integer,
  duration,          // 30s, 5m, 2h, 7d
  text_or_keywords,  // a text, or a map of texts (libpq's keywords)
};

struct Option {
  std::string_view name;
  OptionType type;
  std::string_view help;  // one line, for the schema and the docs
};

struct Setting {
  std::string text;                               // the scalar, variables put in
  std::map<std::string, std::string> keywords{};  // where a map was given
  Place place;
};

class Settings {
 public:
  std::string connection;  // its name in the project
  std::string project;     // the project's name
  std::string folder;      // of the project file; relative paths start here
  Place place;             // of the connection
  std::map<std::string, Setting, std::less<>> values;

  const Setting* find(std::string_view name) const;
  std::string text(std::string_view name, std::string_view otherwise = "") const;
  // Errors name the key and its place.
  Result<bool> boolean(std::string_view name, bool otherwise) const;
  Result<std::int64_t> integer(std::string_view name, std::int64_t otherwise, std::int64_t least,
                               std::int64_t most) const;
  Result<std::chrono::seconds> duration(std::string_view name, std::chrono::seconds otherwise) const;
};

// "30s", "5m", "2h", "7d"; a bare number is seconds.
Result<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace sluice
