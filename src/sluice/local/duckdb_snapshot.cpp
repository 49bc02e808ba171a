#include "sluice/local/duckdb_snapshot.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "sluice/local/duckdb_columns.hpp"
#include "sluice/local/duckdb_literals.hpp"

namespace sluice::local {
namespace {

// Of a query that cannot be bound, with the place of the line that DuckDB means. It quotes that line below its message,
// literals and all; only the message is told, in one line.
Error planning_error(std::string_view message, const std::string& sql, const Place& place) {
  Place at = place;
  if (const std::size_t quoted = message.find("\nLINE "); quoted != std::string_view::npos) {
    at.line += std::max(0, std::atoi(std::string(message.substr(quoted + 6, 9)).c_str()) - 1);
    message = message.substr(0, quoted);
  }
  std::string bare(message);
  leave_out_literals(bare, sql);
  std::string said;
  for (const char c : bare) {
    const bool blank = c == '\n' || c == '\t' || c == ' ';
    if (!blank || !said.ends_with(' ')) said += blank ? ' ' : c;
  }
  while (said.ends_with(' ')) said.pop_back();
  Error error{Fault::config, at.text() + ": query: DuckDB says " + said};
  constexpr std::string_view unknown = "Function with name ";
  if (const std::size_t name = said.find(unknown); name != std::string::npos) {
    const std::string_view function = std::string_view(said).substr(name + unknown.size());
    if (function.starts_with("mask_") || function.starts_with("reveal "))
      error.hint = "masks and reveal() go into `select:` of the flow";
  }
  return error;
}

class Statement {
 public:
  static Result<Statement> prepare(DuckConnection& connection, const std::string& sql, const Place& place) {
    Statement made;
    if (duckdb_prepare(connection.get(), sql.c_str(), &made.statement_) != DuckDBSuccess) {
      const char* message = duckdb_prepare_error(made.statement_);
      return fail(planning_error(message == nullptr ? "nothing" : message, sql, place));
    }
    if (duckdb_prepared_statement_type(made.statement_) != DUCKDB_STATEMENT_TYPE_SELECT)
      return fail(Fault::config, place.text() + ": a query must be one SELECT");
    return made;
  }
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement() { duckdb_destroy_prepare(&statement_); }

  std::size_t columns() const { return duckdb_prepared_statement_column_count(statement_); }
  std::string name(std::size_t column) const {
    const char* name = duckdb_prepared_statement_column_name(statement_, column);
    std::string text = name == nullptr ? "" : name;
    duckdb_free(const_cast<char*>(name));
    return text;
  }
  struct LogicalType {
    explicit LogicalType(duckdb_logical_type given) : type(given) {}
    LogicalType(const LogicalType&) = delete;
    LogicalType& operator=(const LogicalType&) = delete;
    ~LogicalType() { duckdb_destroy_logical_type(&type); }
    duckdb_logical_type type;
  };
  duckdb_logical_type type(std::size_t column) const {
    return duckdb_prepared_statement_column_logical_type(statement_, column);
  }
  duckdb_prepared_statement get() const { return statement_; }

