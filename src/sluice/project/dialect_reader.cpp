#include "sluice/project/dialect_reader.hpp"

namespace sluice::project {
namespace {

Result<void> read_character(const Node& node, const char* key, bool may_be_none, const Variables& variables,
                            char& out) {
  const Node* value = node.find(key);
  if (value == nullptr) return {};
  SLUICE_TRY(std::string text, read_text(*value, key, variables));
  if (text == "\\t") text = "\t";
  const bool fits =
      text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80 && text[0] != '\n' && text[0] != '\r';
  if (!fits && !(text.empty() && may_be_none))
    return fail(Fault::config, value->place.text() + ": '" + key + "' is one ASCII character, or \\t for a tab");
  out = text.empty() ? '\0' : text[0];
  return {};
}

// It stands without quotes, so with one of these in it, it would be read as something else: two fields, or a text.
Result<void> check_null_text(const Place& place, const objects::CsvDialect& csv) {
  const auto holds = [&csv](char c) { return csv.null_text.find(c) != std::string::npos; };
  if (!holds(csv.delimiter) && !holds('\n') && !holds('\r') && (csv.quote == '\0' || !holds(csv.quote))) return {};
  return fail(Fault::config, place.text() + ": 'null_text' holds the delimiter, the quote or a line end",
              "give NULL a text without them, as \\N");
}

}  // namespace

Result<void> read_dialect(const Node& node, const Variables& variables, objects::Dialect& dialect) {
  using objects::Compression;
  using objects::Format;
  SLUICE_TRY(dialect.format, read_word(node, "format",
                                       std::array{std::pair("csv", Format::csv), std::pair("json", Format::json_lines),
                                                  std::pair("parquet", Format::parquet)},
                                       Format::csv, variables));
  SLUICE_TRY(dialect.compression,
             read_word(node, "compression",
                       std::array{std::pair("auto", Compression::by_name), std::pair("none", Compression::none),
                                  std::pair("gzip", Compression::gzip), std::pair("zstd", Compression::zstd)},
                       Compression::by_name, variables));
  if (dialect.format != Format::csv) {
    for (const char* key : {"delimiter", "quote", "header", "null_text"}) {
      if (const Node* value = node.find(key))
        return fail(Fault::config, value->place.text() + ": '" + key + "' is of CSV, but 'format' is not");
    }
  }
  if (const Node* value = node.find("compression"); value != nullptr && dialect.format == Format::parquet)
    return fail(Fault::config, value->place.text() + ": 'compression' is of CSV and JSON; Parquet has its own inside");
  SLUICE_CHECK(read_character(node, "delimiter", false, variables, dialect.csv.delimiter));
  SLUICE_CHECK(read_character(node, "quote", true, variables, dialect.csv.quote));
  if (dialect.csv.delimiter == dialect.csv.quote)
    return fail(Fault::config, node.place.text() + ": 'delimiter' and 'quote' are the same character");
  if (const Node* header = node.find("header")) {
    SLUICE_TRY(dialect.csv.header, read_boolean(*header, "header", variables));
  }
  if (const Node* null = node.find("null_text")) {
    SLUICE_TRY(dialect.csv.null_text, read_text(*null, "null_text", variables));
    SLUICE_CHECK(check_null_text(null->place, dialect.csv));
  }
  return {};
}

}  // namespace sluice::project
