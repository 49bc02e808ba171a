// A connection in the role of a database: tables to write to, and the ledger beside them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "sluice/core/delivery.hpp"
#include "sluice/core/finding.hpp"
#include "sluice/core/model.hpp"
#include "sluice/core/sink.hpp"
#include "sluice/core/snapshot.hpp"
#include "sluice/core/table_name.hpp"
#include "sluice/core/type.hpp"
#include "sluice/core/watch.hpp"

namespace sluice {

// How a missing table is made.
struct CreateTable {
  std::string sql;   // the file's text, run as it stands; empty: made from the columns
  std::string file;  // where that text stands, for messages; empty: `create: true`
};

// What a load does with the rows that are there.
enum class Mode {
  append,   // they stay
  replace,  // all of them give way to the new ones, in one transaction
  merge,    // those of an equal key are changed, the others stay
};

// What a flow writes, and where.
struct Target {
  std::string project;
  std::string flow;
  TableName table;
  std::optional<CreateTable> create{};  // empty: the table must be there
  std::optional<TableName> rejects{};   // empty: the ledger's own table `reject`
  Schema columns{};                     // what the select gives
  bool from_objects = false;            // objects are the proof, not message keys
  Mode mode = Mode::append;             // only a flow from objects has another
  std::vector<std::string> key{};       // of merge: columns under a unique index of the table
  // What is made of the rows: a change of it loads objects again that `replace` has loaded before.
  std::string definition{};
  bool refresh = false;  // load again what is loaded
};

struct RunRecord {
  std::int64_t id = 0;
  std::string project;
  std::string flow;
  std::string version;        // of sluice
  std::string status;         // "running", "done", "stopped", "failed"
  std::int64_t started = 0;   // microseconds since 1970 UTC
  std::int64_t finished = 0;  // 0 while it runs
  std::uint64_t received = 0;
  Written written;
};

struct RejectRecord {
  Key id;  // names the reject in commands: printed as a uuid
  std::string flow;
  std::int64_t run = 0;
  Key key;  // of the message
  Stage stage = Stage::decode;
  std::string reason;
  std::string column;
  std::string text;
  std::string payload;  // sealed; only filled where it was asked for
  std::int64_t at = 0;  // microseconds since 1970 UTC
};

// A schedule of a project, and the server that asks for its turn. One server at a time has the turn, for as long as it
// says now and then that it is still at work.
struct Turn {
  std::string project;
  std::string schedule;  // the flow's name; empty: the project's own
  std::string holder;    // another one each server
  std::chrono::seconds lease{60};
};

// The tables in which the target database remembers what it holds, changed only in the data's own
// transaction (messages, rejects) or in short ones of their own (runs, key checks).
// One thread uses it.
class Ledger {
 public:
  virtual ~Ledger() = default;

  virtual Result<std::int64_t> start_run(const RunRecord& run) = 0;  // gives the id
  virtual Result<void> finish_run(const RunRecord& run) = 0;
  virtual Result<std::vector<RunRecord>> runs(const std::string& project, std::size_t most) = 0;  // newest first

  // The check value stored for a mask key, if the table was ever filled with that key.
  virtual Result<std::optional<std::string>> key_check(const std::string& key_id) = 0;
  virtual Result<void> remember_key(const std::string& key_id, const std::string& check) = 0;
  virtual Result<std::vector<std::string>> key_ids() = 0;

  // Rejects of one flow, oldest first. `with_payload` fills RejectRecord::payload.
  virtual Result<std::vector<RejectRecord>> rejects(const Target& target, std::size_t most, bool with_payload) = 0;
  virtual Result<std::optional<RejectRecord>> reject(const Target& target, const Key& id) = 0;
  // Gives how many were there to drop. Empty `ids`: all of the flow.
  virtual Result<std::uint64_t> drop_rejects(const Target& target, const std::vector<Key>& ids) = 0;

  // The last due time (microseconds since 1970 UTC) that is done with; for a schedule that is new `now`, which is
  // noted.
  virtual Result<std::int64_t> last_fire(const Turn& turn, std::int64_t now) = 0;
  // False: another server has the turn, or this time is done with. Only after last_fire().
  virtual Result<bool> take_turn(const Turn& turn, std::int64_t due) = 0;
  // Another lease from now on. False: the turn was lost to another server.
  virtual Result<bool> keep_turn(const Turn& turn) = 0;
  // `done`: the due time that is done with; without it, somebody will take this turn again. Nothing happens where the
  // turn was lost.
  virtual Result<void> end_turn(const Turn& turn, std::optional<std::int64_t> done) = 0;

