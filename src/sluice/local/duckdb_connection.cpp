#include "sluice/local/duckdb_connection.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace sluice::local {
namespace {

constexpr std::uint64_t first_bit = std::uint64_t{1} << 63U;

std::uint64_t big_endian(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8U | bytes[i];
  return value;
}

void put_big_endian(std::uint64_t value, std::uint8_t* bytes) {
  for (int i = 7; i >= 0; --i, value >>= 8U) bytes[i] = static_cast<std::uint8_t>(value);
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::string_view kind_name(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_CONSTRAINT: return "constraint violation";
    case DUCKDB_ERROR_CONVERSION: return "conversion failed";
    case DUCKDB_ERROR_OUT_OF_RANGE: return "out of range";
    case DUCKDB_ERROR_INVALID_INPUT: return "invalid input";
    case DUCKDB_ERROR_DIVIDE_BY_ZERO: return "division by zero";
    case DUCKDB_ERROR_TRANSACTION: return "transaction conflict";
    case DUCKDB_ERROR_CATALOG: return "no such name";
    case DUCKDB_ERROR_BINDER: return "names or types do not fit";
    case DUCKDB_ERROR_PARSER:
    case DUCKDB_ERROR_SYNTAX: return "syntax error";
    case DUCKDB_ERROR_IO: return "input or output failed";
    case DUCKDB_ERROR_PERMISSION: return "not permitted";
    case DUCKDB_ERROR_INTERRUPT: return "interrupted";
    case DUCKDB_ERROR_FATAL: return "fatal error";
    case DUCKDB_ERROR_INTERNAL: return "internal error";
    default: return "error";
  }
}

// What DuckDB says when a file cannot be opened: paths and process ids, no values.
Error open_error(const std::string& file, std::string_view message) {
  const std::string place = "duckdb " + file + ": ";
  if (has(message, "Could not set lock")) {
    std::string who;
    constexpr std::string_view before = "held in ";
    if (const std::size_t at = message.find(before); at != std::string_view::npos) {
      const std::string_view rest = message.substr(at + before.size());
      who = ": " + std::string(rest.substr(0, std::min(rest.find(". See"), rest.find('\n'))));
    }
    return {Fault::transient, place + "the file is open in another process" + who,
            "DuckDB lets one process at a time write; wait for it to end, or use PostgreSQL"};
  }
  if (has(message, "not a valid DuckDB database")) {
    return {Fault::config, place + "the file is there, but it is no DuckDB database",
            "name another file, or remove this one"};
  }
  if (has(message, "different configuration")) {
    return {Fault::config, place + "two connections name this file with different settings",
            "give both the same memory_limit"};
  }
  if (has(message, "memory_limit") || has(message, "emory limit") || has(message, "Unknown unit for memory")) {
    return {Fault::config, place + "'memory_limit' is no size", "write it as 128MB or 1GB"};
  }
  if (has(message, "Permission denied"))
    return {Fault::denied, place + "no right to open the file", "give it to this user"};
  if (has(message, "No such file"))
    return {Fault::config, place + "its folder is not there", "make the folder, or correct 'duckdb'"};
  if (has(message, "Is a directory")) return {Fault::config, place + "this is a folder", "name a file"};
  if (has(message, "version number")) {
    return {Fault::config, place + "the file is of a version of DuckDB that this one cannot read",
            "export it with that version, or name another file"};
  }
  return {Fault::failed, place + "cannot be opened: " + first_line(message)};
}

// DuckDB knows a file by its name without its end, and takes `a.t` for a table of the schema a or of the file a.
std::optional<Error> same_name_error(std::string_view message, std::string_view place) {
  if (!has(message, "Ambiguous reference to catalog or schema")) return std::nullopt;
  return Error{
      Fault::config,
      std::string(place) + ": the file has the name of a schema in it, and DuckDB cannot tell one from the other",
      "rename the file, or give the table, or the ledger (`ledger:` of the connection), another schema"};
}

duckdb_value uuid_value(const Key& key) {
  return duckdb_create_uuid({big_endian(key.bytes.data() + 8), big_endian(key.bytes.data())});
}

duckdb_value value_of(const Parameter& parameter) {
  if (const auto* number = std::get_if<std::int64_t>(&parameter)) return duckdb_create_int64(*number);
  if (const auto* text = std::get_if<std::string>(&parameter))
    return duckdb_create_varchar_length(text->data(), text->size());
  if (const auto* time = std::get_if<TimestampTz>(&parameter)) return duckdb_create_timestamp_tz({time->micros});
  if (const auto* key = std::get_if<Key>(&parameter)) return uuid_value(*key);
  const auto& keys = std::get<std::vector<Key>>(parameter);
  std::vector<duckdb_value> values;
  values.reserve(keys.size());
  for (const Key& key : keys) values.push_back(uuid_value(key));
  duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_UUID);
  duckdb_value list = duckdb_create_list_value(type, values.data(), values.size());
  duckdb_destroy_logical_type(&type);
  for (duckdb_value& value : values) duckdb_destroy_value(&value);
  return list;
}

}  // namespace

