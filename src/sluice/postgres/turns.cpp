// The turns of schedules, in the ledger's table `schedule`. Leases end by the server's clock, so that servers whose
// clocks differ agree; each change is one statement, so that of two servers the second sees what the first did.
#include "sluice/postgres/ledger.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

Parameters names_of(const Turn& turn) {
  return Parameters().text(presentable(turn.project)).text(presentable(turn.schedule));
}
Parameters with_holder(const Turn& turn) { return names_of(turn).text(presentable(turn.holder)); }

constexpr const char* of_names = " where project = $1 and name = $2";
constexpr const char* of_holder = " where project = $1 and name = $2 and holder = $3";

}  // namespace

Result<std::int64_t> TableLedger::last_fire(const Turn& turn, std::int64_t now) {
  const std::string what = "read the ledger's schedules";
  SLUICE_CHECK(change("insert into " + names_.of("schedule") +
                          " (project, name, fired) values ($1, $2, timestamptz 'epoch' + $3::bigint * interval "
                          "'1 microsecond') on conflict do nothing",
                      names_of(turn).integer(now), what));
  SLUICE_TRY(const std::optional<Answer> found,
             look("select round(extract(epoch from fired) * 1000000)::bigint from " + names_.of("schedule") + of_names,
                  names_of(turn), what));
  if (!found || found->rows() == 0) return fail(Fault::failed, "the ledger does not keep the schedule");
  return found->integer(0, 0);
}

Result<bool> TableLedger::take_turn(const Turn& turn, std::int64_t due) {
  SLUICE_TRY(const Answer taken,
             change("update " + names_.of("schedule") +
                        " set holder = $3, until = now() + $4::bigint * interval '1 s'" + of_names +
                        " and fired < timestamptz 'epoch' + $5::bigint * interval '1 microsecond' and (holder in "
                        "('', $3) or until < now()) returning 1",
                    with_holder(turn).integer(turn.lease.count()).integer(due), "take a schedule's turn"));
  return taken.rows() > 0;
}

Result<bool> TableLedger::keep_turn(const Turn& turn) {
  SLUICE_TRY(const Answer kept,
             change("update " + names_.of("schedule") + " set until = now() + $4::bigint * interval '1 s'" + of_holder +
                        " returning 1",
                    with_holder(turn).integer(turn.lease.count()), "keep a schedule's turn"));
  return kept.rows() > 0;
}

Result<bool> TableLedger::lock_turn(Connection& connection, const Turn& turn) const {
  const Reply held =
      connection.ask("select 1 from " + names_.of("schedule") + of_holder + " for update", with_holder(turn));
  if (!held) return fail(connection.error(held.error(), "look at a schedule's turn"));
  return held->rows() > 0;
}

Result<void> TableLedger::end_turn(const Turn& turn, std::optional<std::int64_t> done) {
  const std::string end = "update " + names_.of("schedule") + " set holder = '', until = '-infinity'";
  if (!done) {
    SLUICE_CHECK(change(end + of_holder, with_holder(turn), "end a schedule's turn"));
    return {};
  }
  SLUICE_CHECK(
      change(end + ", fired = greatest(fired, timestamptz 'epoch' + $4::bigint * interval '1 microsecond')" + of_holder,
             with_holder(turn).integer(*done), "end a schedule's turn"));
  return {};
}

}  // namespace sluice::postgres
