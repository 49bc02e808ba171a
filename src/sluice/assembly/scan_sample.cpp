#include "sluice/assembly/scan_sample.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "sluice/assembly/table.hpp"
#include "sluice/objects/object_rows.hpp"
#include "sluice/scan/header.hpp"

namespace sluice::assembly {
namespace {

constexpr std::size_t objects_max = 8;
constexpr std::size_t depth_max = 16;
constexpr std::size_t rows_below_header = 100;

using Path = std::vector<std::string>;

// A value of JSON and all below it. Of a list every item counts for one column.
void add_json(Sample& sample, Path& path, const nlohmann::json& value) {
  if (value.is_object()) {
    if (path.size() >= depth_max) return;
    sample.keys.add(path, value);
    for (const auto& [key, item] : value.items()) {
      // A map from e-mail addresses to something: its keys are values, and no names of columns.
      const bool is_value = scan::is_value(key);
      if (is_value) {
        path.emplace_back(keys_column);
        if (scan::Column* column = sample.at(path)) column->add(key);
        path.pop_back();
      }
      path.push_back(is_value ? "*" : key);
      add_json(sample, path, item);
      path.pop_back();
    }
    return;
  }
  if (value.is_array()) {
    if (path.size() >= depth_max) return;
    path.emplace_back("[]");
    for (const auto& item : value) add_json(sample, path, item);
    path.pop_back();
    return;
  }
  scan::Column* column = sample.at(path);
  if (column == nullptr || value.is_null()) return;
  column->add(value.is_string() ? value.get_ref<const std::string&>() : value.dump());
}

void add_json_row(Sample& sample, std::string_view body) {
  ++sample.rows;
  const nlohmann::json parsed = nlohmann::json::parse(body, nullptr, false);
  if (!parsed.is_object()) {
    ++sample.unreadable;
    return;
  }
  Path path;
  add_json(sample, path, parsed);
}

// The fields of one row of CSV, without their quotes.
std::vector<std::string> csv_fields(std::string_view row, const objects::CsvDialect& dialect) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  bool begins = true;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const char c = row[i];
    if (quoted) {
      if (c != dialect.quote) {
        fields.back() += c;
      } else if (i + 1 < row.size() && row[i + 1] == dialect.quote) {
        fields.back() += row[++i];
      } else {
        quoted = false;
      }
    } else if (begins && dialect.quote != '\0' && c == dialect.quote) {
      quoted = true;
    } else if (c == dialect.delimiter) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
    begins = !quoted && c == dialect.delimiter;
  }
  return fields;
}

// What the columns of a CSV are called.
struct CsvNames {
  std::vector<std::string> said;   // may be values: they help to judge, and are not told
  std::vector<std::string> shown;  // empty: by number
};

scan::Column* csv_column(Sample& sample, const CsvNames& names, std::size_t column) {
  const std::string said = column < names.said.size() ? names.said[column] : "";
  const std::string shown = column < names.shown.size() ? names.shown[column] : "";
  return sample.at({shown.empty() ? "(column " + std::to_string(column + 1) + ")" : shown}, said);
}

void add_csv_row(Sample& sample, std::string_view row, const objects::CsvDialect& dialect, const CsvNames& names) {
  ++sample.rows;
  const std::vector<std::string> fields = csv_fields(row, dialect);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    scan::Column* column = csv_column(sample, names, i);
    if (column != nullptr && fields[i] != dialect.null_text) column->add(fields[i]);
  }
}

// The names that a CSV's first line gives its columns: none, but those that are `known`, where the line looks like the
// first row of a file without a header, since whatever is a name here is shown.
CsvNames header_names(Sample& sample, const std::string& uri, const std::vector<Message>& messages,
                      const objects::CsvDialect& dialect, const std::vector<std::string>& known) {
  CsvNames names;
  names.said = csv_fields(objects::unpack_origin(messages.front().attributes).header, dialect);
  names.shown = names.said;
  std::vector<std::vector<std::string>> rows;
  for (const Message& message : messages) {
    if (rows.size() == rows_below_header) break;
    rows.push_back(csv_fields(message.body, dialect));
  }
  if (!scan::holds_values(names.said, rows, known)) return names;
  for (std::string& name : names.shown) {
    if (std::ranges::find(known, name) == known.end()) name.clear();
  }
  sample.warnings.push_back("the first line of " + uri +
                            " looks like values, so its columns are shown by number; give the file a header");
  return names;
}

Result<void> add_object(Sample& sample, ObjectStore& store, const ObjectFacts& object, const objects::Dialect& dialect,
                        const std::vector<std::string>& known, std::uint64_t rows) {
  if (dialect.format == objects::Format::parquet)
    return fail(Fault::config, "scan reads CSV and JSON lines, and " + store.uri(object.key) + " is Parquet");
  objects::RowsOptions options;
  options.dialect = dialect;
  const auto parts = objects::open_parts(store, {object}, options);
  SLUICE_CHECK(parts->start(Known(1, false)));
  const std::uint64_t end = sample.rows + rows;
  const bool has_header = dialect.format == objects::Format::csv && dialect.csv.header;
  std::optional<CsvNames> names;
  if (!has_header) names = CsvNames{known, known};
  while (sample.rows < end) {
    Delivery part;
    SLUICE_TRY(const bool more, parts->next(part));
    if (!more) break;
    if (!names && !part.messages.empty())
      names = header_names(sample, store.uri(object.key), part.messages, dialect.csv, known);
    for (const Message& message : part.messages) {
      if (sample.rows == end) break;
      if (dialect.format == objects::Format::json_lines) {
        add_json_row(sample, message.body);
        continue;
      }
      add_csv_row(sample, message.body, dialect.csv, *names);
    }
  }
  return {};
}

