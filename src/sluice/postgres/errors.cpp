#include "sluice/postgres/errors.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace sluice::postgres {
namespace {

using Name = std::pair<std::string_view, std::string_view>;

// From the PostgreSQL documentation, appendix A: codes that a loader meets.
constexpr std::array conditions{
    Name{"08006", "connection_failure"},
    Name{"08P01", "protocol_violation"},
    Name{"0A000", "feature_not_supported"},
    Name{"22001", "string_data_right_truncation"},
    Name{"22003", "numeric_value_out_of_range"},
    Name{"22007", "invalid_datetime_format"},
    Name{"22008", "datetime_field_overflow"},
    Name{"22012", "division_by_zero"},
    Name{"22021", "character_not_in_repertoire"},
    Name{"22023", "invalid_parameter_value"},
    Name{"22P02", "invalid_text_representation"},
    Name{"22P03", "invalid_binary_representation"},
    Name{"22P04", "bad_copy_file_format"},
    Name{"22P05", "untranslatable_character"},
    Name{"23001", "restrict_violation"},
    Name{"23502", "not_null_violation"},
    Name{"23503", "foreign_key_violation"},
    Name{"23505", "unique_violation"},
    Name{"23514", "check_violation"},
    Name{"23P01", "exclusion_violation"},
    Name{"25006", "read_only_sql_transaction"},
    Name{"25P02", "in_failed_sql_transaction"},
    Name{"25P03", "idle_in_transaction_session_timeout"},
    Name{"28000", "invalid_authorization_specification"},
    Name{"28P01", "invalid_password"},
    Name{"3D000", "invalid_catalog_name"},
    Name{"3F000", "invalid_schema_name"},
    Name{"40001", "serialization_failure"},
    Name{"40P01", "deadlock_detected"},
    Name{"42501", "insufficient_privilege"},
    Name{"42601", "syntax_error"},
    Name{"42701", "duplicate_column"},
    Name{"42703", "undefined_column"},
    Name{"42704", "undefined_object"},
    Name{"42710", "duplicate_object"},
    Name{"42804", "datatype_mismatch"},
    Name{"42809", "wrong_object_type"},
    Name{"42883", "undefined_function"},
    Name{"42P01", "undefined_table"},
    Name{"42P06", "duplicate_schema"},
    Name{"42P07", "duplicate_table"},
    Name{"53100", "disk_full"},
    Name{"53200", "out_of_memory"},
    Name{"53300", "too_many_connections"},
    Name{"54000", "program_limit_exceeded"},
    Name{"55P03", "lock_not_available"},
    Name{"57014", "query_canceled"},
    Name{"57P01", "admin_shutdown"},
    Name{"57P02", "crash_shutdown"},
    Name{"57P03", "cannot_connect_now"},
    Name{"57P05", "idle_session_timeout"},
    Name{"58030", "io_error"},
    Name{"P0001", "raise_exception"},
};

constexpr std::array classes{
    Name{"08", "connection_exception"},
    Name{"09", "triggered_action_exception"},
    Name{"0A", "feature_not_supported"},
    Name{"21", "cardinality_violation"},
    Name{"22", "data_exception"},
    Name{"23", "integrity_constraint_violation"},
    Name{"25", "invalid_transaction_state"},
    Name{"27", "triggered_data_change_violation"},
    Name{"28", "invalid_authorization_specification"},
    Name{"38", "external_routine_exception"},
    Name{"39", "external_routine_invocation_exception"},
    Name{"3D", "invalid_catalog_name"},
    Name{"3F", "invalid_schema_name"},
    Name{"40", "transaction_rollback"},
    Name{"42", "syntax_error_or_access_rule_violation"},
    Name{"44", "with_check_option_violation"},
    Name{"53", "insufficient_resources"},
    Name{"54", "program_limit_exceeded"},
    Name{"55", "object_not_in_prerequisite_state"},
    Name{"57", "operator_intervention"},
    Name{"58", "system_error"},
    Name{"P0", "plpgsql_error"},
    Name{"XX", "internal_error"},
};

std::string_view find(std::span<const Name> names, std::string_view key) {
  const auto found = std::ranges::find(names, key, &Name::first);
  return found == names.end() ? std::string_view{} : found->second;
}

std::string_view hint_for(const ServerError& error) {
  if (error.is("53100")) return "make room on the server's disk; nothing was lost, run again afterwards";
  if (error.is("25006")) return "the server takes no writes: name its primary, or wait until the failover is over";
  if (error.is("57014")) return "raise `statement_timeout`, or look for what holds the table's locks";
  if (error.is("0A000"))
    return "row-level security and some kinds of table do not allow COPY: see docs/connectors/postgres.md";
  return {};
}

}  // namespace

std::string_view condition_name(std::string_view sqlstate) {
  if (sqlstate.size() != 5) return "error";
  if (const std::string_view name = find(conditions, sqlstate); !name.empty()) return name;
  if (const std::string_view name = find(classes, sqlstate.substr(0, 2)); !name.empty()) return name;
  return "error";
}

Fault fault_of(const ServerError& error) {
  if (error.lost()) return Fault::transient;
  const std::string_view family = std::string_view(error.sqlstate).substr(0, 2);
  // A malformed message of ours, not a failed connection: a retry would send it again.
  if (error.is("08P01") || error.is("22P03") || error.is("22P04")) return Fault::conflict;
  if (family == "28" || error.is("42501")) return Fault::denied;
  if (family == "3D") return Fault::config;
  if (error.is("25006") || error.is("25P03")) return Fault::transient;
  for (const std::string_view passing : {"08", "40", "53", "55", "57", "58"}) {
    if (family == passing) return Fault::transient;
  }
  for (const std::string_view shape : {"0A", "3F", "42"}) {
    if (family == shape) return Fault::conflict;
  }
  return Fault::failed;
}

bool is_about_a_row(const ServerError& error) {
  if (error.lost() || error.is("22P03") || error.is("22P04")) return false;
  const std::string_view family = std::string_view(error.sqlstate).substr(0, 2);
  // 54: a value too large for an index. P0, 09, 27, 38, 39 and codes of no known class: a trigger's word.
  for (const std::string_view row : {"09", "21", "22", "23", "27", "38", "39", "44", "54", "P0"}) {
    if (family == row) return true;
  }
  // A class that the manual does not list was made up by a trigger.
  for (const std::string_view own :
       {"0B", "0F", "0L", "0P", "0Z", "20", "24", "26", "2B", "2D", "2F", "34", "3B", "72", "F0", "HV"}) {
    if (family == own) return false;
  }
  return find(classes, family).empty();
}

std::string ServerError::text() const {
  if (lost()) return "the connection was lost";
  std::string out(condition_name(sqlstate));
  out += " (" + sqlstate + ")";
  for (const auto& [word, name] :
       {std::pair("table", &table), std::pair("column", &column), std::pair("constraint", &constraint)}) {
    if (!name->empty()) out += std::string(", ") + word + " \"" + *name + "\"";
  }
  if (!parse_text.empty()) out += ": " + parse_text;
  return out;
}

Error to_error(const ServerError& error, std::string_view where, std::string_view what) {
  Error out{fault_of(error), std::string(where) + ": " + std::string(what) + ": " + error.text()};
  out.hint = hint_for(error);
  return out;
}

}  // namespace sluice::postgres
