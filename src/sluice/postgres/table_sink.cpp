#include "sluice/postgres/table_sink.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <random>

#include "sluice/core/clock.hpp"
#include "sluice/core/crash_point.hpp"
#include "sluice/core/words.hpp"
#include "sluice/postgres/wire.hpp"

namespace sluice::postgres {
namespace {

constexpr std::size_t send_bytes = 128U << 10U;
constexpr const char* ledger_place = "ledger";
constexpr const char* rows_place = "write rows";

Key random_id() {
  thread_local std::random_device random;
  Key id;
  for (std::size_t i = 0; i < id.bytes.size(); i += 4) {
    const std::uint32_t bits = random();
    for (std::size_t j = 0; j < 4; ++j) id.bytes[i + j] = static_cast<std::uint8_t>(bits >> (8 * j));
  }
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0FU) | 0x40U);  // a uuid of version 4
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
  return id;
}

std::string_view bytes_of(const Key& key) { return {reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()}; }

std::vector<Key> keys_of(const ResultSet& rows) {
  std::vector<Key> keys;
  for (int row = 0; row < PQntuples(rows.get()); ++row) {
    Key key;
    std::copy_n(PQgetvalue(rows.get(), row, 0), 16, reinterpret_cast<char*>(key.bytes.data()));
    keys.push_back(key);
  }
  std::ranges::sort(keys);
  return keys;
}

}  // namespace

TableSink::TableSink(PostgresOptions options, std::string application, SinkPlan plan)
    : connection_(std::move(options), std::move(application)), plan_(std::move(plan)) {}

Result<Known> TableSink::begin(const Delivery& delivery) {
  const Stopwatch watch(seconds_.database);
  // Durable before the message is forgotten, whatever the server's or the role's default is; and constraints are
  // checked row by row, so that a deferred one shows up where it can still be traced to its message.
  SLUICE_CHECK(connection_.run("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; SET CONSTRAINTS ALL IMMEDIATE", "begin"));

  const std::vector<Message>& messages = delivery.messages;
  std::vector<std::uint32_t> order(messages.size());
  std::iota(order.begin(), order.end(), 0U);
  // Sorted, so that two readers wait for each other in one order and never in a ring.
  std::ranges::sort(order, [&messages](std::uint32_t a, std::uint32_t b) {
    return messages[a].key != messages[b].key ? messages[a].key < messages[b].key : a < b;
  });
  Known known(messages.size(), false);
  std::vector<Key> keys;
  keys.reserve(messages.size());
  for (const std::uint32_t number : order) {
    if (!keys.empty() && keys.back() == messages[number].key) {
      known[number] = true;  // a later copy of the same message
    } else {
      keys.push_back(messages[number].key);
    }
  }
  bool all_new = false;
  std::vector<Key> fresh;
  if (keys.empty()) {
    all_new = true;
  } else if (delivery.proof == Proof::reject_ids) {
    SLUICE_TRY(fresh, remove_rejects(keys));
  } else if (expect_known_ == 0) {
    SLUICE_CHECK(insert_new_keys(keys, all_new));
  }
  if (!all_new && delivery.proof == Proof::message_keys) {
    SLUICE_TRY(fresh, insert_keys(keys));
    // Duplicates come in swarms, after a crash or a lost lease: the next deliveries skip the try.
    expect_known_ = fresh.size() < keys.size() ? 8 : std::max(expect_known_ - 1, 0);
  }
  if (!all_new) {
    for (const std::uint32_t number : order) {
      if (!known[number]) known[number] = !std::ranges::binary_search(fresh, messages[number].key);
    }
  }
  SLUICE_CRASH_POINT("A2_in_transaction");
  return known;
}

