#include "sluice/postgres/ledger.hpp"

#include "sluice/core/words.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

// Microseconds since 1970 to a timestamptz and back, without a time zone in between.
std::string from_micros(const char* parameter) {
  return std::string("timestamptz 'epoch' + ") + parameter + "::bigint * interval '1 microsecond'";
}
std::string to_micros(const char* column) {
  return std::string("(extract(epoch from date_trunc('second', ") + column +
         "))::bigint * 1000000 + (extract(microseconds from " + column + ")::bigint % 1000000))";
}

Stage stage_of(std::string_view text) {
  for (const Stage stage : {Stage::contract, Stage::select, Stage::mask, Stage::sink}) {
    if (to_string(stage) == text) return stage;
  }
  return Stage::decode;
}

// A bytea as the server prints it: "\x0a1b".
std::string from_hex(std::string_view text) {
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::string out;
  for (std::size_t i = 2; i + 1 < text.size(); i += 2)
    out += static_cast<char>(digit(text[i]) << 4U | digit(text[i + 1]));
  return out;
}

std::uint64_t count_of(const Answer& answer, std::size_t row, std::size_t column) {
  return static_cast<std::uint64_t>(answer.integer(row, column));
}

}  // namespace

Result<std::optional<Answer>> TableLedger::look(const std::string& sql, const Parameters& parameters,
                                                std::string_view what, bool binary) {
  SLUICE_TRY(Connection * connection, session_.connection());
  Reply reply = connection->ask(sql, parameters, binary);
  if (!reply && reply.error().lost()) {  // it idled away; asking again changes nothing
    SLUICE_TRY(connection, session_.connection());
    reply = connection->ask(sql, parameters, binary);
  }
  if (reply) return std::optional<Answer>(std::move(*reply));
  if (reply.error().is("42P01") || reply.error().is("3F000")) return std::optional<Answer>();
  return fail(connection->error(reply.error(), what));
}

// Every change here gives the same when it is made twice, except a run's start, which then leaves an
// unfinished line.
Result<Answer> TableLedger::change(const std::string& sql, const Parameters& parameters, std::string_view what) {
  SLUICE_TRY(Connection * connection, session_.connection());
  Reply reply = connection->ask(sql, parameters);
  const bool is_new = !reply && (reply.error().is("42P01") || reply.error().is("3F000"));
  if (is_new || (!reply && reply.error().lost())) {
    SLUICE_TRY(connection, session_.connection());
    SLUICE_CHECK(make_ledger(*connection, names_));
    reply = connection->ask(sql, parameters);
  }
  if (!reply) return fail(connection->error(reply.error(), what));
  return std::move(*reply);
}

Result<std::int64_t> TableLedger::start_run(const RunRecord& run) {
  SLUICE_TRY(const Answer answer, change("insert into " + names_.of("run") +
                                             " (project, flow, version, status, started) values ($1, $2, $3, $4, " +
                                             from_micros("$5") + ") returning id",
                                         Parameters()
                                             .text(presentable(run.project))
                                             .text(presentable(run.flow))
                                             .text(run.version)
                                             .text(run.status.empty() ? "running" : run.status)
                                             .integer(run.started),
                                         "start a run in the ledger"));
  return answer.integer(0, 0);
}

Result<void> TableLedger::finish_run(const RunRecord& run) {
  Parameters parameters;
  parameters.integer(run.id).text(run.status).integer(run.finished).integer(static_cast<std::int64_t>(run.received));
  const Written& written = run.written;
  for (const std::uint64_t count : {written.written, written.rows, written.filtered, written.rejected, written.known}) {
    parameters.integer(static_cast<std::int64_t>(count));
  }
  SLUICE_CHECK(
      change("update " + names_.of("run") + " set status = $2, finished = " + from_micros("$3") +
                 ", received = $4, written = $5, rows = $6, filtered = $7, rejected = $8, known = $9 where id = $1",
             parameters, "finish a run in the ledger"));
  return {};
}

Result<std::vector<RunRecord>> TableLedger::runs(const std::string& project, std::size_t most) {
  SLUICE_TRY(const std::optional<Answer> found,
             look("select id, flow, version, status, " + to_micros("started") + ", " + to_micros("finished") +
                      ", received, written, rows, filtered, rejected, known from " + names_.of("run") +
                      " where project = $1 order by id desc limit $2",
                  Parameters().text(presentable(project)).integer(static_cast<std::int64_t>(most)), "read the runs"));
  std::vector<RunRecord> out;
  for (std::size_t row = 0; found && row < found->rows(); ++row) {
    RunRecord run;
    run.id = found->integer(row, 0);
    run.project = project;
    run.flow = found->text(row, 1);
    run.version = found->text(row, 2);
    run.status = found->text(row, 3);
    run.started = found->integer(row, 4);
    run.finished = found->integer(row, 5);
    run.received = count_of(*found, row, 6);
    run.written = {count_of(*found, row, 7), count_of(*found, row, 8), count_of(*found, row, 9),
                   count_of(*found, row, 10), count_of(*found, row, 11)};
    out.push_back(std::move(run));
  }
  return out;
}