 private:
  Statement() = default;
  duckdb_prepared_statement statement_ = nullptr;
};

// How a column comes out: its type, and the cast that brings it there ("" where it lies right already).
struct Way {
  Type type;
  std::string cast{};
  bool wide = false;  // an integer of more digits than the cast takes is one, too
};

Way way_of(duckdb_logical_type type) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN: return {{Kind::boolean}};
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_USMALLINT: return {{Kind::int32}, "::INTEGER"};
    case DUCKDB_TYPE_INTEGER: return {{Kind::int32}};
    case DUCKDB_TYPE_UINTEGER: return {{Kind::int64}, "::BIGINT"};
    case DUCKDB_TYPE_BIGINT: return {{Kind::int64}};
    case DUCKDB_TYPE_UBIGINT: return {{Kind::decimal, 38, 0}, "::DECIMAL(38,0)"};
    // A sum is one; above 38 digits it does not fit, and the cast says so.
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT: return {{Kind::decimal, 38, 0}, "::DECIMAL(38,0)", true};
    // By its text, so that 0.1 stays 0.1.
    case DUCKDB_TYPE_FLOAT: return {{Kind::float64}, "::VARCHAR::DOUBLE"};
    case DUCKDB_TYPE_DOUBLE: return {{Kind::float64}};
    case DUCKDB_TYPE_DECIMAL: {
      const std::uint8_t scale = duckdb_decimal_scale(type);
      const Type decimal{Kind::decimal, duckdb_decimal_width(type), scale};
      if (duckdb_decimal_internal_type(type) == DUCKDB_TYPE_HUGEINT) return {decimal};
      return {decimal, "::DECIMAL(38," + std::to_string(scale) + ")"};
    }
    case DUCKDB_TYPE_DATE: return {{Kind::date}};
    case DUCKDB_TYPE_TIMESTAMP: return {{Kind::timestamp}};
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS: return {{Kind::timestamp}, "::TIMESTAMP"};
    case DUCKDB_TYPE_TIMESTAMP_TZ: return {{Kind::timestamp_tz}};
    case DUCKDB_TYPE_UUID: return {{Kind::uuid}};
    case DUCKDB_TYPE_BLOB: return {{Kind::bytes}};
    case DUCKDB_TYPE_VARCHAR: {
      char* alias = duckdb_logical_type_get_alias(type);
      const bool json = alias != nullptr && std::string_view(alias) == "JSON";
      duckdb_free(alias);
      return {{json ? Kind::json : Kind::text}};
    }
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_MAP: return {{Kind::json}, "::JSON"};
    default: return {{Kind::text}, "::VARCHAR"};
  }
}

struct Planned {
  std::string sql;
  Place place;
  std::shared_ptr<const Schema> columns;
  bool wide;  // any of them is
};

Result<Planned> plan(DuckConnection& connection, const ReadQuery& query) {
  std::string sql = query.sql.empty() ? "SELECT * FROM " + quoted(query.table) : query.sql;
  for (std::size_t i = 0; i < query.order_by.size(); ++i)
    sql += (i == 0 ? " ORDER BY " : ", ") + quoted(query.order_by[i]) + " ASC NULLS LAST";
  SLUICE_TRY(const Statement statement, Statement::prepare(connection, sql, query.place));
  Schema schema;
  std::string list;
  bool cast = false;
  bool wide = false;
  for (std::size_t i = 0; i < statement.columns(); ++i) {
    const Statement::LogicalType type(statement.type(i));
    const Way way = way_of(type.type);
    for (const Field& other : schema) {
      if (other.name == statement.name(i))
        return fail(Fault::config, query.place.text() + ": two columns are called \"" + other.name + "\"",
                    "give one another name (as ...)");
    }
    schema.push_back({statement.name(i), way.type});
    const std::string name = quoted(schema.back().name);
    list += (list.empty() ? "" : ", ") + name + (way.cast.empty() ? "" : way.cast + " AS " + name);
    cast = cast || !way.cast.empty();
    wide = wide || way.wide;
  }
  // Around it only where it must be: the order of the rows is the query's own.
  return Planned{cast ? "SELECT " + list + " FROM (\n" + sql + "\n)" : sql, query.place,
                 std::make_shared<const Schema>(std::move(schema)), wide};
}

bool cannot_compute(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_DECIMAL:
    case DUCKDB_ERROR_MISMATCH_TYPE:
    case DUCKDB_ERROR_DIVIDE_BY_ZERO:
    case DUCKDB_ERROR_INVALID_INPUT: return true;
    default: return false;
  }
}

// DuckDB's own words are left out: they may hold values. What the query cannot compute of its rows is the data's fault.
Error reading_error(duckdb_error_type type, std::string_view message, const Place& place) {
  Error error = duckdb_error(type, message, place.text() + ": query", Wording::kind_only);
  if (!error.hint.empty()) return error;
  error.hint = "DuckDB's message may hold values and is left out: run the query in DuckDB to read it";
  if (error.fault == Fault::failed && cannot_compute(type)) {
    error.fault = Fault::data;
    error.hint = "a variable or a row holds what the query cannot compute; " + error.hint;
  }
  return error;
}

