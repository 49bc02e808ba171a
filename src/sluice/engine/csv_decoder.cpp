// A row of CSV: fields between delimiters, quoted where they hold one (RFC 4180). Which field is which column follows
// from the header of the row's object; without a header, from the record's order.
#include <simdjson.h>

#include <algorithm>

#include "sluice/core/words.hpp"
#include "sluice/engine/decoder.hpp"
#include "sluice/engine/field_rules.hpp"
#include "sluice/objects/object_rows.hpp"

namespace sluice::engine {
namespace {

// One field of a row, as it stands there.
struct Cell {
  std::string_view text;
  bool quoted = false;
  bool doubled = false;  // a quote stands twice in it
};

// Takes the row's fields one after the other.
class Cells {
 public:
  Cells(std::string_view row, const objects::CsvDialect& dialect)
      : at_(row.data()), end_(at_ + row.size()), delimiter_(dialect.delimiter), quote_(dialect.quote) {}

  // False: there are no more, or it is malformed().
  bool next(Cell& cell) {
    if (at_ == nullptr) return false;
    cell = {};
    if (quote_ != '\0' && at_ != end_ && *at_ == quote_) return next_quoted(cell);
    const char* begin = at_;
    while (at_ != end_ && *at_ != delimiter_) ++at_;
    cell.text = {begin, static_cast<std::size_t>(at_ - begin)};
    step();
    return true;
  }
  bool malformed() const { return malformed_; }

 private:
  bool next_quoted(Cell& cell) {
    const char* begin = ++at_;
    while (at_ != end_) {
      if (*at_ != quote_) {
        ++at_;
      } else if (at_ + 1 != end_ && at_[1] == quote_) {
        cell.doubled = true;
        at_ += 2;
      } else {
        break;
      }
    }
    cell.quoted = true;
    cell.text = {begin, static_cast<std::size_t>(at_ - begin)};
    if (at_ != end_) ++at_;  // else the row was cut off: it is too long
    malformed_ = at_ != end_ && *at_ != delimiter_;
    if (malformed_) return false;
    step();
    return true;
  }
  // Behind a delimiter there is one more field, if only an empty one.
  void step() { at_ = at_ == end_ ? nullptr : at_ + 1; }