// Messages are held until enough are seen, so that none comes twice; then all are given back, also after an error.
// `visible`: how many there were about when it began; once those are seen, it does not wait long for more.
Result<void> receive(Sample& sample, Source& source, std::size_t rows, std::uint64_t visible) {
  std::vector<Receipt> held;
  Result<void> outcome;
  int empty = 0;
  while (sample.rows < rows && empty < 3) {
    const bool seen = sample.rows > 0 && sample.rows >= visible;
    if (seen && empty > 0) break;
    Wanted wanted;
    if (seen) wanted.patience = std::chrono::milliseconds(200);
    wanted.rows_max = std::min<std::size_t>(rows - sample.rows, 1000);
    Result<Next> next = source.next(wanted);
    if (!next) {
      outcome = fail(std::move(next).error());
      break;
    }
    if (next->delivery) {
      held.push_back(next->delivery->receipt);
      for (const Message& message : next->delivery->messages) add_json_row(sample, message.body);
    } else if (next->ended) {
      break;
    } else {
      ++empty;
    }
  }
  for (const Receipt receipt : held) {
    Result<void> released = source.release(receipt);
    if (outcome && !released) outcome = std::move(released);
  }
  Result<void> flushed = source.flush();
  return outcome ? flushed : outcome;
}

}  // namespace

std::string Sample::shown(const SampledColumn& column) const {
  std::string out;
  Path upto;
  for (const std::string& name : column.path) {
    upto.push_back(name);
    if (!out.empty() && name != "[]") out += '.';
    out += keys.is_name(upto) ? name : "*";
  }
  return printable(out);
}

bool Sample::is_told(const SampledColumn& column) const {
  Path upto;
  return std::ranges::all_of(column.path, [&](const std::string& name) {
    upto.push_back(name);
    return keys.is_name(upto);
  });
}

scan::Column* Sample::at(const Path& path, const std::string& said) {
  const auto found = by_path_.find(path);
  if (found != by_path_.end()) return found->second;
  if (columns.size() == columns_max) {
    too_many = true;
    return nullptr;
  }
  // What a column of a list is called stands before the brackets.
  const auto name = std::find_if(path.rbegin(), path.rend(), [](const std::string& part) { return part != "[]"; });
  columns.push_back({path, scan::Column(!said.empty() ? said : name == path.rend() ? "" : *name)});
  return by_path_.emplace(path, &columns.back().column).first->second;
}

Result<Sample> sample_queue(Queue& queue, std::size_t rows) {
  SLUICE_TRY(const QueueFacts facts, queue.facts(std::chrono::seconds(0)));
  SLUICE_TRY(const auto source, queue.open_source());
  Sample sample;
  SLUICE_CHECK(receive(sample, *source, rows, facts.depth.visible));
  if (sample.rows > 0) {
    sample.warnings.push_back("its messages are visible in the queue again; their receive count has risen by one");
    if (facts.receives_max) {
      sample.warnings.back() +=
          ", and after " + std::to_string(*facts.receives_max) + " the queue moves them to its dead-letter queue";
    }
  }
  return sample;
}

Result<Sample> sample_objects(ObjectStore& store, std::vector<ObjectFacts> found, const objects::Dialect& dialect,
                              const std::vector<std::string>& names, std::size_t rows) {
  Sample sample;
  if (found.empty()) sample.warnings.emplace_back("no object has such a key");
  std::erase_if(found, [](const ObjectFacts& object) { return object.bytes == 0; });
  // From the first to the last, since they often grow over time and change on the way.
  const std::size_t looked_at = std::min(found.size(), objects_max);
  for (std::size_t i = 0; i < looked_at; ++i) {
    const std::size_t at = looked_at == 1 ? 0 : i * (found.size() - 1) / (looked_at - 1);
    const std::uint64_t share = (rows - sample.rows) / (looked_at - i);
    SLUICE_CHECK(add_object(sample, store, found[at], dialect, names, std::max<std::uint64_t>(share, 1)));
  }
  if (looked_at < found.size()) {
    sample.warnings.push_back(std::to_string(looked_at) + " of " + std::to_string(found.size()) +
                              " objects were looked at");
  }
  return sample;
}

Result<Sample> sample_table(Database& database, const TableName& table, std::size_t rows) {
  SLUICE_TRY(const Rows found, database.first_rows(table, rows));
  Sample sample;
  sample.rows = found.rows.size();
  for (std::size_t i = 0; i < found.names.size(); ++i) {
    scan::Column* column = sample.at({found.names[i]});
    if (column == nullptr) break;
    for (const Cells& row : found.rows) {
      if (row[i]) column->add(*row[i]);
    }
  }
  return sample;
}

}  // namespace sluice::assembly