// COPY is twice as fast as INSERT, but takes no duplicate: then all of it is undone.
Result<void> TableSink::insert_new_keys(const std::vector<Key>& keys, bool& all_new) {
  SLUICE_CHECK(connection_.run("SAVEPOINT sluice_keys", ledger_place));
  SLUICE_CHECK(connection_.copy_start("COPY " + plan_.names.table("message") + " (flow, key) FROM STDIN (FORMAT binary)", ledger_place));
  buffer_.clear();
  plan_.encoder.header(buffer_);
  if (buffer_.empty()) buffer_.append("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  for (const Key& key : keys) {
    put_number(std::int16_t{2}, buffer_);
    put_field(plan_.flow, buffer_);
    put_field(bytes_of(key), buffer_);
  }
  put_number(std::int16_t{-1}, buffer_);
  SLUICE_CHECK(connection_.copy_data(buffer_, ledger_place));
  SLUICE_TRY(const ResultSet verdict, connection_.copy_end(ledger_place));
  all_new = PQresultStatus(verdict.get()) == PGRES_COMMAND_OK;
  if (!all_new) {
    const auto refused = refused_row(verdict.get());
    if (!refused || refused->reason != "unique_violation") return fail(error_of(verdict.get(), connection_.get(), ledger_place));
    SLUICE_CHECK(connection_.run("ROLLBACK TO SAVEPOINT sluice_keys", ledger_place));
  }
  return {};
}

// Gives the keys that were not there before, sorted. A key that another transaction holds is waited for.
Result<std::vector<Key>> TableSink::insert_keys(const std::vector<Key>& keys) {
  const std::array parameters{text(std::to_string(plan_.flow)), uuid_array(keys)};
  SLUICE_TRY(const ResultSet rows, connection_.run("INSERT INTO " + plan_.names.table("message") + " (flow, key) SELECT $1::int, k FROM unnest($2) AS k ON CONFLICT DO NOTHING RETURNING key",
                                                   parameters, ledger_place, true));
  return keys_of(rows);
}

Result<std::vector<Key>> TableSink::remove_rejects(const std::vector<Key>& ids) {
  const Parameter parameter = uuid_array(ids);
  SLUICE_TRY(const ResultSet rows, connection_.run("DELETE FROM " + plan_.rejects + " WHERE id = ANY($1) RETURNING id", std::span(&parameter, 1), ledger_place, true));
  return keys_of(rows);
}

Result<std::vector<Reject>> TableSink::write(std::span<const Batch> batches, const Known& known) {
  skip_ = known;
  std::vector<Reject> rejects;
  std::uint32_t last = 0;
  for (const Batch& batch : batches) {
    if (batch.rows > 0) last = std::max(last, batch.origin[batch.rows - 1] + 1);
  }
  if (last > 0) SLUICE_CHECK(copy(batches, 0, last, rejects));
  SLUICE_CRASH_POINT("A2_rows_written");
  return rejects;
}

Result<void> TableSink::copy(std::span<const Batch> batches, std::uint32_t first, std::uint32_t last, std::vector<Reject>& rejects) {
  SLUICE_TRY(const bool taken, send_rows(batches, first, last, rejects));
  if (taken) return {};
  const std::uint32_t middle = first + (last - first) / 2;
  SLUICE_CHECK(copy(batches, first, middle, rejects));
  return copy(batches, middle, last, rejects);
}

