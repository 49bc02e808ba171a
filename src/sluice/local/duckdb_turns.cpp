// The turns of schedules in a DuckDB file. Only the server that holds the file comes here (hold_file()), so a lease has
// nobody to keep away, and a turn that a killed server left behind can be taken at once.
#include "sluice/local/duckdb_ledger.hpp"

namespace sluice::local {
namespace {

constexpr const char* place = "ledger";

}  // namespace

Result<std::int64_t> DuckdbLedger::last_fire(const Turn& turn, std::int64_t now) {
  const std::lock_guard lock(ledger_mutex());
  SLUICE_TRY(DuckConnection * connection, make_());
  SLUICE_CHECK(prepare_ledger(*connection, schema_));
  {
    SLUICE_TRY(DuckRows rows, connection->ask("SELECT epoch_us(fired)::BIGINT FROM " + table("schedule") +
                                                  " WHERE project = $1 AND name = $2",
                                              {turn.project, turn.schedule}, place));
    if (rows.next()) return rows.integer(0);
  }
  SLUICE_CHECK(connection->ask("INSERT INTO " + table("schedule") + " VALUES ($1, $2, $3, '')",
                               {turn.project, turn.schedule, TimestampTz{now}}, place));
  return now;
}

Result<bool> DuckdbLedger::take_turn(const Turn& turn, std::int64_t due) {
  SLUICE_TRY(DuckConnection * connection, writing());
  SLUICE_TRY(DuckRows rows, connection->ask("UPDATE " + table("schedule") +
                                                " SET holder = $3 WHERE project = $1 AND name = $2 AND fired < $4",
                                            {turn.project, turn.schedule, turn.holder, TimestampTz{due}}, place));
  return rows.changed() > 0;
}

Result<bool> DuckdbLedger::keep_turn(const Turn&) { return true; }

Result<void> DuckdbLedger::end_turn(const Turn& turn, std::optional<std::int64_t> done) {
  SLUICE_TRY(DuckConnection * connection, writing());
  SLUICE_CHECK(connection->ask(
      "UPDATE " + table("schedule") +
          " SET holder = '', fired = greatest(fired, $4) WHERE project = $1 AND name = $2 AND holder = $3",
      {turn.project, turn.schedule, turn.holder, TimestampTz{done.value_or(0)}}, place));
  return {};
}

}  // namespace sluice::local
