// DuckDB's C interface as values: a file, its connections, statements and their rows.
//
// The C interface, since it stays the same between versions. DuckDB reaches nothing but the file itself: no
// other file, no network, no extension that is not built in; and its settings are locked.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/core/database.hpp"
#include "sluice/core/result.hpp"

namespace sluice::local {

struct DuckdbOptions {
  std::string file;
  std::string ledger = "sluice";
  std::string memory_limit = "128MB";
};

std::string quoted(std::string_view identifier);  // "a""b"
std::string quoted(const TableName& name);        // "schema"."table"

// An error of DuckDB's. Its text may quote values of rows, so it is shown only for statements without any.
enum class Wording { kind_only, with_message };
Error duckdb_error(duckdb_error_type type, std::string_view message, std::string_view place, Wording wording);

// The refusal of a row (a constraint, a value the column's type does not take): empty if the error is about
// something else. Reason, column and text; the caller fills in the message's number.
std::optional<Reject> refused_row(duckdb_error_type type, std::string_view message);

struct TimestampTz {
  std::int64_t micros;  // since 1970 UTC
};
using Parameter = std::variant<std::int64_t, std::string, TimestampTz, Key, std::vector<Key>>;

// The rows of one statement, one after the other. Columns are read as what the statement casts them to.
class DuckRows {
 public:
  explicit DuckRows(duckdb_result result) : result_(result) {}
  DuckRows(DuckRows&& other) noexcept
      : result_(std::exchange(other.result_, {})),
        chunk_(std::exchange(other.chunk_, nullptr)),
        row_(other.row_),
        size_(other.size_) {}
  DuckRows& operator=(DuckRows&&) = delete;
  ~DuckRows();

  bool next();
  bool is_null(idx_t column) const;
  bool boolean(idx_t column) const;          // BOOLEAN
  std::int64_t integer(idx_t column) const;  // BIGINT
  std::string text(idx_t column) const;      // VARCHAR or BLOB
  Key uuid(idx_t column) const;              // UUID
  std::size_t columns() { return duckdb_column_count(&result_); }
  std::string name(idx_t column) { return duckdb_column_name(&result_, column); }
  std::uint64_t changed() { return duckdb_rows_changed(&result_); }

 private:
  template <class T>
  const T& at(idx_t column) const;

  duckdb_result result_;
  duckdb_data_chunk chunk_ = nullptr;
  idx_t row_ = 0;
  idx_t size_ = 0;
};

// A UUID as DuckDB keeps it: a number of 128 bits, its first bit turned so that it sorts as the text does.
duckdb_hugeint to_hugeint(const std::uint8_t* uuid);
void from_hugeint(const duckdb_hugeint& number, std::uint8_t* uuid);

// The open file, shared by all connections of this process.
class DuckFile {
 public:
  static Result<std::shared_ptr<DuckFile>> open(const DuckdbOptions& options);
  explicit DuckFile(duckdb_database database) : database_(database) {}
  DuckFile(const DuckFile&) = delete;
  DuckFile& operator=(const DuckFile&) = delete;
  ~DuckFile() { duckdb_close(&database_); }

  duckdb_database get() const { return database_; }

 private:
  duckdb_database database_;
};

// One thread uses it.
class DuckConnection {
 public:
  static Result<DuckConnection> open(std::shared_ptr<DuckFile> file);
  DuckConnection(DuckConnection&& other) noexcept
      : file_(std::move(other.file_)), connection_(std::exchange(other.connection_, nullptr)) {}
  DuckConnection& operator=(DuckConnection&&) = delete;
  ~DuckConnection();

  // One or several statements without parameters.
  Result<void> run(const std::string& sql, std::string_view place, Wording wording = Wording::kind_only);
  // One statement; its parameters are $1, $2, ...
  Result<DuckRows> ask(const std::string& sql, const std::vector<Parameter>& parameters, std::string_view place);
  // Ends a transaction, if one is open, without effect.
  void rollback();

  duckdb_connection get() const { return connection_; }
  const std::shared_ptr<DuckFile>& file() const { return file_; }

 private:
  DuckConnection(std::shared_ptr<DuckFile> file, duckdb_connection connection)
      : file_(std::move(file)), connection_(connection) {}

  std::shared_ptr<DuckFile> file_;
  duckdb_connection connection_;
};

// Rows on their way into a table or a statement: a chunk is filled, then appended.
class DuckAppender {
 public:
  // Into a table of the ledger, all its columns.
  static Result<DuckAppender> table(DuckConnection& connection, const TableName& name, std::string_view place);
  // Into `sql`, which reads them from the relation `sluice_rows`.
  static Result<DuckAppender> query(DuckConnection& connection, const std::string& sql,
                                    const std::vector<std::string>& names,
                                    const std::vector<duckdb_logical_type>& types, std::string_view place);
  DuckAppender(DuckAppender&& other) noexcept : appender_(std::exchange(other.appender_, nullptr)) {}
  DuckAppender& operator=(DuckAppender&&) = delete;
  ~DuckAppender() { duckdb_appender_destroy(&appender_); }

  duckdb_appender get() const { return appender_; }
  // What append and flush leave behind when they fail.
  struct Failure {
    duckdb_error_type type;
    std::string message;
  };
  std::optional<Failure> append(duckdb_data_chunk chunk);
  std::optional<Failure> flush();

 private:
  explicit DuckAppender(duckdb_appender appender) : appender_(appender) {}
  Failure failure() const;

  duckdb_appender appender_;
};

}  // namespace sluice::local