// False: the server refused one of several messages, and nothing of them was written.
Result<bool> TableSink::send_rows(std::span<const Batch> batches, std::uint32_t first, std::uint32_t last, std::vector<Reject>& rejects) {
  {
    const Stopwatch watch(seconds_.database);
    SLUICE_CHECK(connection_.run("SAVEPOINT sluice_rows", rows_place));
    SLUICE_CHECK(connection_.copy_start(plan_.encoder.copy_sql(), rows_place));
  }
  buffer_.clear();
  plan_.encoder.header(buffer_);
  std::size_t message_start = buffer_.size();
  std::uint32_t message = UINT32_MAX;
  std::uint32_t sent_message = 0;  // the last one with a row
  std::uint32_t messages_sent = 0;
  double database = 0;
  {
    double all = 0;
    {
      const Stopwatch watch(all);
      for (const Batch& batch : batches) {
        for (std::size_t row = 0; row < batch.rows; ++row) {
          const std::uint32_t origin = batch.origin[row];
          if (origin < first || origin >= last || skip_[origin]) continue;
          if (origin != message) {
            message = origin;
            // Only between messages: a refusal takes all rows of its message off the buffer again.
            if (buffer_.size() > send_bytes) {
              const Stopwatch sending(database);
              SLUICE_CHECK(connection_.copy_data(buffer_, rows_place));
              buffer_.clear();
            }
            message_start = buffer_.size();
            ++messages_sent;
            sent_message = origin;
          }
          if (const RowRefusal refusal = plan_.encoder.encode(batch, row, buffer_)) {
            buffer_.resize(message_start);
            skip_[origin] = true;
            --messages_sent;
            rejects.push_back({origin, Stage::sink, refusal.reason, refusal.column->name, std::string(explain(refusal.reason))});
          }
        }
      }
    }
    seconds_.encode += all - database;
  }
  plan_.encoder.trailer(buffer_);
  const Stopwatch watch(seconds_.database);
  seconds_.database += database;
  SLUICE_CHECK(connection_.copy_data(buffer_, rows_place));
  SLUICE_TRY(const ResultSet verdict, connection_.copy_end(rows_place));
  if (PQresultStatus(verdict.get()) == PGRES_COMMAND_OK) {
    SLUICE_CHECK(connection_.run("RELEASE SAVEPOINT sluice_rows", rows_place));
    return true;
  }
  auto refused = refused_row(verdict.get());
  if (!refused) return fail(error_of(verdict.get(), connection_.get(), rows_place));
  SLUICE_CHECK(connection_.run("ROLLBACK TO SAVEPOINT sluice_rows", rows_place));
  if (messages_sent > 1) return false;
  // Alone: it is the one.
  refused->message = sent_message;
  skip_[sent_message] = true;
  rejects.push_back(*std::move(refused));
  return true;
}

Result<void> TableSink::insert_rejects(std::span<const SealedReject> rejects) {
  for (const SealedReject& sealed : rejects) {
    const std::array parameters{text(to_uuid(random_id())), text(std::to_string(plan_.flow)), text(std::to_string(plan_.run)),
                                text(to_uuid(sealed.key)), text(std::string(to_string(sealed.reject.stage))), text(sealed.reject.reason),
                                text(sealed.reject.column), text(sealed.reject.text), Parameter{sealed.payload, 17, true}};
    SLUICE_CHECK(connection_.run("INSERT INTO " + plan_.rejects + " (id, flow, run, key, stage, reason, column_name, message, payload) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                                 parameters, "write rejects"));
  }
  return {};
}

Result<void> TableSink::commit(std::span<const SealedReject> rejects) {
  const Stopwatch watch(seconds_.database);
  SLUICE_CHECK(insert_rejects(rejects));
  SLUICE_CRASH_POINT("A3_before_commit");
  SLUICE_CHECK(connection_.send("COMMIT", "commit"));
  SLUICE_CRASH_POINT("A3_commit_sent");
  SLUICE_TRY(const ResultSet done, connection_.finish("commit"));
  // A transaction that failed before answers COMMIT with ROLLBACK.
  if (std::string_view(PQcmdStatus(done.get())) != "COMMIT") return fail(Fault::failed, "commit: PostgreSQL rolled the transaction back");
  SLUICE_CRASH_POINT("A4_committed");
  return {};
}

void TableSink::rollback() {
  if (!connection_.in_transaction()) return;
  // In the middle of a COPY only a new connection helps.
  const bool idle = PQtransactionStatus(connection_.get()) == PQTRANS_INTRANS || PQtransactionStatus(connection_.get()) == PQTRANS_INERROR;
  if (!idle || !connection_.run("ROLLBACK", "roll back")) connection_.close();
}

}  // namespace sluice::postgres
