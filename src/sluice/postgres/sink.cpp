#include "sluice/postgres/sink.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{128} << 10U;  // what one PQputCopyData takes, about
constexpr unsigned insert_after_duplicates = 16;
constexpr std::size_t kept_bytes_max = std::size_t{4} << 20U;

// Forced on, since an answer to COMMIT is the moment from which a message is forgotten; remote_apply is
// more than on. A transaction whose owner vanished must not hold its keys for ever.
std::string begin_sql(const ConnectOptions& options) {
  std::string sql = "begin isolation level read committed; set local idle_in_transaction_session_timeout = '60s';";
  if (options.statement_timeout.count() > 0) {
    sql += "set local statement_timeout = '" + std::to_string(options.statement_timeout.count()) + "s';";
  }
  return sql +
         "select pg_catalog.set_config('synchronous_commit', case pg_catalog.current_setting('synchronous_commit') "
         "when 'remote_apply' then 'remote_apply' else 'on' end, true), "
         "pg_catalog.current_setting('transaction_read_only');";
}

std::uint64_t mixed(std::uint64_t z) {  // the finalizer of splitmix64
  z = (z ^ z >> 30U) * 0xbf58476d1ce4e5b9U;
  z = (z ^ z >> 27U) * 0x94d049bb133111ebU;
  return z ^ z >> 31U;
}

}  // namespace

Key reject_id(const std::string& project, const std::string& flow, const Key& message) {
  // The key with bits of the flow's name turned over: one to one within a flow, apart between flows.
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const char c : project + '\0' + flow) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  Key id = message;
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint64_t bits = mixed(hash + half * 0x9e3779b97f4a7c15U);
    for (std::size_t i = 0; i < 8; ++i) id.bytes[half * 8 + i] ^= static_cast<std::uint8_t>(bits >> (8 * i));
  }
  return id;
}

TableSink::TableSink(ConnectOptions options, std::shared_ptr<const Plan> plan, std::int64_t run, const Clock& clock)
    : options_(std::move(options)),
      plan_(std::move(plan)),
      run_(run),
      clock_(clock),
      begin_sql_(begin_sql(options_)),
      writer_(*plan_) {}

TableSink::~TableSink() = default;  // closing the connection rolls back

Error TableSink::error(const ServerError& from, std::string_view what) {
  Error out = connection_->error(from, what);
  if (!connection_->alive()) connection_.reset();
  return out;
}

Result<void> TableSink::connect() {
  if (connection_ && connection_->usable_after_idling()) {
    if (!connection_->in_transaction()) return {};
    rollback();  // a begin() whose error was not followed by one
    if (connection_) return {};
  }
  connection_.reset();
  SLUICE_TRY(Connection opened,
             Connection::open(options_, "sluice/" + plan_->project + "/" + plan_->flow_name, clock_));
  connection_.emplace(std::move(opened));
  return {};
}

Result<void> TableSink::open_transaction(const Reply& begun) {
  if (!begun) return fail(error(begun.error(), "begin a transaction"));
  if (begun->rows() == 1 && begun->bytes(0, 1) == "on") {
    const std::string where = connection_->where();
    connection_.reset();
    return fail(Fault::transient, where + ": the server takes no writes",
                "name its primary, or wait until the failover is over");
  }
  return {};
}