Result<std::optional<std::string>> TableLedger::key_check(const std::string& key_id) {
  SLUICE_TRY(const std::optional<Answer> found,
             look("select check_value from " + names_.of("key_check") + " where key_id = $1", Parameters().text(key_id),
                  "read the key checks"));
  if (!found || found->rows() == 0) return std::optional<std::string>();
  return std::optional<std::string>(found->text(0, 0));
}

Result<void> TableLedger::remember_key(const std::string& key_id, const std::string& check) {
  SLUICE_CHECK(
      change("insert into " + names_.of("key_check") + " (key_id, check_value) values ($1, $2) on conflict do nothing",
             Parameters().text(key_id).text(check), "keep a key check"));
  return {};
}

Result<std::vector<std::string>> TableLedger::key_ids() {
  SLUICE_TRY(const std::optional<Answer> found,
             look("select key_id from " + names_.of("key_check") + " order by at, key_id", Parameters(),
                  "read the key checks"));
  std::vector<std::string> out;
  for (std::size_t row = 0; found && row < found->rows(); ++row) out.push_back(found->text(row, 0));
  return out;
}

std::string TableLedger::rejects_table(const Target& target) const {
  return target.rejects ? quoted(*target.rejects) : names_.of("reject");
}

// $1 is the project, $2 the flow.
std::string TableLedger::flow_of_target() const {
  return "flow = (select f.id from " + names_.of("flow") + " f where f.project = $1 and f.name = $2)";
}

Result<std::vector<RejectRecord>> TableLedger::read_rejects(const Target& target, const std::string& where,
                                                            Parameters parameters, bool with_payload) {
  SLUICE_TRY(const std::optional<Answer> found,
             look("select id, run, key, stage, reason, column_name, message, " + to_micros("at") +
                      (with_payload ? ", '\\x' || encode(payload, 'hex')" : "") + " from " + rejects_table(target) +
                      " where " + flow_of_target() + where,
                  parameters, "read the rejects"));
  std::vector<RejectRecord> out;
  for (std::size_t row = 0; found && row < found->rows(); ++row) {
    RejectRecord reject;
    if (!parse_uuid(found->bytes(row, 0), reject.id) || !parse_uuid(found->bytes(row, 2), reject.key)) continue;
    reject.flow = target.flow;
    reject.run = found->integer(row, 1);
    reject.stage = stage_of(found->bytes(row, 3));
    reject.reason = found->text(row, 4);
    reject.column = found->text(row, 5);
    reject.text = found->text(row, 6);
    reject.at = found->integer(row, 7);
    if (with_payload) reject.payload = from_hex(found->bytes(row, 8));
    out.push_back(std::move(reject));
  }
  return out;
}

Result<std::vector<RejectRecord>> TableLedger::rejects(const Target& target, std::size_t most, bool with_payload) {
  return read_rejects(target, " order by at, id limit $3",
                      Parameters()
                          .text(presentable(target.project))
                          .text(presentable(target.flow))
                          .integer(static_cast<std::int64_t>(most)),
                      with_payload);
}

Result<std::optional<RejectRecord>> TableLedger::reject(const Target& target, const Key& id) {
  SLUICE_TRY(std::vector<RejectRecord> found,
             read_rejects(target, " and id = $3",
                          Parameters().text(presentable(target.project)).text(presentable(target.flow)).key(id), true));
  if (found.empty()) return std::optional<RejectRecord>();
  return std::optional<RejectRecord>(std::move(found.front()));
}

Result<std::uint64_t> TableLedger::drop_rejects(const Target& target, const std::vector<Key>& ids) {
  Parameters parameters;
  parameters.text(presentable(target.project)).text(presentable(target.flow));
  std::string sql = "delete from " + rejects_table(target) + " where " + flow_of_target();
  if (!ids.empty()) {
    sql += " and id = any($3)";
    parameters.keys(ids);
  }
  SLUICE_TRY(const std::optional<Answer> dropped, look(sql, parameters, "drop rejects"));
  return dropped ? dropped->affected() : 0;
}

Result<std::uint64_t> TableLedger::prune(std::chrono::hours age, std::size_t most) {
  const std::string message = names_.of("message");
  SLUICE_TRY(
      const std::optional<Answer> pruned,
      look("delete from " + message + " where ctid = any (array(select ctid from " + message +
               " where at < now() - $1::bigint * interval '1 hour' limit $2))",
           Parameters().integer(age.count()).integer(static_cast<std::int64_t>(most)), "forget old message keys"));
  return pruned ? pruned->affected() : 0;
}

}  // namespace sluice::postgres
