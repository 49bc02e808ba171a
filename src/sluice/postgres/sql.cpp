#include "sluice/postgres/sql.hpp"

#include "sluice/postgres/utf8.hpp"

namespace sluice::postgres {

std::string quoted(std::string_view identifier) {
  std::string out = "\"";
  for (const char c : identifier) {
    if (c == '"') out += c;
    out += c;
  }
  return out += '"';
}

std::string quoted(const TableName& name) {
  return name.schema.empty() ? quoted(name.table) : quoted(name.schema) + "." + quoted(name.table);
}

std::string literal(std::string_view text) {
  std::string out = "E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out += '\'';
}

std::string presentable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '\0') c = '?';
  }
  if (count_characters(out).valid) return out;
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

}  // namespace sluice::postgres