// Sorted, so that two transactions that write the same keys wait for each other in one direction only.
void TableSink::sort_keys(const Delivery& delivery, Known& known) {
  const auto& messages = delivery.messages;
  order_.resize(messages.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::sort(order_, [&messages](std::uint32_t a, std::uint32_t b) {
    const auto order = messages[a].key <=> messages[b].key;
    return order < 0 || (order == 0 && a < b);
  });
  const auto repeated = std::unique(order_.begin(), order_.end(), [&](std::uint32_t kept, std::uint32_t next) {
    const bool same = messages[kept].key == messages[next].key;
    if (same) known[next] = true;  // the delivery names it twice: the first one counts
    return same;
  });
  order_.erase(repeated, order_.end());
  keys_.clear();
  for (const std::uint32_t message : order_) keys_.push_back(messages[message].key);
}

void TableSink::mark_missing(const Delivery& delivery, std::vector<Key>& found, Known& known) const {
  std::ranges::sort(found);
  auto at = found.begin();
  for (const std::uint32_t message : order_) {
    while (at != found.end() && *at < delivery.messages[message].key) ++at;
    if (at == found.end() || *at != delivery.messages[message].key) known[message] = true;
  }
}

Result<Known> TableSink::begin(const Delivery& delivery) {
  const Stopwatch watch(seconds_.database);
  SLUICE_CHECK(connect());
  savepoint_ = false;
  broken_ = false;
  replayed_.clear();
  objects_ = delivery.proof == Proof::objects;
  kept_.clear();
  kept_bytes_ = 0;
  there_ = {};
  if (objects_) {
    Known known(delivery.objects.size(), false);
    SLUICE_CHECK(open_transaction(connection_->run(begin_sql_)));
    if (!delivery.objects.empty()) SLUICE_CHECK(prove_objects(delivery, known));
    SLUICE_CRASH_POINT("C1_in_transaction");
    return known;
  }
  Known known(delivery.messages.size(), false);
  sort_keys(delivery, known);
  if (keys_.empty()) {
    SLUICE_CHECK(open_transaction(connection_->run(begin_sql_)));
  } else if (delivery.proof == Proof::reject_ids) {
    SLUICE_CHECK(take_rejects(delivery, known));
  } else if (insert_for_ > 0) {
    --insert_for_;
    SLUICE_CHECK(open_transaction(connection_->run(begin_sql_)));
    SLUICE_CHECK(insert_keys(delivery, known));
  } else {
    SLUICE_CHECK(copy_keys(delivery, known));
  }
  SLUICE_CRASH_POINT("A2_in_transaction");
  return known;
}

Result<void> TableSink::copy_keys(const Delivery& delivery, Known& known) {
  SLUICE_CHECK(open_transaction(connection_->start_copy(begin_sql_ + "savepoint sluice_keys;" + plan_->copy_keys)));
  buffer_.clear();
  buffer_.put(std::string_view("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19));
  for (const Key& key : keys_) {
    buffer_.put_int16(2);
    buffer_.put_int32(4);
    buffer_.put_int32(static_cast<std::int32_t>(plan_->flow));
    buffer_.put_int32(16);
    buffer_.put({reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()});
  }
  buffer_.put_int16(-1);
  Reply put = connection_->put(buffer_.view());
  if (put) put = connection_->end_copy();
  if (put) return {};
  if (!put.error().is("23505")) return fail(error(put.error(), "write message keys"));
  // Duplicates come in runs: a redrive, a lost acknowledgement. For a while they are expected.
  insert_for_ = insert_after_duplicates;
  if (Reply back = connection_->run("rollback to savepoint sluice_keys"); !back)
    return fail(error(back.error(), "write message keys"));
  return insert_keys(delivery, known);
}

Result<void> TableSink::insert_keys(const Delivery& delivery, Known& known) {
  const Reply inserted = connection_->ask(plan_->insert_keys, Parameters().integer(plan_->flow).keys(keys_), true);
  if (!inserted) return fail(error(inserted.error(), "write message keys"));
  std::vector<Key> found(inserted->rows());
  for (std::size_t row = 0; row < found.size(); ++row) {
    std::ranges::copy(inserted->bytes(row, 0).substr(0, 16), found[row].bytes.begin());
  }
  if (found.size() != keys_.size()) insert_for_ = insert_after_duplicates;
  mark_missing(delivery, found, known);
  return {};
}

// A replay: what is no longer among the rejects was replayed or dropped meanwhile.
Result<void> TableSink::take_rejects(const Delivery& delivery, Known& known) {
  SLUICE_CHECK(open_transaction(connection_->run(begin_sql_)));
  const Reply taken =
      connection_->ask("delete from " + plan_->rejects + " where flow = $1 and id = any($2) returning id, key",
                       Parameters().integer(plan_->flow).keys(keys_), true);
  if (!taken) return fail(error(taken.error(), "take rejects out"));
  std::vector<Key> found(taken->rows());
  replayed_.resize(taken->rows());
  for (std::size_t row = 0; row < found.size(); ++row) {
    std::ranges::copy(taken->bytes(row, 0).substr(0, 16), replayed_[row].id.bytes.begin());
    std::ranges::copy(taken->bytes(row, 1).substr(0, 16), replayed_[row].message.bytes.begin());
    found[row] = replayed_[row].id;
  }
  std::ranges::sort(replayed_, {}, &Replayed::id);
  mark_missing(delivery, found, known);
  return {};
}

Result<std::vector<Reject>> TableSink::write(std::span<const Batch> batches, const Known& known) {
  if (!connection_) return fail(Fault::transient, "postgres: the connection was lost before the rows were written");
  if (objects_ && !careful_) return stream(batches, known);
  std::vector<Reject> rejects;
  writer_.lay_out(batches, known);
  if (writer_.messages() > 0) SLUICE_CHECK(write_range(0, writer_.messages(), rejects));
  if (broken_) {
    const Stopwatch watch(seconds_.database);
    if (Reply back = connection_->run("rollback to savepoint sluice_rows"); !back)
      return fail(error(back.error(), "write rows"));
    broken_ = false;
  }
  if (objects_) {
    SLUICE_CRASH_POINT("C1_rows_written");
  } else {
    SLUICE_CRASH_POINT("A2_rows_written");
  }
  return rejects;
}

Result<void> TableSink::write_range(std::size_t first, std::size_t last, std::vector<Reject>& rejects) {
  if (writer_.left(first, last) == 0) return {};
  const Reply copied = copy_range(first, last, rejects);
  if (copied) return {};
  if (!is_about_a_row(copied.error())) return fail(error(copied.error(), "write rows to \"" + plan_->table + "\""));
  // What a check of ours refused on the way has left the range.
  if (writer_.left(first, last) == 1) {
    std::size_t culprit = first;
    while (writer_.left(culprit, culprit + 1) == 0) ++culprit;
    SLUICE_TRY(Reject reject, refusal(culprit, copied.error()));
    rejects.push_back(std::move(reject));
    writer_.refuse(culprit);
    return {};
  }
  const std::size_t middle = first + (last - first) / 2;
  SLUICE_CHECK(write_range(first, middle, rejects));
  return write_range(middle, last, rejects);
}

Reply TableSink::copy_range(std::size_t first, std::size_t last, std::vector<Reject>& rejects) {
  std::string sql;
  if (!savepoint_) {
    // A deferred constraint would speak up at COMMIT, where its row cannot be told from the others.
    sql = "set constraints all immediate; savepoint sluice_rows;";
  } else if (broken_) {
    sql = "rollback to savepoint sluice_rows;";
  } else {
    sql = "release savepoint sluice_rows; savepoint sluice_rows;";
  }
  const auto started = std::chrono::steady_clock::now();
  double waited = 0;
  const auto in_database = [&waited](auto&& call) {
    const Stopwatch watch(waited);
    return call();
  };
  Reply reply = in_database([&] { return connection_->start_copy(sql + plan_->copy); });
  savepoint_ = true;
  if (reply) {
    buffer_.clear();
    writer_.begin(buffer_);
    for (std::size_t number = first; number < last && reply; ++number) {
      if (std::optional<Reject> reject = writer_.append(number, buffer_)) rejects.push_back(std::move(*reject));
      if (buffer_.size() < chunk_bytes) continue;
      reply = in_database([&] { return connection_->put(buffer_.view()); });
      buffer_.clear();
    }
    if (reply) {
      writer_.end(buffer_);
      reply = in_database([&] {
        Reply put = buffer_.size() == 0 ? Reply(Answer{}) : connection_->put(buffer_.view());
        return put ? connection_->end_copy() : std::move(put);
      });
    }
    // A range by itself, so that a row that the table alone refuses is found like any other.
    if (reply && merges()) reply = in_database([&] { return connection_->run(plan_->end_merge + plan_->empty_merge); });
  }
  broken_ = !reply;
  seconds_.database += waited;
  seconds_.encode += std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() - waited;
  return reply;
}

// A trigger may raise any name, even one made of values: only those of the catalogue are kept.
Result<bool> TableSink::is_a_constraint(const std::string& name) {
  if (name.empty()) return false;
  if (std::ranges::find(constraints_, name) != constraints_.end()) return true;
  const Stopwatch watch(seconds_.database);
  if (Reply back = connection_->run("rollback to savepoint sluice_rows"); !back)
    return fail(error(back.error(), "write rows"));
  const Reply found = connection_->ask(
      "select 1 from pg_catalog.pg_constraint where conname = $1 union all "
      "select 1 from pg_catalog.pg_class where relname = $1 and relkind in ('i', 'I') limit 1",
      Parameters().text(presentable(name)));
  if (!found) return fail(error(found.error(), "look up a constraint"));
  if (found->rows() == 0) return false;
  constraints_.push_back(name);
  return true;
}

Result<Reject> TableSink::refusal(std::size_t number, const ServerError& error) {
  Reject reject{writer_.message(number), Stage::sink, std::string(condition_name(error.sqlstate)), {}, {}};
  const auto is_column = [&error](const Encoder& encoder) { return encoder.name == error.column; };
  if (std::ranges::any_of(plan_->encoders, is_column)) reject.column = error.column;
  SLUICE_TRY(const bool named, is_a_constraint(error.constraint));
  reject.text = "the server refuses the row by " + reject.reason + " (" + error.sqlstate + ")";
  if (named) reject.text += ", constraint \"" + error.constraint + "\"";
  if (!reject.column.empty()) reject.text += ", column \"" + reject.column + "\"";
  return reject;
}

Result<void> TableSink::insert_rejects(std::span<const SealedReject> rejects) {
  std::vector<Key> ids;
  std::vector<Key> keys;
  std::vector<std::string> texts;  // four a reject; views into it are taken when it is whole
  std::vector<std::string_view> payloads;
  for (const SealedReject& sealed : rejects) {
    const auto taken = std::ranges::lower_bound(replayed_, sealed.key, {}, &Replayed::id);
    if (taken != replayed_.end() && taken->id == sealed.key) {  // refused once more: it stays what it was
      ids.push_back(taken->id);
      keys.push_back(taken->message);
    } else {
      ids.push_back(reject_id(plan_->project, plan_->flow_name, sealed.key));
      keys.push_back(sealed.key);
    }
    texts.emplace_back(to_string(sealed.reject.stage));
    for (const std::string* text : {&sealed.reject.reason, &sealed.reject.column, &sealed.reject.text}) {
      texts.push_back(presentable(*text));
    }
    payloads.emplace_back(sealed.payload);
  }
  std::vector<std::vector<std::string_view>> columns(4);
  for (std::size_t i = 0; i < texts.size(); ++i) columns[i % 4].emplace_back(texts[i]);
  Parameters parameters;
  parameters.integer(plan_->flow).integer(run_).keys(ids).keys(keys);
  for (const auto& column : columns) parameters.texts(column);
  parameters.bytes(payloads);
  // The id is there already when the ledger had forgotten the message and it came again: the later one counts.
  const Reply inserted = connection_->ask(
      "insert into " + plan_->rejects +
          " as old (id, flow, run, key, stage, reason, column_name, message, payload) "
          "select r.id, $1::integer, $2::bigint, r.key, r.stage, r.reason, r.column_name, r.message, r.payload "
          "from unnest($3, $4, $5, $6, $7, $8, $9) as r(id, key, stage, reason, column_name, message, payload) "
          "on conflict (id) do update set run = excluded.run, stage = excluded.stage, reason = excluded.reason, "
          "column_name = excluded.column_name, message = excluded.message, payload = excluded.payload, at = "
          "excluded.at",
      parameters);
  if (!inserted) return fail(error(inserted.error(), "keep rejects"));
  return {};
}

Result<void> TableSink::keep(std::span<const SealedReject> rejects) {
  if (!connection_) return fail(Fault::transient, "postgres: the connection was lost before rejects were kept");
  if (rejects.empty()) return {};
  if (streaming_) {
    for (const SealedReject& reject : rejects) kept_bytes_ += reject.payload.size() + sizeof(SealedReject);
    kept_.insert(kept_.end(), rejects.begin(), rejects.end());
    return kept_bytes_ > kept_bytes_max ? end_stream() : Result<void>{};
  }
  const Stopwatch watch(seconds_.database);
  return insert_rejects(rejects);
}

Result<void> TableSink::commit(std::span<const SealedReject> rejects) {
  SLUICE_CHECK(end_stream());
  SLUICE_CHECK(keep(rejects));
  if (there_.rows > 0) SLUICE_CHECK(forget_chunk(object_.uri));
  return send_commit();
}

Result<void> TableSink::send_commit() {
  const Stopwatch watch(seconds_.database);
  if (merges()) {
    if (const Reply merged = connection_->run(plan_->end_merge); !merged) {
      if (is_about_a_row(merged.error()) && !careful_) return look_for_row();
      return fail(error(merged.error(), "merge rows into \"" + plan_->table + "\""));
    }
  }
  if (objects_) {
    SLUICE_CRASH_POINT("C1_before_commit");
  } else {
    SLUICE_CRASH_POINT("A3_before_commit");
  }
  Reply committed = connection_->send("commit");
  if (objects_) {
    SLUICE_CRASH_POINT("C2_commit_sent");
  } else {
    SLUICE_CRASH_POINT("A3_commit_sent");
  }
  if (committed) committed = connection_->receive();
  if (!committed) {
    const bool lost = committed.error().lost();
    return fail(error(committed.error(), lost ? "the reply to COMMIT, which may have been done" : "commit"));
  }
  // A transaction that had failed answers a COMMIT by a ROLLBACK, without an error.
  if (committed->command() != "COMMIT")
    return fail(Fault::failed, connection_->where() + ": the transaction had failed before COMMIT");
  careful_ = false;
  if (objects_) {
    SLUICE_CRASH_POINT("C3_committed");
  } else {
    SLUICE_CRASH_POINT("A4_committed");
  }
  return {};
}

void TableSink::rollback() {
  if (!connection_) return;
  if (streaming_) connection_.reset();  // which ends COPY and transaction; neither could be talked to
  streaming_ = false;
  if (!connection_) return;
  const Stopwatch watch(seconds_.database);
  if (connection_->alive() && connection_->in_transaction() && !connection_->run("rollback")) connection_.reset();
  if (connection_ && !connection_->alive()) connection_.reset();
}

}  // namespace sluice::postgres
