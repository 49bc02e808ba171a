// A flow's `select`, prepared once and run on each delivery's rows by the embedded DuckDB.
//
// The SELECT must be row-wise (projections, filters, unnest, CTEs of these) over `input`; every row
// that comes out says which input row it came from. DuckDB is locked down: it reaches no file and no network but the
// objects of the project's connections, and loads no extension.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/batch.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/settings.hpp"
#include "sluice/engine/file_store.hpp"
#include "sluice/engine/input.hpp"
#include "sluice/engine/lineage.hpp"

namespace sluice::mask {
class Keyring;
}

namespace sluice::engine {

struct EngineOptions {
  const mask::Keyring* keyring = nullptr;  // outlives the engine; null: masks are refused, with the reason
  std::int64_t run_micros = 0;             // what run_time() gives, and run_date() as its UTC date, unless
  std::optional<std::int32_t> run_day{};   // this is another: days since 1970
  std::size_t memory_max = 64U << 20U;     // bytes DuckDB may take
  std::vector<FileStore> files{};          // what SQL may read by name: read_csv('objects://CONNECTION/KEY')
};

struct SelectOptions {
  std::string sql;
  Place place;              // of its first line, for errors
  Record record;            // the columns of `input`
  bool of_messages = true;  // whose own columns can be named, too
};

// A SELECT over tables that stand elsewhere, for its lineage alone.
struct TraceOptions {
  std::string sql;
  Place place;  // of its first line, for errors
  std::vector<Relation> relations;
  std::vector<std::string> search_path{};  // schemas in which a table without one is looked for; empty: none has one
};

// One row that an expression refused.
struct RowFault {
  bool mask = false;   // refused by a mask; else by another expression
  std::string reason;  // a code
  std::string text;    // a sentence without values
};

class Select {
 public:
  virtual ~Select() = default;

  virtual const Schema& columns() const = 0;
  // Where the record's tagged columns go.
  virtual const Lineage& lineage() const = 0;

  // Runs on rows [first, first + count) and appends what comes out. Batches say the message (or the row) each row
  // came from and own their values. A fault says that at least one of the rows cannot be computed: then nothing was
  // appended, and the caller halves. An Error is not about a row (memory, a bug in DuckDB).
  virtual Result<std::optional<RowFault>> run(const InputView& input, std::size_t first, std::size_t count,
                                              std::vector<Batch>& out) = 0;

  // Of a row that run() refused: the output column whose expression refuses it; "" where that is not one of them (a
  // filter, an unnest), or cannot be told.
  virtual std::string refusing_column(const InputView& input, std::size_t row) = 0;
};

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(const EngineOptions& options);
  virtual ~Engine() = default;

  // Checks and plans. Errors (config) name the line in the project file and carry DuckDB's message.
  // A Select is used by one thread; prepare one a worker. The engine outlives it.
  virtual Result<std::unique_ptr<Select>> prepare(const SelectOptions& options) = 0;

  // Any single SELECT, bound against empty tables and not run. SQL that DuckDB cannot bind is an error (config):
  // nothing is proved of it.
  virtual Result<Lineage> trace(const TraceOptions& options) = 0;
};

// The version of the DuckDB library that is loaded: "v1.4.4".
std::string duckdb_version();

}  // namespace sluice::engine