class DuckReader final : public RowReader {
 public:
  static Result<std::unique_ptr<RowReader>> open(DuckConnection& connection, const Planned& planned) {
    SLUICE_TRY(Statement statement, Statement::prepare(connection, planned.sql, planned.place));
    auto reader = std::make_unique<DuckReader>(connection, std::move(statement), planned);
    duckdb_pending_result pending = nullptr;
    duckdb_state state = duckdb_pending_prepared_streaming(reader->statement_.get(), &pending);
    if (state == DuckDBSuccess) {
      reader->opened_ = true;
      state = duckdb_execute_pending(pending, &reader->result_);
    }
    const char* message = state == DuckDBSuccess ? nullptr : duckdb_pending_error(pending);
    // What fails while it runs is told by its result alone.
    if (state != DuckDBSuccess && reader->opened_ && (message == nullptr || *message == '\0'))
      message = duckdb_result_error(&reader->result_);
    const std::string text = message == nullptr ? "" : message;
    duckdb_destroy_pending(&pending);
    if (state == DuckDBSuccess) return std::unique_ptr<RowReader>(std::move(reader));
    return fail(
        reader->error_of(reader->opened_ ? duckdb_result_error_type(&reader->result_) : DUCKDB_ERROR_INVALID, text));
  }
  DuckReader(DuckConnection& connection, Statement statement, const Planned& planned)
      : connection_(connection), statement_(std::move(statement)), planned_(planned) {}
  DuckReader(const DuckReader&) = delete;
  DuckReader& operator=(const DuckReader&) = delete;
  ~DuckReader() override {
    if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
    if (opened_) duckdb_destroy_result(&result_);
  }

  Result<bool> next(Batch& batch) override {
    do {
      if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
      chunk_ = duckdb_fetch_chunk(result_);
      if (chunk_ == nullptr) {
        const char* message = duckdb_result_error(&result_);
        if (message == nullptr || *message == '\0') return false;
        return fail(error_of(duckdb_result_error_type(&result_), message));
      }
    } while (duckdb_data_chunk_get_size(chunk_) == 0);
    view(batch);
    return true;
  }

 private:
  // The column is looked for by another connection, since this one's transaction has ended with the error.
  Error error_of(duckdb_error_type type, std::string_view message) {
    Error error = reading_error(type, message, planned_.place);
    if (planned_.wide && type == DUCKDB_ERROR_CONVERSION && message.find("DECIMAL(38,0)") != std::string_view::npos) {
      error.hint = "a HUGEINT of more than 38 digits is no number here: cast it to VARCHAR in the query";
    }
    if (error.fault != Fault::data) return error;
    Result<DuckConnection> other = DuckConnection::open(connection_.file());
    if (!other) return error;
    if (const std::string column = column_not_computed(*other, planned_.sql); !column.empty())
      error.message += " in column \"" + column + "\"";
    return error;
  }

  // DuckDB's flat vectors lie in memory as ours do, but for uuids.
  void view(Batch& batch) {
    batch = {};
    batch.schema = planned_.columns;
    batch.rows = duckdb_data_chunk_get_size(chunk_);
    uuids_.clear();
    for (std::size_t i = 0; i < batch.schema->size(); ++i) {
      duckdb_vector vector = duckdb_data_chunk_get_vector(chunk_, i);
      Vector ours{duckdb_vector_get_data(vector), duckdb_vector_get_validity(vector)};
      if ((*batch.schema)[i].type.kind == Kind::uuid) {
        auto bytes = std::make_unique<std::uint8_t[]>(batch.rows * 16);
        for (std::size_t row = 0; row < batch.rows; ++row) {
          if (!ours.is_null(row)) from_hugeint(ours.at<duckdb_hugeint>(row), bytes.get() + row * 16);
        }
        ours.values = bytes.get();
        uuids_.push_back(std::move(bytes));
      }
      batch.vectors.push_back(ours);
    }
  }

  DuckConnection& connection_;
  Statement statement_;
  const Planned& planned_;
  duckdb_result result_{};
  bool opened_ = false;
  duckdb_data_chunk chunk_ = nullptr;
  std::vector<std::unique_ptr<std::uint8_t[]>> uuids_;
};

