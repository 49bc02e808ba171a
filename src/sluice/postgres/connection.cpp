#include "sluice/postgres/connection.hpp"

#include <poll.h>

#include <charconv>
#include <chrono>

namespace sluice::postgres {
namespace {

constexpr Oid bytea_oid = 17;
constexpr Oid text_oid = 25;
constexpr Oid bytea_array_oid = 1001;
constexpr Oid text_array_oid = 1009;
constexpr Oid uuid_oid = 2950;
constexpr Oid uuid_array_oid = 2951;

void put_int32(std::uint32_t value, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xffU);
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

// Raised by what interprets a language: pl_exec.c, plperl.c, plpy_elog.c, pltcl.c, plv8.cc; not by planner.c,
// placeholder.c.
bool said_by_function(std::string_view source_file) {
  return source_file.starts_with("pl") && !source_file.starts_with("pla");
}

}  // namespace

std::size_t Answer::rows() const { return static_cast<std::size_t>(PQntuples(result_.get())); }
std::size_t Answer::columns() const { return static_cast<std::size_t>(PQnfields(result_.get())); }
bool Answer::is_null(std::size_t row, std::size_t column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}
std::string_view Answer::bytes(std::size_t row, std::size_t column) const {
  return {PQgetvalue(result_.get(), static_cast<int>(row), static_cast<int>(column)),
          static_cast<std::size_t>(PQgetlength(result_.get(), static_cast<int>(row), static_cast<int>(column)))};
}
std::int64_t Answer::integer(std::size_t row, std::size_t column) const {
  const std::string_view text = bytes(row, column);
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
std::string Answer::name(std::size_t column) const { return PQfname(result_.get(), static_cast<int>(column)); }
std::uint32_t Answer::type(std::size_t column) const { return PQftype(result_.get(), static_cast<int>(column)); }
std::int32_t Answer::typmod(std::size_t column) const { return PQfmod(result_.get(), static_cast<int>(column)); }
std::uint64_t Answer::affected() const {
  const std::string_view text = PQcmdTuples(result_.get());
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
std::string_view Answer::command() const { return result_ ? PQcmdStatus(result_.get()) : ""; }

Parameters& Parameters::text(std::string_view value) {
  all_.push_back({0, std::string(value)});
  return *this;
}
Parameters& Parameters::null() {
  all_.push_back({0, {}, false, true});
  return *this;
}
Parameters& Parameters::key(const Key& key) {
  all_.push_back({uuid_oid, std::string(reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()), true});
  return *this;
}
Parameters& Parameters::array(Oid type, Oid element, const std::vector<std::string_view>& values) {
  // Layout: dimensions, has NULLs, element type, then for the one dimension its length and lower bound.
  std::string out;
  put_int32(values.empty() ? 0 : 1, out);
  put_int32(0, out);
  put_int32(element, out);
  if (!values.empty()) {
    put_int32(static_cast<std::uint32_t>(values.size()), out);
    put_int32(1, out);
  }
  for (const std::string_view value : values) {
    put_int32(static_cast<std::uint32_t>(value.size()), out);
    out += value;
  }
  all_.push_back({type, std::move(out), true});
  return *this;
}
Parameters& Parameters::keys(const std::vector<Key>& keys) {
  std::vector<std::string_view> views;
  views.reserve(keys.size());
  for (const Key& key : keys) views.emplace_back(reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size());
  return array(uuid_array_oid, uuid_oid, views);
}
Parameters& Parameters::texts(const std::vector<std::string_view>& texts) {
  return array(text_array_oid, text_oid, texts);
}
Parameters& Parameters::bytes(const std::vector<std::string_view>& values) {
  return array(bytea_array_oid, bytea_oid, values);
}

std::string Connection::user() const { return PQuser(connection_.get()); }
std::string Connection::database() const { return PQdb(connection_.get()); }

bool Connection::usable_after_idling() const {
  pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
  return alive() && poll(&socket, 1, 0) == 0;
}

ServerError Connection::error_of(const PGresult* result) {
  ServerError error;
  if (result == nullptr) return error;
  error.sqlstate = field(result, PG_DIAG_SQLSTATE);
  // Names are the server's own unless a function said them: RAISE takes any text for one.
  if (!said_by_function(field(result, PG_DIAG_SOURCE_FILE))) {
    error.schema = field(result, PG_DIAG_SCHEMA_NAME);
    error.table = field(result, PG_DIAG_TABLE_NAME);
    error.column = field(result, PG_DIAG_COLUMN_NAME);
    error.constraint = field(result, PG_DIAG_CONSTRAINT_NAME);
  }
  const std::string position = field(result, PG_DIAG_STATEMENT_POSITION);
  std::from_chars(position.data(), position.data() + position.size(), error.position);
  // Only an error with a position was found by reading the statement; a function that runs may raise any code.
  if (error.sqlstate.starts_with("42") && error.position > 0) error.parse_text = field(result, PG_DIAG_MESSAGE_PRIMARY);
  // libpq reports a broken connection as a failed result without a code.
  if (error.sqlstate.empty() && alive()) error.sqlstate = "XX000";
  if (error.is("25P02") && !last_.lost()) return last_;
  last_ = error;
  return error;
}

void Connection::drain() {
  while (PGresult* result = PQgetResult(connection_.get())) {
    const ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status == PGRES_COPY_IN && PQputCopyEnd(connection_.get(), "not expected") != 1) return;
    if (status == PGRES_COPY_OUT) {
      char* row = nullptr;
      while (PQgetCopyData(connection_.get(), &row, 0) > 0) PQfreemem(row);
    }
    if (!alive()) return;
  }
}

Reply Connection::run(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) return tl::unexpected(error_of(nullptr));
  return receive();
}

Reply Connection::send(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1 || PQflush(connection_.get()) != 0) {
    return tl::unexpected(error_of(nullptr));
  }
  return Answer{};
}

