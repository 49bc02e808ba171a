#include "sluice/postgres/errors.hpp"

#include <algorithm>
#include <array>

namespace sluice::postgres {
namespace {

struct State {
  std::string_view code;
  std::string_view name;
  Fault fault;
  std::string_view hint;
};

// Appendix A of PostgreSQL's documentation; those that people meet.
constexpr std::array<State, 34> states{{
    {"22001", "string_data_right_truncation", Fault::failed, ""},
    {"22003", "numeric_value_out_of_range", Fault::failed, ""},
    {"22007", "invalid_datetime_format", Fault::failed, ""},
    {"22008", "datetime_field_overflow", Fault::failed, ""},
    {"22021", "character_not_in_repertoire", Fault::failed, ""},
    {"22P02", "invalid_text_representation", Fault::failed, ""},
    {"22P05", "untranslatable_character", Fault::failed, ""},
    {"23502", "not_null_violation", Fault::failed, ""},
    {"23503", "foreign_key_violation", Fault::failed, ""},
    {"23505", "unique_violation", Fault::failed, ""},
    {"23514", "check_violation", Fault::failed, ""},
    {"23P01", "exclusion_violation", Fault::failed, ""},
    {"25006", "read_only_sql_transaction", Fault::transient, "the server takes no writes: is it a replica?"},
    {"28000", "invalid_authorization", Fault::denied, "look at pg_hba.conf and the user's name"},
    {"28P01", "invalid_password", Fault::denied, "look at the password in the connection's URL"},
    {"3D000", "database_does_not_exist", Fault::denied, "make the database, or name another one"},
    {"3F000", "schema_does_not_exist", Fault::conflict, "make the schema, or name another one"},
    {"40001", "serialization_failure", Fault::transient, ""},
    {"40P01", "deadlock_detected", Fault::transient, ""},
    {"42501", "insufficient_privilege", Fault::denied, ""},
    {"42601", "syntax_error", Fault::config, ""},
    {"42703", "undefined_column", Fault::conflict, ""},
    {"42P01", "undefined_table", Fault::conflict, ""},
    {"42P07", "duplicate_table", Fault::conflict, ""},
    {"53100", "disk_full", Fault::transient, "free space on the server's disk"},
    {"53200", "out_of_memory", Fault::transient, ""},
    {"53300", "too_many_connections", Fault::transient, "raise max_connections, or run fewer processes"},
    {"55P03", "lock_not_available", Fault::transient, ""},
    {"57014", "query_canceled", Fault::transient, "raise statement_timeout, if it was that"},
    {"57P01", "admin_shutdown", Fault::transient, ""},
    {"57P02", "crash_shutdown", Fault::transient, ""},
    {"57P03", "cannot_connect_now", Fault::transient, ""},
    {"58030", "io_error", Fault::transient, "look at the server's disk"},
    {"P0001", "raise_exception", Fault::failed, ""},
}};

const State* state_of(std::string_view code) {
  const auto found = std::ranges::find(states, code, &State::code);
  return found == states.end() ? nullptr : &*found;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

Fault fault_of_class(std::string_view code) {
  const std::string_view of = code.substr(0, 2);
  if (of == "08" || of == "53" || of == "57" || of == "58" || of == "40" || of == "55") return Fault::transient;
  if (of == "28") return Fault::denied;
  if (of == "42") return Fault::conflict;
  return Fault::failed;
}

std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

}  // namespace

std::string state_name(std::string_view sqlstate) {
  const State* state = state_of(sqlstate);
  return state == nullptr ? "sqlstate_" + std::string(sqlstate) : std::string(state->name);
}

Error error_of(const PGresult* result, const PGconn* connection, std::string_view place, Wording wording) {
  const std::string code = result == nullptr ? "" : field(result, PG_DIAG_SQLSTATE);
  if (code.empty()) {
    const char* host = connection == nullptr ? nullptr : PQhost(connection);
    return {Fault::transient, std::string(place) + ": the connection to PostgreSQL" + (host != nullptr && *host != 0 ? std::string(" at ") + host : "") + " was lost",
            "is the server up?"};
  }
  Error error;
  const State* state = state_of(code);
  error.fault = state == nullptr ? fault_of_class(code) : state->fault;
  error.message = std::string(place) + ": PostgreSQL says " + state_name(code) + " (" + code + ")";
  if (const std::string table = field(result, PG_DIAG_TABLE_NAME); !table.empty()) error.message += ", table " + table;
  if (const std::string column = field(result, PG_DIAG_COLUMN_NAME); !column.empty()) error.message += ", column " + column;
  if (const std::string constraint = field(result, PG_DIAG_CONSTRAINT_NAME); !constraint.empty()) error.message += ", constraint " + constraint;
  if (wording == Wording::with_message) error.message += ": " + first_line(field(result, PG_DIAG_MESSAGE_PRIMARY));
  if (state != nullptr) error.hint = state->hint;
  return error;
}

Error connect_error(const PGconn* connection) {
  // libpq's text names hosts, ports and the server's reason; never the password.
  const std::string text = PQerrorMessage(connection);
  const auto has = [&text](std::string_view part) { return text.find(part) != std::string::npos; };
  Error error{Fault::transient, "cannot connect to PostgreSQL: " + first_line(text), "is the server up, and are host and port right?"};
  if (has("password authentication failed") || has("no password supplied") || has("authentication failed")) {
    error.fault = Fault::denied;
    error.hint = "look at user and password of the connection (DATABASE_URL, PGPASSWORD or ~/.pgpass)";
  } else if (has("pg_hba.conf")) {
    error.fault = Fault::denied;
    error.hint = "the server's pg_hba.conf does not let this user in from here";
  } else if (has("database \"") && has("does not exist")) {
    error.fault = Fault::denied;
    error.hint = "make the database (createdb), or name another one";
  } else if (has("role \"") && has("does not exist")) {
    error.fault = Fault::denied;
    error.hint = "make the role (createuser), or name another one";
  } else if (has("certificate") || has("SSL")) {
    error.fault = Fault::denied;
    error.hint = "sslmode=verify-full is the default for other hosts; give sslrootcert=..., or a weaker sslmode in the URL";
  } else if (has("invalid URI") || has("invalid connection option") || has("missing \"=\"") || has("invalid port") || has("invalid sslmode")) {
    error.fault = Fault::config;
    // This text may quote the URL, and with it the password.
    error.message = "the connection's URL or keywords are not what libpq takes";
    error.hint = "write postgresql://user:password@host:port/database";
  }
  return error;
}

std::optional<Reject> refused_row(const PGresult* result) {
  const std::string code = field(result, PG_DIAG_SQLSTATE);
  const std::string_view of = std::string_view(code).substr(0, std::min<std::size_t>(2, code.size()));
  if (of != "22" && of != "23" && of != "44" && code != "P0001") return std::nullopt;
  Reject reject;
  reject.stage = Stage::sink;
  reject.reason = state_name(code);
  reject.column = field(result, PG_DIAG_COLUMN_NAME);
  const std::string constraint = field(result, PG_DIAG_CONSTRAINT_NAME);
  reject.text = constraint.empty() ? "the table refuses the row" : "the table's constraint " + constraint + " refuses the row";
  if (code == "P0001") reject.text = "a trigger of the table refuses the row";
  return reject;
}

}  // namespace sluice::postgres