  const char* at_;  // nullptr: behind the last field
  const char* end_;
  char delimiter_;
  char quote_;
  bool malformed_ = false;
};

std::string_view undoubled(std::string_view text, char quote, Arena& arena) {
  char* out = arena.take(text.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out[size++] = text[i];
    if (text[i] == quote) ++i;
  }
  arena.shrink_last(size);
  return {out, size};
}

const std::string& column_of(const RecordField& field) { return field.path.empty() ? field.name : field.path.front(); }

std::vector<std::string> names_in(std::string_view header, const objects::CsvDialect& dialect) {
  std::vector<std::string> names;
  Arena arena;
  Cells cells(header, dialect);
  Cell cell;
  while (cells.next(cell)) {
    names.emplace_back(cell.doubled ? undoubled(cell.text, dialect.quote, arena) : cell.text);
  }
  return names;
}

// What can stand in one line of an error.
bool is_plain(const std::string& name) {
  return simdjson::validate_utf8(name.data(), name.size()) &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

// Of the names in a header those that were likely meant, in another spelling. The others are not told: where the header
// is missing they are the cells of a row, which may be personal.
std::vector<std::string> near_names(const std::vector<std::string>& wanted, const std::vector<std::string>& names) {
  constexpr std::size_t enough_letters = 6;  // of fewer, too many other words differ by one or two
  const auto folded = [](const std::string& name) {
    std::string out;
    for (const char c : name) {
      if (c != '_' && c != ' ' && c != '-') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return out;
  };
  std::vector<std::string> near;
  for (const std::string& one : wanted) {
    const auto same = std::ranges::find(names, folded(one), folded);
    std::string found = same != names.end() ? *same : one.size() >= enough_letters ? nearest(one, names) : "";
    if (!found.empty() && is_plain(found) && std::ranges::find(near, found) == near.end())
      near.push_back(std::move(found));
  }
  return near;
}

Error missing_columns(const std::vector<std::string>& missing, const std::vector<std::string>& names, bool none_found) {
  const std::vector<std::string> near = near_names(missing, names);
  const std::string count = std::to_string(names.size()) + (names.size() == 1 ? " column" : " columns");
  Error error{Fault::data, "the header has no column " + join(missing, ", ") + "; it has " + count};
  if (!near.empty()) error.message += ", among them " + join(near, ", ");
  error.hint = "mend the object, or name the column in the record: `path: COLUMN`";
  if (none_found && near.empty()) error.hint += "; where its first line is a row, say `header: false`";
  return error;
}

// By field of the row: the record's field that it is, or none.
struct Layout {
  static constexpr int none = -1;
  std::vector<int> fields;
  std::vector<int> missing;  // fields of the record that the header has not, and that have a default
};

Result<Layout> layout_of(const Record& record, const objects::CsvDialect& dialect, std::string_view header) {
  Layout layout;
  if (!dialect.header) {
    for (std::size_t i = 0; i < record.fields.size(); ++i) layout.fields.push_back(static_cast<int>(i));
    return layout;
  }
  const std::vector<std::string> names = names_in(header, dialect);
  layout.fields.assign(names.size(), Layout::none);
  std::vector<std::string> missing;
  std::vector<std::string> twice;
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    const std::string& wanted = column_of(record.fields[i]);
    const auto found = std::ranges::find(names, wanted);
    if (found != names.end()) {
      if (std::ranges::count(names, wanted) > 1) twice.push_back(wanted);
      layout.fields[static_cast<std::size_t>(found - names.begin())] = static_cast<int>(i);
    } else if (record.fields[i].default_text) {
      layout.missing.push_back(static_cast<int>(i));
    } else {
      missing.push_back(wanted);
    }
  }
  if (!twice.empty())
    return fail(Fault::data, "the header has column " + join(twice, ", ") + " twice",
                "write the object again with each column once");
  const bool none_found = std::ranges::all_of(layout.fields, [](int field) { return field == Layout::none; });
  if (!missing.empty()) return fail(missing_columns(missing, names, none_found));
  if (record.extra == Record::Extra::reject && std::ranges::count(layout.fields, Layout::none) > 0) {
    std::vector<std::string> extra;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (layout.fields[i] == Layout::none && is_plain(names[i])) extra.push_back(names[i]);
    }
    return fail(
        Fault::data,
        "the header has " + (none_found ? std::to_string(extra.size()) + " columns that the record does not name"
                                        : "a column that the record does not name: " + join(extra, ", ")),
        "name it in the record, or say `extra: ignore`");
  }
  return layout;
}

class CsvDecoder final : public Decoder {
 public:
  explicit CsvDecoder(const objects::CsvDialect& dialect) : dialect_(dialect) {}

  Result<void> open(Record record) {
    record_ = std::move(record);
    for (const RecordField& field : record_.fields) {
      if (field.path.size() > 1) {
        return fail(Fault::config, "record field '" + field.name + "': a path of several names is for JSON",
                    "name the column of the CSV: `path: [COLUMN]`");
      }
      SLUICE_TRY(FieldRules rules, FieldRules::make(field));
      fields_.push_back(std::move(rules));
      SLUICE_TRY(auto text, default_of(field));
      defaults_.push_back(std::move(text));
    }
    Input scratch(record_);
    scratch.clear(1);
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (!record_.fields[i].default_text) continue;
      if (const char* reason = set_default(i, 0, scratch))
        return fail(Fault::config,
                    "record field '" + record_.fields[i].name + "': default: " + std::string(explain(reason)));
    }
    return {};
  }

  Result<void> decode(const Delivery& delivery, Input& input, std::vector<Reject>& rejects) override {
    input.clear(delivery.messages.size());
    for (std::size_t i = 0; i < delivery.messages.size(); ++i) {
      const Message& message = delivery.messages[i];
      // The rows of one object share one view.
      if (!bound_ || message.attributes.data() != attributes_.data() || message.attributes.size() != attributes_.size())
        SLUICE_CHECK(bind(message.attributes));
      const auto number = static_cast<std::uint32_t>(i);
      int field = Layout::none;
      if (const char* reason = decode_row(message.body, input, field)) {
        rejects.push_back(reject(number, reason, field));
      } else {
        input.add_row(message, number);
      }
    }
    bound_ = false;  // the next delivery's attributes may stand at the same place
    return {};
  }

 private:
  Result<void> bind(std::string_view attributes) {
    attributes_ = attributes;
    const std::string header = objects::unpack_origin(attributes).header;
    SLUICE_TRY(layout_, layout_of(record_, dialect_, header));
    bound_ = true;
    return {};
  }