Reply Connection::receive() {
  Answer last;
  while (PGresult* result = PQgetResult(connection_.get())) {
    Answer answer(result);
    switch (PQresultStatus(result)) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_EMPTY_QUERY: last = std::move(answer); break;
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT: {
        PQputCopyEnd(connection_.get(), "not expected");
        drain();
        return tl::unexpected(ServerError{.sqlstate = "0A000"});
      }
      default: {
        ServerError error = error_of(result);
        drain();
        return tl::unexpected(std::move(error));
      }
    }
  }
  if (!alive()) return tl::unexpected(ServerError{});
  return last;
}

Reply Connection::ask(const std::string& sql, const Parameters& parameters, bool binary_answer) {
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const Parameters::One& one : parameters.all_) {
    types.push_back(one.type);
    values.push_back(one.is_null ? nullptr : one.value.data());
    lengths.push_back(static_cast<int>(one.value.size()));
    formats.push_back(one.binary ? 1 : 0);
  }
  const int sent = PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), types.data(),
                                     values.data(), lengths.data(), formats.data(), binary_answer ? 1 : 0);
  if (sent != 1) return tl::unexpected(error_of(nullptr));
  return receive();
}

Reply Connection::start_copy(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) return tl::unexpected(error_of(nullptr));
  Answer rows;
  while (PGresult* result = PQgetResult(connection_.get())) {
    Answer answer(result);
    switch (PQresultStatus(result)) {
      case PGRES_COPY_IN: return rows;
      case PGRES_COMMAND_OK: break;
      case PGRES_TUPLES_OK: rows = std::move(answer); break;
      default: {
        ServerError error = error_of(result);
        drain();
        return tl::unexpected(std::move(error));
      }
    }
  }
  return tl::unexpected(alive() ? ServerError{.sqlstate = "XX000"} : ServerError{});
}

Reply Connection::put(std::string_view bytes) {
  // What the server says meanwhile is read by end_copy().
  if (PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())) == 1) return Answer{};
  return end_copy();
}

Reply Connection::describe(const std::string& sql) {
  if (PQsendPrepare(connection_.get(), "", sql.c_str(), 0, nullptr) != 1) return tl::unexpected(error_of(nullptr));
  if (Reply read = receive(); !read) return read;
  if (PQsendDescribePrepared(connection_.get(), "") != 1) return tl::unexpected(error_of(nullptr));
  return receive();
}

// By the extended protocol, which takes one statement and no more.
Reply Connection::start_copy_out(const std::string& sql) {
  const int sent = PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1);
  if (sent != 1) return tl::unexpected(error_of(nullptr));
  Answer answer(PQgetResult(connection_.get()));
  if (answer.status() == PGRES_COPY_OUT) return Answer{};
  ServerError error = answer.status() == PGRES_FATAL_ERROR ? error_of(answer.get()) : ServerError{.sqlstate = "0A000"};
  drain();
  return tl::unexpected(std::move(error));
}

tl::expected<std::string_view, ServerError> Connection::take() {
  char* bytes = nullptr;
  const int size = PQgetCopyData(connection_.get(), &bytes, 0);
  taken_.reset(bytes);
  if (size > 0) return std::string_view(bytes, static_cast<std::size_t>(size));
  if (size == -2) return tl::unexpected(error_of(nullptr));
  // The end, or an error: what follows tells.
  if (Reply ended = receive(); !ended) return tl::unexpected(std::move(ended.error()));
  return std::string_view();
}

bool Connection::cancel() {
  if (PQtransactionStatus(connection_.get()) != PQTRANS_ACTIVE) return alive();
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> word(PQgetCancel(connection_.get()), &PQfreeCancel);
  char why[256];
  if (!word || PQcancel(word.get(), why, sizeof why) != 1) return false;
  // A proxy in between may have let the word fall.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  char* row = nullptr;
  while (PQgetCopyData(connection_.get(), &row, 0) > 0) {
    PQfreemem(row);
    if (std::chrono::steady_clock::now() > end) return false;
  }
  drain();
  // Should it have come to its end by itself, the late word to stop meets nothing.
  static_cast<void>(run(""));
  return alive();
}

Reply Connection::end_copy() {
  if (PQputCopyEnd(connection_.get(), nullptr) != 1 && !alive()) return tl::unexpected(ServerError{});
  return receive();
}

}  // namespace sluice::postgres
