// A project: one YAML file with connections and flows, read strictly.
//
// An unknown key, a wrong type, a missing variable, a key given twice, an anchor: each is an error
// (config) that begins with file:line:column and names the nearest known name. Values of variables
// are put in after parsing, one scalar at a time, so that a value cannot change the file's structure;
// they may be secrets and stand in no error.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sluice/core/database.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/core/record.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/objects/format.hpp"
#include "sluice/project/connector.hpp"
#include "sluice/project/model_reader.hpp"
#include "sluice/schedule/schedule.hpp"

namespace sluice::project {

struct Connection {
  std::string name;
  const ConnectorKind* kind = nullptr;  // of LoadOptions::connectors
  Settings settings;
  // Of a database: its columns that hold personal data. A table is TABLE, in any schema, or SCHEMA.TABLE.
  std::map<std::string, std::vector<std::string>> personal{};
  bool personal_data_allowed = false;
};

// A table that is looked at when a schedule is due: nothing runs unless one of them moved, or the date did.
struct Watched {
  std::string connection;  // in the role of a database
  WatchedTable table;
};

// How many rejects a run may have; both empty: any number.
struct RejectLimit {
  std::optional<std::uint64_t> count;
  std::optional<double> percent;  // of what was received, 0 to 100
};

struct From {
  Role role = Role::queue;  // of the connection
  std::string connection;
  ObjectNames objects{};                                            // of an object store
  objects::Dialect dialect{.format = objects::Format::json_lines};  // a message's body is JSON, too
};

struct Flow {
  std::string name;
  Place place;
  From from;
  Record record;
  std::string select;           // SQL; empty: the record's columns pass as they are
  Place select_place;           // of its first line
  std::string into_connection;  // in the role of a database
  TableName into_table;
  std::optional<CreateTable> create;
  Mode mode = Mode::append;
  std::vector<std::string> key;                         // columns of the table
  std::uint64_t chunk_bytes = std::uint64_t{1} << 30U;  // of one object in one transaction; but for `replace`
  std::uint64_t min_rows = 1;                           // of `replace`: fewer take the place of none
  std::optional<TableName> rejects;                     // in the same database
  RejectLimit max_rejects;
  std::optional<schedule::Schedule> schedule{};  // of `sluice serve`
  std::vector<Watched> watch{};                  // of the schedule; empty: it runs whenever it is due
};

// How rows become objects.
enum class Publish {
  object,    // one, under its key
  manifest,  // files below a prefix, named by what is in them, and `_manifest.json`, which lists them
};
struct IntoObjects {
  std::string connection;  // in the role of an object store
  Place place;             // of `into`
  Publish publish = Publish::object;
  std::string key;                                  // or the prefix, which ends in '/'
  std::string manifest;                             // the key of a list shared with other exports; empty: none
  std::size_t file_bytes = std::size_t{64} << 20U;  // of manifest: the most of one file, unpacked
  std::size_t row_group_rows = 122'880;             // of Parquet, at most
  objects::Dialect dialect{};
};

// A flow from a database into an object store.
struct Export {
  std::string name;
  Place place;
  std::string connection;  // in the role of a database
  ReadQuery query;
  std::string select;  // SQL over `input`, which has the query's columns; empty: they pass as they are
  Place select_place;  // of its first line
  IntoObjects into;
  std::vector<std::string> after{};  // names of models and of flows into a table
  Place after_place{};
  std::optional<WatchedTable> incremental{};  // only the rows that no run before has read, as further files
  std::optional<schedule::Schedule> schedule{};
  std::vector<Watched> watch{};
};

struct Project {
  std::string name;
  std::string file;
  std::string folder;     // where relative paths start
  std::string keys_file;  // the keyring; empty: none is named
  std::vector<Connection> connections;
  std::vector<Flow> flows;        // into a database, in the order of the file
  std::vector<Export> exports{};  // the other ones
  std::optional<Models> models{};
  std::optional<schedule::Schedule> schedule{};  // of what has none of its own
  std::vector<Watched> watch{};                  // of the schedule
  // Variables that were given and that nothing in the file asks for, each with the nearest name that it does, if any.
  std::map<std::string, std::string> strange_vars{};
};

struct LoadOptions {
  std::map<std::string, std::string> vars;        // from the command line: they win
  std::map<std::string, std::string> built_in{};  // run_date and the like: the file cannot define them
  // Of the process; it wins over a `.env` file beside the project file.
  std::function<std::optional<std::string>(const std::string&)> environment;
  std::span<const ConnectorKind> connectors;
};

Result<Project> load(const std::string& file, const LoadOptions& options);

}  // namespace sluice::project
