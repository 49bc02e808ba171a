// How the rows of an object are written: its format, a CSV's dialect, its compression.
#pragma once

#include <string>
#include <string_view>

namespace sluice::objects {

enum class Format {
  csv,
  json_lines,  // one JSON object a line
  parquet,     // read and written by the engine
};

enum class Compression {
  by_name,  // from the key's end: .gz, .zst; anything else is taken as it is
  none,
  gzip,
  zstd,
};

struct CsvDialect {
  char delimiter = ',';
  char quote = '"';  // doubled inside a quoted field; 0: quotes mean nothing
  bool header = true;
  std::string null_text{};  // what NULL is, unquoted; a quoted one is a text
};

struct Dialect {
  Format format = Format::csv;
  Compression compression = Compression::by_name;
  CsvDialect csv{};
};

Compression compression_of(Compression wanted, std::string_view key);

}  // namespace sluice::objects