std::string quoted(std::string_view identifier) {
  std::string out = "\"";
  for (const char c : identifier) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string quoted(const TableName& name) {
  return (name.schema.empty() ? std::string() : quoted(name.schema) + ".") + quoted(name.table);
}

Error duckdb_error(duckdb_error_type type, std::string_view message, std::string_view place, Wording wording) {
  // A COMMIT that could not be written is no conflict of two transactions.
  if (type == DUCKDB_ERROR_TRANSACTION && has(message, "Could not write")) type = DUCKDB_ERROR_IO;
  if (auto same_name = same_name_error(message, place)) return *std::move(same_name);
  Error error{Fault::failed, std::string(place) + ": DuckDB says " + std::string(kind_name(type))};
  switch (type) {
    case DUCKDB_ERROR_TRANSACTION: error.fault = Fault::transient; break;
    case DUCKDB_ERROR_PERMISSION: error.fault = Fault::denied; break;
    case DUCKDB_ERROR_PARSER:
    case DUCKDB_ERROR_SYNTAX: error.fault = Fault::config; break;
    case DUCKDB_ERROR_CATALOG:
    case DUCKDB_ERROR_BINDER: error.fault = Fault::conflict; break;
    case DUCKDB_ERROR_IO:
      error.hint = "look at the disk";
      if (has(message, "No space left") || has(message, "File too large") || has(message, "disk full")) {
        error.fault = Fault::transient;
        error.hint = "free some disk space";
      }
      wording = Wording::with_message;  // a path and the system's reason
      break;
    default: break;
  }
  // Whatever failed by it: a checkpoint without room shows as a transaction that could not commit.
  if (has(message, "could not allocate") || has(message, "Out of Memory")) {
    return {Fault::failed, std::string(place) + ": DuckDB's memory is used up", "raise the connection's memory_limit"};
  }
  if (wording == Wording::with_message) error.message += ": " + first_line(message);
  return error;
}

std::optional<Reject> refused_row(duckdb_error_type type, std::string_view message) {
  Reject reject;
  reject.stage = Stage::sink;
  switch (type) {
    case DUCKDB_ERROR_CONSTRAINT:
      if (constexpr std::string_view before = "NOT NULL constraint failed: "; has(message, before)) {
        const std::string name = first_line(message.substr(message.find(before) + before.size()));
        reject.reason = "null_not_allowed";
        reject.column = name.substr(name.rfind('.') + 1);
        reject.text = "the table's column takes no NULL";
      } else if (has(message, "CHECK constraint")) {
        reject.reason = "check_violation";
        reject.text = "the row breaks a CHECK of the table";
      } else if (has(message, "foreign key")) {
        reject.reason = "foreign_key_violation";
        reject.text = "the row breaks a FOREIGN KEY of the table";
      } else {
        reject.reason = "unique_violation";
        reject.text = "the table has a row with this key already";
      }
      return reject;
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_INVALID_INPUT:
      if (type == DUCKDB_ERROR_OUT_OF_RANGE || has(message, "out of range") || has(message, "DECIMAL")) {
        reject.reason = "out_of_range";
        reject.text = "the number does not fit the table's column";
      } else {
        reject.reason = "malformed_value";
        reject.text = "the value is not of the type of the table's column";
      }
      return reject;
    default: return std::nullopt;
  }
}

duckdb_hugeint to_hugeint(const std::uint8_t* uuid) {
  return {big_endian(uuid + 8), std::bit_cast<std::int64_t>(big_endian(uuid) ^ first_bit)};
}

void from_hugeint(const duckdb_hugeint& number, std::uint8_t* uuid) {
  put_big_endian(std::bit_cast<std::uint64_t>(number.upper) ^ first_bit, uuid);
  put_big_endian(number.lower, uuid + 8);
}

DuckRows::~DuckRows() {
  if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
  duckdb_destroy_result(&result_);
}

bool DuckRows::next() {
  if (chunk_ != nullptr && ++row_ < size_) return true;
  do {
    if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
    chunk_ = duckdb_fetch_chunk(result_);
    row_ = 0;
    size_ = chunk_ == nullptr ? 0 : duckdb_data_chunk_get_size(chunk_);
  } while (chunk_ != nullptr && size_ == 0);
  return chunk_ != nullptr;
}

template <class T>
const T& DuckRows::at(idx_t column) const {
  return static_cast<const T*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk_, column)))[row_];
}