  // The text that a CSV would have; empty: NULL.
  static Result<std::optional<std::string>> default_of(const RecordField& field) {
    if (!field.default_text || *field.default_text == "null") return std::nullopt;
    if (!field.default_text->starts_with('"')) return field.default_text;
    simdjson::dom::parser parser;
    std::string_view text;
    if (parser.parse(*field.default_text).get(text))
      return fail(Fault::config, "record field '" + field.name + "': default: is no text");
    return std::string(text);
  }

  Reject reject(std::uint32_t number, const char* reason, int field) const {
    Reject made;
    made.message = number;
    made.stage = field == Layout::none ? Stage::decode : Stage::contract;
    made.reason = reason;
    if (field != Layout::none) made.column = record_.fields[static_cast<std::size_t>(field)].name;
    made.text = explain(made.reason);
    return made;
  }

  // nullptr: the row is there; else why not, and `field` says which field of the record it is about, if any.
  const char* decode_row(std::string_view row, Input& input, int& field) {
    if (row.size() > (1U << 20U)) return "body_too_large";
    if (!simdjson::validate_utf8(row.data(), row.size())) return "not_utf8";
    const std::size_t number = input.rows();
    Cells cells(row, dialect_);
    Cell cell;
    for (const int wanted : layout_.fields) {
      if (!cells.next(cell)) return cells.malformed() ? "bad_quotes" : "ragged_row";
      if (wanted == Layout::none) continue;
      if (const char* reason = set(static_cast<std::size_t>(wanted), cell, number, input)) {
        field = wanted;
        return reason;
      }
    }
    if (cells.next(cell) || cells.malformed()) return cells.malformed() ? "bad_quotes" : "ragged_row";
    for (const int wanted : layout_.missing) {
      if (const char* reason = set_default(static_cast<std::size_t>(wanted), number, input)) {
        field = wanted;
        return reason;
      }
    }
    return nullptr;
  }

  const char* set(std::size_t number, const Cell& cell, std::size_t row, Input& input) {
    const FieldRules& rules = fields_[number];
    Column& column = input.columns()[number];
    if (!cell.quoted && cell.text == dialect_.null_text) return rules.set_null(row, column);
    const std::string_view text = cell.doubled ? undoubled(cell.text, dialect_.quote, input.arena()) : cell.text;
    return set_value(rules, text, row, column, input.arena());
  }

  const char* set_default(std::size_t number, std::size_t row, Input& input) {
    Column& column = input.columns()[number];
    if (!defaults_[number]) return fields_[number].set_null(row, column);
    return set_value(fields_[number], *defaults_[number], row, column, input.arena());
  }

  static const char* set_value(const FieldRules& rules, std::string_view text, std::size_t row, Column& column,
                               Arena& arena) {
    switch (rules.field().type.kind) {
      case Kind::int32:
      case Kind::int64:
      case Kind::float64:
      case Kind::decimal: return rules.set_number(text, row, column, "malformed_value");
      case Kind::boolean: {
        const bool truth = text == "true" || text == "t" || text == "1";
        if (!truth && text != "false" && text != "f" && text != "0") return "malformed_value";
        column.set(row, static_cast<std::uint8_t>(truth));
        return nullptr;
      }
      case Kind::json: return set_json(text, row, column);
      case Kind::bytes: return rules.set_text(text, row, column, arena.take(text.size()));
      default: return rules.set_text(text, row, column, nullptr);
    }
  }

  static const char* set_json(std::string_view text, std::size_t row, Column& column) {
    thread_local simdjson::dom::parser parser;
    simdjson::dom::element element;
    if (parser.parse(text.data(), text.size()).get(element)) return "malformed_value";
    if (text.find("\\u0000") != std::string_view::npos) return "nul_in_text";
    column.set(row, Text(text));
    return nullptr;
  }

  objects::CsvDialect dialect_;
  Record record_;
  std::vector<FieldRules> fields_;
  std::vector<std::optional<std::string>> defaults_;  // as a CSV would have them
  Layout layout_;
  std::string_view attributes_;
  bool bound_ = false;
};

}  // namespace

Result<std::unique_ptr<Decoder>> open_csv_decoder(Record record, const objects::CsvDialect& dialect) {
  auto decoder = std::make_unique<CsvDecoder>(dialect);
  SLUICE_CHECK(decoder->open(std::move(record)));
  return decoder;
}

Result<void> check_csv_header(const Record& record, const objects::CsvDialect& dialect, std::string_view header) {
  SLUICE_CHECK(layout_of(record, dialect, header));
  return {};
}

}  // namespace sluice::engine