class DuckSnapshot final : public Snapshot {
 public:
  explicit DuckSnapshot(std::vector<DuckConnection> connections) : connections_(std::move(connections)) {}
  ~DuckSnapshot() override {
    for (DuckConnection& connection : connections_) connection.rollback();
  }
  DuckSnapshot(const DuckSnapshot&) = delete;
  DuckSnapshot& operator=(const DuckSnapshot&) = delete;

  Result<void> start(const std::vector<ReadQuery>& queries) {
    SLUICE_CHECK(begin());
    for (std::size_t i = 0; i < queries.size(); ++i) {
      SLUICE_TRY(Planned planned, plan(connection_of(i), queries[i]));
      planned_.push_back(std::move(planned));
    }
    return {};
  }
  const std::shared_ptr<const Schema>& columns(std::size_t query) const override { return planned_[query].columns; }
  Result<std::unique_ptr<RowReader>> open(std::size_t query) override {
    return DuckReader::open(connection_of(query), planned_[query]);
  }
  Result<PartedRows> open_parts(std::size_t /*query*/) override { return PartedRows{}; }  // one thread reads a file
  std::string name() const override { return {}; }

 private:
  // One moment for all: DuckDB numbers the beginnings and the ends of transactions in one row, so that between two
  // beginnings of neighbouring numbers nothing was committed.
  Result<void> begin() {
    constexpr int attempts = 100;
    for (int attempt = 0; attempt < attempts; ++attempt) {
      SLUICE_TRY(const bool neighbours, begin_all());
      if (neighbours) return {};
      for (DuckConnection& connection : connections_) connection.rollback();
    }
    // Somebody writes all the time: one transaction for all, which ends for all with the first error.
    while (connections_.size() > 1) connections_.pop_back();
    return begin_all().map([](bool) {});
  }

  Result<bool> begin_all() {
    std::int64_t before = 0;
    for (DuckConnection& connection : connections_) {
      SLUICE_CHECK(connection.run("BEGIN TRANSACTION READ ONLY", "begin to read"));
      SLUICE_TRY(DuckRows number, connection.ask("SELECT txid_current()::BIGINT", {}, "begin to read"));
      const std::int64_t at = number.next() ? number.integer(0) : 0;
      if (before != 0 && at != before + 1) return false;
      before = at;
    }
    return true;
  }

  DuckConnection& connection_of(std::size_t query) { return connections_[std::min(query, connections_.size() - 1)]; }

  std::vector<DuckConnection> connections_;  // one a query, or one for all
  std::vector<Planned> planned_;
};

}  // namespace

Result<std::unique_ptr<Snapshot>> open_duckdb_snapshot(const std::shared_ptr<DuckFile>& file,
                                                       const std::vector<ReadQuery>& queries) {
  std::vector<DuckConnection> connections;
  while (connections.size() < queries.size()) {
    SLUICE_TRY(DuckConnection connection, DuckConnection::open(file));
    connections.push_back(std::move(connection));
  }
  auto snapshot = std::make_unique<DuckSnapshot>(std::move(connections));
  SLUICE_CHECK(snapshot->start(queries));
  return std::unique_ptr<Snapshot>(std::move(snapshot));
}

Result<std::optional<RelationShape>> duckdb_shape(DuckConnection& connection, const TableName& table) {
  SLUICE_TRY(DuckRows found,
             connection.ask("SELECT table_schema, table_name, table_type = 'VIEW' FROM information_schema.tables "
                            "WHERE table_catalog = current_database() AND lower(table_name) = lower($1) AND "
                            "lower(table_schema) = lower($2)",
                            {table.table, table.schema.empty() ? std::string("main") : table.schema},
                            "look up " + table.text()));
  if (!found.next()) return std::optional<RelationShape>();
  RelationShape shape;
  shape.name = {found.text(0), found.text(1)};
  shape.is_view = found.boolean(2);
  ReadQuery whole;
  whole.table = shape.name;
  SLUICE_TRY(const Planned planned, plan(connection, whole));
  shape.columns = *planned.columns;
  return std::optional<RelationShape>(std::move(shape));
}

}  // namespace sluice::local
