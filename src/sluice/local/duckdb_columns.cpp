#include "sluice/local/duckdb_columns.hpp"

#include <chrono>
#include <span>

namespace sluice::local {
namespace {

using Time = std::chrono::steady_clock::time_point;
constexpr std::chrono::seconds search_max{5};

enum class Ran { well, refused, otherwise };

// Task by task, so that it can be left in the middle. DuckDB lets go of nothing before the query has come to its end.
Ran run_until(Time end, DuckConnection& connection, duckdb_pending_result pending) {
  duckdb_pending_state state = DUCKDB_PENDING_RESULT_NOT_READY;
  while (state != DUCKDB_PENDING_RESULT_READY && state != DUCKDB_PENDING_ERROR &&
         std::chrono::steady_clock::now() < end) {
    state = duckdb_pending_execute_task(pending);
  }
  const bool ended = state == DUCKDB_PENDING_RESULT_READY || state == DUCKDB_PENDING_ERROR;
  if (!ended) duckdb_interrupt(connection.get());
  duckdb_result result;
  const bool well = duckdb_execute_pending(pending, &result) == DuckDBSuccess;
  duckdb_destroy_result(&result);
  if (!ended) return Ran::otherwise;
  return well ? Ran::well : Ran::refused;
}

// A constant that cannot be computed is found while the statement is prepared.
Ran run_until(Time end, DuckConnection& connection, const std::string& sql) {
  Ran ran = Ran::refused;
  duckdb_prepared_statement statement = nullptr;
  duckdb_pending_result pending = nullptr;
  if (duckdb_prepare(connection.get(), sql.c_str(), &statement) == DuckDBSuccess &&
      duckdb_pending_prepared(statement, &pending) == DuckDBSuccess) {
    ran = run_until(end, connection, pending);
  }
  duckdb_destroy_pending(&pending);
  duckdb_destroy_prepare(&statement);
  return ran;
}

// hash() needs the value, where count() may know from the SELECT that there is one.
std::string sql_of(std::span<const std::string> columns, const std::string& select) {
  std::string list;
  for (const std::string& column : columns)
    list += (list.empty() ? "max(hash(" : ", max(hash(") + quoted(std::string_view(column)) + "))";
  return "SELECT " + (list.empty() ? "count(*)" : list) + " FROM (\n" + select + "\n)";
}

}  // namespace

std::vector<std::string> names_of_columns(DuckConnection& connection, const std::string& select) {
  std::vector<std::string> names;
  duckdb_prepared_statement statement = nullptr;
  if (duckdb_prepare(connection.get(), select.c_str(), &statement) == DuckDBSuccess) {
    for (idx_t i = 0; i < duckdb_prepared_statement_column_count(statement); ++i) {
      const char* name = duckdb_prepared_statement_column_name(statement, i);
      names.emplace_back(name == nullptr ? "" : name);
      duckdb_free(const_cast<char*>(name));
    }
  }
  duckdb_destroy_prepare(&statement);
  return names;
}

// The type alone is asked for: no row of the SELECT is made for this join.
std::vector<std::string> untyped_columns(DuckConnection& connection, const std::string& select) {
  const std::vector<std::string> names = names_of_columns(connection, select);
  std::string list;
  for (const std::string& name : names)
    list += (list.empty() ? "typeof(q." : ", typeof(q.") + quoted(std::string_view(name)) + ")";
  std::vector<std::string> untyped;
  if (names.empty()) return untyped;
  Result<DuckRows> types =
      connection.ask("SELECT " + list + " FROM (SELECT 1) AS one LEFT JOIN (\n" + select + "\n) AS q ON false", {},
                     "types of columns");
  if (!types || !types->next()) return untyped;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (types->text(i) == "\"NULL\"") untyped.push_back(names[i]);
  }
  return untyped;
}

std::string column_not_computed(DuckConnection& connection, const std::string& select) {
  const Time end = std::chrono::steady_clock::now() + search_max;
  const std::vector<std::string> names = names_of_columns(connection, select);
  const auto ran = [&](std::span<const std::string> columns) {
    return run_until(end, connection, sql_of(columns, select));
  };
  if (ran({}) != Ran::well || ran(names) != Ran::refused) return {};
  std::span<const std::string> among = names;
  while (among.size() > 1) {
    const auto half = among.first(among.size() / 2);
    const Ran first = ran(half);
    if (first == Ran::otherwise) return {};
    among = first == Ran::refused ? half : among.subspan(half.size());
  }
  // Without a name of its own a column is called by its expression, literals and all.
  return among.empty() || among.front().find_first_of("'(") != std::string::npos ? std::string() : among.front();
}

}  // namespace sluice::local