bool DuckRows::is_null(idx_t column) const {
  std::uint64_t* validity = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(chunk_, column));
  return validity != nullptr && !duckdb_validity_row_is_valid(validity, row_);
}

bool DuckRows::boolean(idx_t column) const { return !is_null(column) && at<bool>(column); }

std::int64_t DuckRows::integer(idx_t column) const { return is_null(column) ? 0 : at<std::int64_t>(column); }

std::string DuckRows::text(idx_t column) const {
  if (is_null(column)) return {};
  duckdb_string_t value = at<duckdb_string_t>(column);
  return {duckdb_string_t_data(&value), duckdb_string_t_length(value)};
}

Key DuckRows::uuid(idx_t column) const {
  Key key;
  if (is_null(column)) return key;
  from_hugeint(at<duckdb_hugeint>(column), key.bytes.data());
  return key;
}

Result<std::shared_ptr<DuckFile>> DuckFile::open(const DuckdbOptions& options) {
  // Two connections of a project may name one file: opened twice in one process it would not be protected
  // against itself, since its lock only holds against others.
  static const duckdb_instance_cache cache = duckdb_create_instance_cache();
  struct Config {
    Config() { duckdb_create_config(&config); }
    ~Config() { duckdb_destroy_config(&config); }
    duckdb_config config = nullptr;
  } config;
  const std::array<std::pair<const char*, const char*>, 7> settings{{
      {"threads", "1"},
      // What does not fit goes to FILE.tmp, as is DuckDB's default: without it a checkpoint of many rows fails.
      {"memory_limit", options.memory_limit.c_str()},
      {"autoload_known_extensions", "false"},
      {"autoinstall_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"enable_external_access", "false"},
      {"lock_configuration", "true"},
  }};
  for (const auto& [name, value] : settings) {
    if (duckdb_set_config(config.config, name, value) != DuckDBSuccess) return fail(open_error(options.file, name));
  }
  duckdb_database database = nullptr;
  char* message = nullptr;
  if (duckdb_get_or_create_from_cache(cache, options.file.c_str(), &database, config.config, &message) !=
      DuckDBSuccess) {
    Error error = open_error(options.file, message == nullptr ? "" : message);
    duckdb_free(message);
    return fail(std::move(error));
  }
  return std::make_shared<DuckFile>(database);
}

Result<DuckConnection> DuckConnection::open(std::shared_ptr<DuckFile> file) {
  duckdb_connection connection = nullptr;
  if (duckdb_connect(file->get(), &connection) != DuckDBSuccess)
    return fail(Fault::failed, "duckdb: no further connection to the file");
  return DuckConnection(std::move(file), connection);
}

DuckConnection::~DuckConnection() {
  if (connection_ != nullptr) duckdb_disconnect(&connection_);
}

Result<void> DuckConnection::run(const std::string& sql, std::string_view place, Wording wording) {
  duckdb_result result;
  const duckdb_state state = duckdb_query(connection_, sql.c_str(), &result);
  const DuckRows rows(result);
  if (state == DuckDBSuccess) return {};
  return fail(duckdb_error(duckdb_result_error_type(&result), duckdb_result_error(&result), place, wording));
}

Result<DuckRows> DuckConnection::ask(const std::string& sql, const std::vector<Parameter>& parameters,
                                     std::string_view place) {
  struct Statement {
    ~Statement() { duckdb_destroy_prepare(&statement); }
    duckdb_prepared_statement statement = nullptr;
  } prepared;
  if (duckdb_prepare(connection_, sql.c_str(), &prepared.statement) != DuckDBSuccess) {
    // Our own SQL, without values.
    const char* said = duckdb_prepare_error(prepared.statement);
    const std::string message = said == nullptr ? "?" : said;
    if (auto same_name = same_name_error(message, place)) return fail(*std::move(same_name));
    return fail(Fault::failed, std::string(place) + ": DuckDB says " + first_line(message));
  }
  for (idx_t i = 0; i < parameters.size(); ++i) {
    duckdb_value value = value_of(parameters[i]);
    const duckdb_state bound = duckdb_bind_value(prepared.statement, i + 1, value);
    duckdb_destroy_value(&value);
    if (bound != DuckDBSuccess) return fail(Fault::failed, std::string(place) + ": a parameter was not taken");
  }
  duckdb_result result;
  const duckdb_state state = duckdb_execute_prepared(prepared.statement, &result);
  DuckRows rows(result);
  if (state == DuckDBSuccess) return rows;
  return fail(duckdb_error(duckdb_result_error_type(&result), duckdb_result_error(&result), place, Wording::kind_only));
}

void DuckConnection::rollback() { static_cast<void>(run("ROLLBACK", "roll back")); }

Result<DuckAppender> DuckAppender::table(DuckConnection& connection, const TableName& name, std::string_view place) {
  duckdb_appender appender = nullptr;
  const char* schema = name.schema.empty() ? nullptr : name.schema.c_str();
  const duckdb_state state =
      duckdb_appender_create_ext(connection.get(), nullptr, schema, name.table.c_str(), &appender);
  DuckAppender made(appender);
  if (state == DuckDBSuccess) return made;
  const Failure failed = made.failure();
  return fail(duckdb_error(failed.type, failed.message, place, Wording::kind_only));
}

Result<DuckAppender> DuckAppender::query(DuckConnection& connection, const std::string& sql,
                                         const std::vector<std::string>& names,
                                         const std::vector<duckdb_logical_type>& types, std::string_view place) {
  std::vector<const char*> c_names;
  for (const std::string& name : names) c_names.push_back(name.c_str());
  std::vector<duckdb_logical_type> c_types = types;
  duckdb_appender appender = nullptr;
  const duckdb_state state = duckdb_appender_create_query(connection.get(), sql.c_str(), c_types.size(), c_types.data(),
                                                          "sluice_rows", c_names.data(), &appender);
  DuckAppender made(appender);
  if (state == DuckDBSuccess) return made;
  const Failure failed = made.failure();
  return fail(duckdb_error(failed.type, failed.message, place, Wording::kind_only));
}

std::optional<DuckAppender::Failure> DuckAppender::append(duckdb_data_chunk chunk) {
  if (duckdb_append_data_chunk(appender_, chunk) == DuckDBSuccess) return std::nullopt;
  return failure();
}

std::optional<DuckAppender::Failure> DuckAppender::flush() {
  if (duckdb_appender_flush(appender_) == DuckDBSuccess) return std::nullopt;
  return failure();
}

DuckAppender::Failure DuckAppender::failure() const {
  duckdb_error_data data = duckdb_appender_error_data(appender_);
  const char* message = duckdb_error_data_message(data);
  Failure failed{duckdb_error_data_error_type(data), message == nullptr ? "" : message};
  duckdb_destroy_error_data(&data);
  return failed;
}

}  // namespace sluice::local
