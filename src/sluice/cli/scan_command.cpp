// `sluice scan`: looks at some rows of a queue, of objects or of a table and proposes `pii:` tags.
#include <algorithm>
#include <cmath>
#include <set>

#include "sluice/assembly/assemble.hpp"
#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/scan_sample.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/core/words.hpp"
#include "sluice/project/reader.hpp"
#include "sluice/project/tag_editor.hpp"

namespace sluice::cli {
namespace {

struct ScanArguments {
  ProjectArguments project;
  std::string what;
  std::size_t rows = 1000;
  int sure = 50;
  bool write = false;
};

// One thing to look at.
struct Subject {
  std::string title;  // "flow logins", "table warehouse.people"
  const project::Flow* flow = nullptr;
  const project::Connection* connection = nullptr;
  TableName table{};   // of a database
  std::string glob{};  // of an object store
  objects::Dialect dialect{.format = objects::Format::json_lines};
};

// What was found of one column.
struct Found {
  const SampledColumn* column = nullptr;
  scan::Verdict verdict;
  std::string tag;                     // proposed; empty: none
  const RecordField* field = nullptr;  // of the flow's record that holds the column
  bool whole = false;                  // the column is all of the field
};

std::string counted(std::uint64_t number, const std::string& thing) {
  return thousands(number) + ' ' + thing + (number == 1 ? "" : "s");
}

int percent(double share) { return static_cast<int>(std::lround(share * 100)); }

const project::Connection* find_connection(const project::Project& project, std::string_view name) {
  const auto found = std::ranges::find(project.connections, name, &project::Connection::name);
  return found == project.connections.end() ? nullptr : &*found;
}

// By the ends of the key, compression left aside.
Result<objects::Dialect> dialect_of(std::string_view glob) {
  for (const std::string_view end : {".gz", ".zst"}) {
    if (glob.ends_with(end)) glob.remove_suffix(end.size());
  }
  objects::Dialect dialect;
  if (glob.ends_with(".csv")) return dialect;
  dialect.csv.delimiter = '\t';
  if (glob.ends_with(".tsv")) return dialect;
  dialect = {.format = objects::Format::json_lines};
  if (glob.ends_with(".json") || glob.ends_with(".jsonl") || glob.ends_with(".ndjson")) return dialect;
  return fail(Fault::config, "the key does not tell whether its objects are CSV or JSON lines",
              "end it in .csv, .tsv, .json, .jsonl or .ndjson, or scan a flow that reads them");
}

TableName table_name(const std::string& text) {
  const std::size_t dot = text.find('.');
  return dot == std::string::npos ? TableName{"", text} : TableName{text.substr(0, dot), text.substr(dot + 1)};
}

// A queue by its name, a table as CONNECTION.TABLE, objects as CONNECTION/GLOB.
Result<Subject> connection_subject(const project::Project& project, const std::string& what) {
  const std::size_t end = std::min(what.find_first_of("./"), what.size());
  const project::Connection* connection = find_connection(project, what.substr(0, end));
  if (connection == nullptr) {
    std::vector<std::string> known;
    for (const project::Flow& flow : project.flows) known.push_back(flow.name);
    for (const project::Export& exported : project.exports) known.push_back(exported.name);
    for (const project::Connection& one : project.connections) known.push_back(one.name);
    return fail(Fault::config, project.file + " has no flow and no connection '" + what + "'",
                did_you_mean(what, known));
  }
  const std::string rest = end == what.size() ? "" : what.substr(end + 1);
  Subject subject;
  subject.connection = connection;
  switch (connection->kind->role) {
    case project::Role::queue:
      if (end != what.size()) break;
      subject.title = "queue " + what;
      return subject;
    case project::Role::object_store: {
      if (rest.empty() || what[end] != '/') {
        return fail(Fault::config, "scan: '" + what + "' is an object store",
                    "name a flow, or objects: " + connection->name + "/KEY, where KEY may have * and ?");
      }
      SLUICE_TRY(subject.dialect, dialect_of(rest));
      subject.title = "objects " + what;
      subject.glob = rest;
      return subject;
    }
    case project::Role::database:
      if (rest.empty() || what[end] != '.') {
        return fail(Fault::config, "scan: '" + what + "' is a database",
                    "name a table: " + connection->name + ".TABLE");
      }
      subject.title = "table " + what;
      subject.table = table_name(rest);
      return subject;
  }
  return fail(Fault::config, "scan: '" + connection->name + "' is a queue, and has nothing behind its name");
}

Result<std::vector<Subject>> subjects_of(const project::Project& project, const ScanArguments& arguments) {
  std::vector<Subject> out;
  for (const project::Flow& flow : project.flows) {
    if (!arguments.what.empty() && flow.name != arguments.what) continue;
    Subject subject;
    subject.title = "flow " + flow.name;
    subject.flow = &flow;
    subject.connection = find_connection(project, flow.from.connection);
    subject.dialect = flow.from.dialect;
    out.push_back(std::move(subject));
  }
  for (const project::Export& exported : project.exports) {
    if (!arguments.what.empty() && exported.name != arguments.what) continue;
    if (!exported.query.sql.empty()) {
      if (arguments.what.empty()) continue;
      return fail(Fault::config, "scan: flow '" + exported.name + "' reads a query",
                  "scan the tables that it reads: " + exported.connection + ".TABLE");
    }
    Subject subject;
    subject.title = "table " + exported.connection + "." + exported.query.table.text();
    subject.connection = find_connection(project, exported.connection);
    subject.table = exported.query.table;
    out.push_back(std::move(subject));
  }
  if (!out.empty()) return out;
  if (arguments.what.empty()) return fail(Fault::config, project.file + " has no flow", "name a connection to scan");
  SLUICE_TRY(Subject subject, connection_subject(project, arguments.what));
  if (arguments.write && subject.connection->kind->role != project::Role::database) {
    return fail(Fault::config, "--write needs a flow or a table: its record, or its connection, is where tags stand",
                "scan without it, and take the lines that are printed");
  }
  out.push_back(std::move(subject));
  return out;
}

Result<Sample> sample(const Subject& subject, std::size_t rows) {
  switch (subject.connection->kind->role) {
    case project::Role::queue: {
      SLUICE_TRY(const auto queue, open_queue(*subject.connection, system_clock()));
      return sample_queue(*queue, rows);
    }
    case project::Role::object_store: {
      SLUICE_TRY(const auto store, open_objects(*subject.connection, system_clock()));
      const ObjectNames wanted =
          subject.flow != nullptr
              ? subject.flow->from.objects
              : ObjectNames{subject.glob.find_first_of("*?") == std::string::npos ? ObjectNames::By::key
                                                                                  : ObjectNames::By::glob,
                            subject.glob};
      SLUICE_TRY(std::vector<ObjectFacts> found, find_objects(*store, wanted));
      std::vector<std::string> names;
      if (subject.flow != nullptr) {
        for (const RecordField& field : subject.flow->record.fields)
          names.push_back(subject.dialect.csv.header && !field.path.empty() ? field.path.front() : field.name);
      }
      return sample_objects(*store, std::move(found), subject.dialect, names, rows);
    }
    case project::Role::database: {
      SLUICE_TRY(const auto database, open_database(*subject.connection, system_clock()));
      return sample_table(*database, subject.table, rows);
    }
  }
  return Sample{};
}

// Where the input holds a field.
std::vector<std::string> place_of(const RecordField& field, const project::Flow& flow) {
  const bool by_order = flow.from.role == project::Role::object_store &&
                        flow.from.dialect.format == objects::Format::csv && !flow.from.dialect.csv.header;
  return field.path.empty() || by_order ? std::vector{field.name} : field.path;
}

// The record's field that holds the column: all of it, or as a part of its JSON.
void find_field(Found& found, const project::Flow& flow, const std::vector<std::string>& path) {
  for (const RecordField& field : flow.record.fields) {
    const std::vector<std::string> at = place_of(field, flow);
    if (at.size() > path.size() || !std::equal(at.begin(), at.end(), path.begin())) continue;
    found.field = &field;
    found.whole = at.size() == path.size();
  }
}

std::vector<Found> judge(const Sample& sample, const Subject& subject, int sure) {
  std::vector<Found> out;
  for (const SampledColumn& column : sample.columns) {
    Found found;
    found.column = &column;
    found.verdict = column.column.judge();
    if (subject.flow != nullptr) find_field(found, *subject.flow, column.path);
    if (percent(found.verdict.sure) < sure) found.verdict = {};
    // A field that holds it among other things is tagged as a whole.
    const bool part = found.field != nullptr && !found.whole;
    found.tag = found.verdict.tag().empty() ? "" : part ? "text" : std::string(found.verdict.tag());
    out.push_back(std::move(found));
  }
  return out;
}

std::string reason(const Found& found) {
  if (found.verdict.detector == nullptr) return "nothing found";
  std::string out = found.verdict.what();
  out += found.column->column.values() == 0
             ? ", by its name alone"
             : ": " + std::to_string(percent(found.verdict.share)) + "% of " +
                   thousands(found.column->column.values()) + " values" + (found.verdict.named ? ", and its name" : "");
  if (found.verdict.detector->tag.empty()) out += "; not personal by itself";
  return out;
}

// Whether `personal:` of the table's connection names the column.
bool is_declared(const Subject& subject, const Found& found) {
  for (const std::string& table : {subject.table.table, subject.table.text()}) {
    const auto there = subject.connection->personal.find(table);
    if (there == subject.connection->personal.end()) continue;
    if (std::ranges::find(there->second, found.column->path.front()) != there->second.end()) return true;
  }
  return false;
}

// What the project file says of it now.
std::string stands(const Found& found, const Subject& subject) {
  if (subject.connection->kind->role == project::Role::database) return is_declared(subject, found) ? "personal" : "-";
  if (found.field != nullptr) return found.field->pii.empty() ? "-" : found.field->pii;
  return subject.flow != nullptr ? "not in the record" : "-";
}

std::string yaml_name(const std::string& name) { return project::is_plain_name(name) ? name : Json(name).dump(); }

// A field of a record as one would write it, for objects and messages that no flow reads yet.
std::string field_yaml(const Found& found) {
  const std::vector<std::string>& path = found.column->path;
  std::string line = yaml_name(path.back()) + ": { type: text, ";
  if (path.size() > 1) {
    line += "path: [";
    for (std::size_t i = 0; i < path.size(); ++i) line += (i > 0 ? ", " : "") + Json(path[i]).dump();
    line += "], ";
  }
  return "  " + line + "pii: " + found.tag + " }\n";
}

bool is_writable_path(const std::vector<std::string>& path) {
  return std::ranges::none_of(
      path, [](const std::string& name) { return name == "[]" || name == "*" || name.starts_with("("); });
}

void report(const Subject& subject, const Sample& sample, const std::vector<Found>& all, Answer& answer) {
  Table table({"column", "pii now", "proposed", "sure", "what was seen"});
  table.align_right({3});
  Json columns = Json::array();
  const bool is_table = subject.connection->kind->role == project::Role::database;
  std::string paste;
  std::size_t silent = 0;
  std::set<std::pair<std::string, std::string>> told;
  for (const Found& found : all) {
    const std::string now = stands(found, subject);
    const bool tagged = found.field != nullptr && !found.field->pii.empty();
    // What stands below a tagged field is its value, keys and all, unless the record says that it is JSON.
    const bool hidden = tagged && !found.whole && found.field->type.kind != Kind::json;
    const std::string name = hidden ? found.field->name + ".*" : sample.shown(*found.column);
    if (!told.insert({name, found.tag}).second) continue;  // another key of the same map
    if (found.verdict.detector != nullptr || tagged) {
      table.add({name, now, found.tag.empty() ? "-" : found.tag,
                 found.verdict.detector == nullptr ? "" : std::to_string(percent(found.verdict.sure)) + "%",
                 reason(found)});
    } else {
      ++silent;
    }
    columns.push_back({{"column", name},
                       {"field", found.field == nullptr ? Json(nullptr) : Json(found.field->name)},
                       {"pii", tagged ? Json(found.field->pii) : Json(nullptr)},
                       {"proposed", found.tag.empty() ? Json(nullptr) : Json(found.tag)},
                       {"kind", found.verdict.detector == nullptr ? Json(nullptr) : Json(found.verdict.what())},
                       {"sure", std::round(found.verdict.sure * 1000) / 1000},
                       {"share", std::round(found.verdict.share * 1000) / 1000},
                       {"named", found.verdict.named},
                       {"values", found.column->column.values()}});
    if (subject.flow != nullptr || found.tag.empty() || !is_writable_path(found.column->path)) continue;
    if (!sample.is_told(*found.column)) continue;
    if (is_table && is_declared(subject, found)) continue;
    paste += is_table ? (paste.empty() ? "" : ", ") + yaml_name(name) : field_yaml(found);
  }
  answer.text += subject.title + ": " + counted(sample.rows, "row") + " looked at\n";
  if (silent < all.size()) answer.text += table.text();
  if (silent > 0) {
    const std::string other = silent < all.size() ? "other " : "";
    answer.text += "  nothing found in " + counted(silent, other + "column") + '\n';
  }
  std::vector<std::string> notes = sample.warnings;
  if (sample.unreadable > 0) notes.push_back("not JSON objects: " + counted(sample.unreadable, "row"));
  if (sample.too_many)
    notes.push_back("only the first " + std::to_string(Sample::columns_max) + " columns were looked at");
  for (const std::string& note : notes) answer.text += "  " + note + "\n";
  if (!paste.empty() && is_table) {
    answer.text += "columns with personal data, for connection " + subject.connection->name + ":\n  personal: { " +
                   yaml_name(subject.table.text()) + ": [" + paste + "] }\n";
  } else if (!paste.empty()) {
    answer.text += "fields with these tags, for a record:\n" + paste;
  }
  answer.text += '\n';
  answer.result["subjects"].push_back({{"name", subject.title},
                                       {"rows", sample.rows},
                                       {"unreadable", sample.unreadable},
                                       {"notes", notes},
                                       {"columns", std::move(columns)}});
}

// By field at most one tag: that of the column that is all of it, else of the first that is a part.
void collect(const Subject& subject, const std::vector<Found>& all, project::Tags& tags) {
  if (subject.connection->kind->role == project::Role::database) {
    project::ColumnTags columns{subject.connection->name, subject.table.text(), {}};
    for (const Found& found : all) {
      if (!found.tag.empty() && !is_declared(subject, found)) columns.columns.push_back(found.column->path.front());
    }
    if (!columns.columns.empty()) tags.columns.push_back(std::move(columns));
    return;
  }
  if (subject.flow == nullptr) return;
  for (const RecordField& field : subject.flow->record.fields) {
    if (!field.pii.empty()) continue;
    const Found* best = nullptr;
    for (const Found& found : all) {
      if (found.field != &field || found.tag.empty()) continue;
      if (best == nullptr || (found.whole && !best->whole)) best = &found;
    }
    if (best != nullptr) tags.fields.push_back({subject.flow->name, field.name, best->tag});
  }
}

Result<Answer> scan_project(const ScanArguments& arguments) {
  SLUICE_TRY(const auto editor, project::TagEditor::open(arguments.project.file));
  // No flow is opened: one whose tags are not masked yet can be looked at, and no keyring is needed.
  SLUICE_TRY(const project::Project project, load_project(arguments.project));
  SLUICE_TRY(const std::vector<Subject> subjects, subjects_of(project, arguments));
  Answer answer;
  answer.result["subjects"] = Json::array();
  project::Tags tags;
  std::size_t proposed = 0;
  for (const Subject& subject : subjects) {
    Result<Sample> taken = sample(subject, arguments.rows);
    if (!taken) return fail(std::move(taken).error().within("scan " + subject.title));
    if (subject.flow != nullptr) {
      for (const RecordField& field : subject.flow->record.fields) taken->keys.trust(place_of(field, *subject.flow));
    }
    const std::vector<Found> all = judge(*taken, subject, arguments.sure);
    report(subject, *taken, all, answer);
    collect(subject, all, tags);
    proposed += static_cast<std::size_t>(std::ranges::count_if(all, [](const Found& one) { return !one.tag.empty(); }));
  }
  std::size_t count = tags.fields.size();
  for (const project::ColumnTags& tag : tags.columns) count += tag.columns.size();
  const std::string fields = counted(count, tags.columns.empty() ? "field" : "column");
  answer.summary = "personal by their look: " + counted(proposed, "column");
  if (arguments.write && count > 0) {
    SLUICE_CHECK(editor.write(tags));
    answer.summary += ", " + fields + " tagged in " + arguments.project.file;
  } else if (count > 0) {
    answer.summary += ", " + fields + " without a tag";
  }
  answer.text += answer.summary + '\n';
  if (count > 0) {
    answer.text += arguments.write ? "`sluice validate` says which of them a select must mask now\n"
                                   : "`--write` puts the tags into the project file\n";
  }
  answer.result["tagged"] = Json::array();
  answer.result["untagged"] = Json::array();
  for (const project::ColumnTags& tag : tags.columns) {
    answer.result[arguments.write ? "tagged" : "untagged"].push_back(
        {{"connection", tag.connection}, {"table", tag.table}, {"columns", tag.columns}});
  }
  for (const project::FieldTag& tag : tags.fields) {
    answer.result[arguments.write ? "tagged" : "untagged"].push_back(
        {{"flow", tag.flow}, {"field", tag.field}, {"pii", tag.kind}});
  }
  return answer;
}

}  // namespace

void add_scan(Command app, Session& session) {
  const Command command = app.command("scan", "looks at some rows and proposes tags for personal data",
                                      "sluice scan logins.yaml user_logins --write");
  auto arguments = std::make_shared<ScanArguments>();
  add_project(command, arguments->project);
  command
      .option("WHAT", arguments->what,
              "a flow (default: all), a queue's CONNECTION, CONNECTION.TABLE or CONNECTION/KEY")
      .type("");
  command.option("--sample", arguments->rows, "how many rows of each").type("N").between(1, 100000).shows_default();
  command.option("--sure", arguments->sure, "propose nothing that is less sure")
      .type("PERCENT")
      .between(50, 100)
      .shows_default();
  command.flag("--write", arguments->write, "put the tags into the project file; its comments stay");
  command.does(session, [arguments] { return scan_project(*arguments); });
}

}  // namespace sluice::cli