  // Forgets message keys older than `age`, at most `most` of them; gives how many.
  virtual Result<std::uint64_t> prune(std::chrono::hours age, std::size_t most) = 0;
};

// One row of cells as text, for demo and preview; empty optional: NULL.
using Cells = std::vector<std::optional<std::string>>;
struct Rows {
  std::vector<std::string> names;
  std::vector<Cells> rows;
};

// A row whose text may have to be replaced: what is in its columns, as the database writes it.
struct OldText {
  std::string text;
  std::optional<std::string> key{};     // in Rewriting::key_column
  std::optional<std::string> beside{};  // in Rewriting::beside
  std::string place{};                  // where the database has it now, for messages: "the row of t with ctid (0,3)"
};

// Texts of one column that are to be replaced where they stand. NULL stays.
struct Rewriting {
  TableName table;
  std::string column;
  // Texts that start with it stay as they are; with a key column, rows that hold it there. Empty: `replace` alone can
  // tell, and is asked about every row.
  std::string keep;
  std::size_t batch = 1000;  // rows a transaction, at most
  // Gives one text for each of `old`; none: it stays as it is. An error ends the rewriting; the batch is then left as
  // it was.
  std::function<Result<void>(const std::vector<OldText>& old, std::vector<std::optional<std::string>>& fresh)> replace;
  std::string key_column{};  // set to `keep` together with each new text; empty: none
  std::string beside{};      // another column that `replace` must see; empty: none
};

// What to do where a column must not hold a text twice, and a new one is there already.
inline std::string hint_of_twins(const Rewriting& rewriting) {
  if (rewriting.key_column.empty()) {
    return "the table holds the same value under both keys: remove one of the two rows, then go on by the same command";
  }
  return "either the table holds the same value under both keys, or two keys give two values one token: make the index "
         "over the token and its key, " +
         rewriting.key_column + ", and remove a row only where that one fails, too";
}

struct ModelTable {
  TableName table;
  Materialize materialize = Materialize::table;
};

// What a project does with a database, for probe().
struct DatabaseUse {
  std::vector<Target> targets{};  // of all flows into it
  bool written = false;           // by flows or models
  bool turns = false;             // schedules keep their turns in its ledger, which only a server needs
  std::vector<ModelTable> models{};
};

class Database {
 public:
  virtual ~Database() = default;

  // Before the first row: the ledger is made or migrated, the table is made if it is missing and
  // the target says how, and the columns are compared with the table's by name. Errors name every
  // missing or extra column. Must be called before open_sink().
  virtual Result<void> prepare(const Target& target) = 0;

  // A connection of its own: one a worker. `run` stands in the rejects it writes.
  virtual Result<std::unique_ptr<Sink>> open_sink(const Target& target, std::int64_t run) = 0;
  // How many sinks may work at once.
  virtual std::size_t sinks_max() const = 0;

  virtual Ledger& ledger() = 0;

  // Locks what the queries read, then fixes the moment that all of them see. Writes nothing, not even a ledger.
  // An error (config) of a query names its line.
  virtual Result<std::unique_ptr<Snapshot>> open_snapshot(std::vector<ReadQuery> queries) = 0;
  // Empty: there is no such table or view.
  virtual Result<std::optional<RelationShape>> shape_of(const TableName& table) = 0;
  // Functions that came neither with the database nor with an extension: they may read anything, under any name. In
  // lower case.
  virtual Result<std::vector<std::string>> own_functions() = 0;
  // `before` null: the first look. A table that is not there is no error, a cursor that it does not have is one.
  virtual Result<TableLook> look(const WatchedTable& table, const TableMark* before) = 0;
  // Empty `since`: all rows. Asked before the snapshot is opened in which the query is to run. Errors (conflict): the
  // mark is of another table, or of another cursor.
  virtual Result<NewRows> new_rows(const WatchedTable& table, const ReadMark& since) = 0;
  // When that snapshot is open, and before it is read. Errors (conflict): the mark is of another server's history.
  virtual Result<ReadMark> mark_after(const NewRows& rows, const Snapshot& snapshot) = 0;
  // Read-only: whether the cursor can be one.
  virtual Finding probe_cursor(const WatchedTable& table) = 0;
  // For a server, which keeps what comes back for as long as it works on the database: null where another server does,
  // and the database is one that cannot be shared.
  virtual Result<std::shared_ptr<const void>> hold_for_server() = 0;

  // Builds the model aside, then changes its table or view and runs its tests in one transaction, which is committed
  // if all of them pass: readers see the last good rows or the new ones, and the table keeps its grants, indexes and
  // views. A missing table, and its schema, is made. An Error, too, leaves everything as it was. `turn`: that under
  // which it is built, of this database's ledger; where another server has taken it meanwhile, nothing is committed.
  virtual Result<ModelBuilt> build_model(const Model& model, const Turn* turn = nullptr) = 0;

  // Read-only: whether the model's SELECT can be planned, with the tables as they are. An error names its line.
  virtual Result<void> check_model(const Model& model) = 0;

  // Read-only: reachability, rights, settings; what is wrong and what to do. The first finding tells whether it can be
  // reached.
  virtual std::vector<Finding> probe(const DatabaseUse& use) = 0;
  // The table's first rows in no particular order; an error if there is no such table.
  virtual Result<Rows> first_rows(const TableName& table, std::size_t most) = 0;
  virtual Result<bool> has_table(const TableName& table) = 0;
  virtual Result<std::uint64_t> count_rows(const TableName& table) = 0;

  // Replaces texts in place, batch by batch, each in a transaction of its own, while others write to the table: a
  // text that has changed meanwhile is looked at again. Comes back when a whole pass found nothing to replace, or at
  // the end of a batch when `stop` was asked for; gives how many rows it changed. What is left after a crash is found
  // by calling it again.
  virtual Result<std::uint64_t> rewrite(const Rewriting& rewriting, std::stop_token stop) = 0;
};

}  // namespace sluice
