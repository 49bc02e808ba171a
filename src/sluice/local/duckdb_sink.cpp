#include "sluice/local/duckdb_sink.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>
#include <random>

#include "sluice/core/crash_point.hpp"

namespace sluice::local {
namespace {

constexpr const char* ledger_place = "ledger";
constexpr const char* rows_place = "write rows";

// Types that have our layout in memory: a decimal is 128 bits wide whatever its precision, json is text.
duckdb_logical_type staged_type(Type type) {
  switch (type.kind) {
    case Kind::boolean: return duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    case Kind::int32: return duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    case Kind::int64: return duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    case Kind::float64: return duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    case Kind::decimal: return duckdb_create_decimal_type(38, type.scale);
    case Kind::bytes: return duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
    case Kind::date: return duckdb_create_logical_type(DUCKDB_TYPE_DATE);
    case Kind::timestamp: return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP);
    case Kind::timestamp_tz: return duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ);
    case Kind::uuid: return duckdb_create_logical_type(DUCKDB_TYPE_UUID);
    case Kind::text:
    case Kind::json: break;
  }
  return duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
}

template <class T>
void gather(const Vector& from, const std::vector<std::uint32_t>& rows, duckdb_vector to) {
  T* values = static_cast<T*>(duckdb_vector_get_data(to));
  for (const std::uint32_t row : rows) *values++ = from.at<T>(row);
}

// A text is 16 bytes that may point at the batch's memory: the appender copies what they point at.
static_assert(sizeof(Text) == sizeof(duckdb_string_t));

void gather_texts(const Vector& from, const std::vector<std::uint32_t>& rows, duckdb_vector to) {
  auto* values = static_cast<duckdb_string_t*>(duckdb_vector_get_data(to));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (from.is_null(rows[i])) {
      values[i] = {};
    } else {
      std::memcpy(&values[i], &from.at<Text>(rows[i]), sizeof(Text));
    }
  }
}

void gather_uuids(const Vector& from, const std::vector<std::uint32_t>& rows, duckdb_vector to) {
  auto* values = static_cast<duckdb_hugeint*>(duckdb_vector_get_data(to));
  for (const std::uint32_t row : rows) *values++ = to_hugeint(from.at<std::array<std::uint8_t, 16>>(row).data());
}

void gather(Kind kind, const Vector& from, const std::vector<std::uint32_t>& rows, duckdb_vector to) {
  switch (kind) {
    case Kind::boolean: gather<std::uint8_t>(from, rows, to); break;
    case Kind::int32:
    case Kind::date: gather<std::int32_t>(from, rows, to); break;
    case Kind::int64:
    case Kind::timestamp:
    case Kind::timestamp_tz: gather<std::int64_t>(from, rows, to); break;
    case Kind::float64: gather<double>(from, rows, to); break;
    case Kind::decimal: gather<Int128>(from, rows, to); break;
    case Kind::uuid: gather_uuids(from, rows, to); break;
    case Kind::text:
    case Kind::bytes:
    case Kind::json: gather_texts(from, rows, to); break;
  }
  if (from.valid == nullptr) return;
  duckdb_vector_ensure_validity_writable(to);
  std::uint64_t* validity = duckdb_vector_get_validity(to);
  for (std::size_t i = 0; i < rows.size(); ++i) duckdb_validity_set_row_validity(validity, i, !from.is_null(rows[i]));
}

Key random_id() {
  thread_local std::random_device random;
  Key id;
  for (std::size_t i = 0; i < id.bytes.size(); i += 4) {
    const std::uint32_t bits = random();
    std::memcpy(id.bytes.data() + i, &bits, sizeof bits);
  }
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0FU) | 0x40U);  // a UUID of version 4
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
  return id;
}

// A chunk and its types, for tables of the ledger.
class LedgerChunk {
 public:
  explicit LedgerChunk(std::initializer_list<duckdb_type> types) {
    for (const duckdb_type type : types) types_.push_back(duckdb_create_logical_type(type));
    chunk_ = duckdb_create_data_chunk(types_.data(), types_.size());
  }
  LedgerChunk(const LedgerChunk&) = delete;
  LedgerChunk& operator=(const LedgerChunk&) = delete;
  ~LedgerChunk() {
    duckdb_destroy_data_chunk(&chunk_);
    for (duckdb_logical_type& type : types_) duckdb_destroy_logical_type(&type);
  }

  template <class T>
  T* values(idx_t column) {
    return static_cast<T*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk_, column)));
  }
  void text(idx_t column, idx_t row, std::string_view value) {
    duckdb_vector_assign_string_element_len(duckdb_data_chunk_get_vector(chunk_, column), row, value.data(),
                                            value.size());
  }
  const std::vector<duckdb_logical_type>& types() const { return types_; }
  duckdb_data_chunk with_size(idx_t size) {
    duckdb_data_chunk_set_size(chunk_, size);
    return chunk_;
  }
  void reset() { duckdb_data_chunk_reset(chunk_); }

 private:
  std::vector<duckdb_logical_type> types_;
  duckdb_data_chunk chunk_ = nullptr;
};

tl::unexpected<Error> failed(const DuckAppender::Failure& failure, const char* place) {
  return fail(duckdb_error(failure.type, failure.message, place, Wording::kind_only));
}

}  // namespace

DuckdbSink::DuckdbSink(DuckConnection connection, SinkPlan plan, const Clock& clock)
    : connection_(std::move(connection)), plan_(std::move(plan)), clock_(clock) {
  for (const Field& field : plan_.rows.columns) {
    names_.push_back(field.name);
    types_.push_back(staged_type(field.type));
  }
  chunk_ = duckdb_create_data_chunk(types_.data(), types_.size());
}

DuckdbSink::~DuckdbSink() {
  rollback();
  duckdb_destroy_data_chunk(&chunk_);
  for (duckdb_logical_type& type : types_) duckdb_destroy_logical_type(&type);
}

void DuckdbSink::rollback() {
  if (open_) connection_.rollback();
  open_ = false;
}

Result<Known> DuckdbSink::begin(const Delivery& delivery) {
  const Stopwatch watch(seconds_.database);
  rollback();
  new_keys_.clear();
  replayed_.clear();
  SLUICE_CHECK(connection_.run("BEGIN", "begin"));
  open_ = true;
  Result<Known> known =
      delivery.proof == Proof::message_keys ? begin_messages(delivery.messages) : begin_rejects(delivery.messages);
  if (!known) return known;
  SLUICE_CHECK(prove());
  SLUICE_CRASH_POINT("A2_in_transaction");
  return known;
}

// Finds the keys that are new, each once.
Result<Known> DuckdbSink::begin_messages(const std::vector<Message>& messages) {
  Known known(messages.size(), false);
  if (messages.empty()) return known;
  std::vector<std::uint32_t> order(messages.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&messages](std::uint32_t a, std::uint32_t b) {
    return messages[a].key != messages[b].key ? messages[a].key < messages[b].key : a < b;
  });
  std::vector<Key> sorted;
  sorted.reserve(messages.size());
  for (const std::uint32_t number : order) {
    if (!sorted.empty() && sorted.back() == messages[number].key) {
      known[number] = true;  // a later copy of the same message
    } else {
      sorted.push_back(messages[number].key);
    }
  }
  SLUICE_TRY(const std::vector<Key> there, held(sorted));
  std::ranges::set_difference(sorted, there, std::back_inserter(new_keys_));
  if (there.empty()) return known;
  for (const std::uint32_t number : order) {
    if (std::ranges::binary_search(there, messages[number].key)) known[number] = true;
  }
  return known;
}

// Those of the keys that the ledger has; sorted.
Result<std::vector<Key>> DuckdbSink::held(const std::vector<Key>& sorted) {
  const std::string from =
      " FROM " + quoted(plan_.messages) + " WHERE flow = " + std::to_string(plan_.flow) + " AND key BETWEEN $1 AND $2";
  std::vector<Key> there;
  {
    // Most often nothing is in between, and then the list need not be sent.
    SLUICE_TRY(DuckRows any,
               connection_.ask("SELECT 1::BIGINT" + from + " LIMIT 1", {sorted.front(), sorted.back()}, ledger_place));
    if (!any.next()) return there;
  }
  SLUICE_TRY(DuckRows rows, connection_.ask("SELECT key" + from + " AND key IN (SELECT unnest($3))",
                                            {sorted.front(), sorted.back(), sorted}, ledger_place));
  while (rows.next()) there.push_back(rows.uuid(0));
  std::ranges::sort(there);
  return there;
}

// A replay: known are the rejects that are there no more.
Result<Known> DuckdbSink::begin_rejects(const std::vector<Message>& messages) {
  std::vector<Key> ids;
  for (const Message& message : messages) ids.push_back(message.key);
  Known known(messages.size(), true);
  if (ids.empty()) return known;
  {
    SLUICE_TRY(DuckRows rows, connection_.ask("SELECT id, key FROM " + quoted(plan_.rejects) +
                                                  " WHERE flow = $1 AND id IN (SELECT unnest($2))",
                                              {std::int64_t{plan_.flow}, ids}, ledger_place));
    while (rows.next()) replayed_.emplace(rows.uuid(0), rows.uuid(1));
  }
  std::vector<Key> seen;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (!replayed_.contains(ids[i]) || std::ranges::find(seen, ids[i]) != seen.end()) continue;
    known[i] = false;
    seen.push_back(ids[i]);
  }
  return known;
}

// Writes the proof into the open transaction: the new messages' keys, or that the replayed rejects are gone.
Result<void> DuckdbSink::prove() {
  if (!replayed_.empty()) {
    std::vector<Key> ids;
    for (const auto& [id, key] : replayed_) ids.push_back(id);
    SLUICE_CHECK(
        connection_.ask("DELETE FROM " + quoted(plan_.rejects) + " WHERE flow = $1 AND id IN (SELECT unnest($2))",
                        {std::int64_t{plan_.flow}, ids}, ledger_place));
  }
  if (new_keys_.empty()) return {};
  SLUICE_TRY(DuckAppender appender, DuckAppender::table(connection_, plan_.messages, ledger_place));
  LedgerChunk chunk({DUCKDB_TYPE_INTEGER, DUCKDB_TYPE_UUID, DUCKDB_TYPE_TIMESTAMP_TZ});
  const std::int64_t now = clock_.now_micros();
  const std::size_t chunk_rows = duckdb_vector_size();
  for (std::size_t from = 0; from < new_keys_.size(); from += chunk_rows) {
    const std::size_t count = std::min(chunk_rows, new_keys_.size() - from);
    chunk.reset();
    std::fill_n(chunk.values<std::int32_t>(0), count, plan_.flow);
    auto* keys = chunk.values<duckdb_hugeint>(1);
    for (std::size_t i = 0; i < count; ++i) keys[i] = to_hugeint(new_keys_[from + i].bytes.data());
    std::fill_n(chunk.values<std::int64_t>(2), count, now);
    if (const auto wrong = appender.append(chunk.with_size(count))) return failed(*wrong, ledger_place);
  }
  if (const auto wrong = appender.flush()) return failed(*wrong, ledger_place);
  return {};
}

Result<std::vector<Reject>> DuckdbSink::write(std::span<const Batch> batches, const Known& known) {
  assert(open_);
  Wanted wanted(known.size());
  std::vector<std::uint32_t> messages;
  for (const Batch& batch : batches) {
    for (std::size_t row = 0; row < batch.rows; ++row) {
      const std::uint32_t message = batch.origin[row];
      if (known[message] || wanted[message]) continue;
      wanted[message] = true;
      messages.push_back(message);
    }
  }
  std::vector<Reject> refused;
  if (!messages.empty()) {
    SLUICE_TRY(const auto refusal, insert(batches, wanted));
    if (refusal) {
      // First those that the table refuses by themselves, then those that the others stand in the way of: a
      // UNIQUE within the delivery.
      Sifted alone;
      SLUICE_CHECK(sift(batches, messages, false, alone));
      Sifted together;
      SLUICE_CHECK(sift(batches, alone.accepted, true, together));
      refused = std::move(alone.refused);
      std::ranges::move(together.refused, std::back_inserter(refused));
      wanted.assign(known.size(), false);
      for (const std::uint32_t message : together.accepted) wanted[message] = true;
      SLUICE_CHECK(connection_.run("BEGIN", "begin"));
      open_ = true;
      SLUICE_CHECK(prove());
      SLUICE_TRY(const auto again, insert(batches, wanted));
      if (again)
        return fail(Fault::failed, "write rows: the table refused rows that it took a moment before",
                    "does something else write to it?");
    }
  }
  SLUICE_CRASH_POINT("A2_rows_written");
  return refused;
}

Result<void> DuckdbSink::sift(std::span<const Batch> batches, std::span<const std::uint32_t> messages, bool together,
                              Sifted& sifted) {
  if (messages.empty()) return {};
  std::size_t size = 0;
  for (const Batch& batch : batches) {
    for (std::size_t row = 0; row < batch.rows; ++row) size = std::max<std::size_t>(size, batch.origin[row] + 1U);
  }
  Wanted wanted(size, false);
  for (const std::uint32_t message : messages) wanted[message] = true;
  if (together) {
    for (const std::uint32_t message : sifted.accepted) wanted[message] = true;
  }
  SLUICE_CHECK(connection_.run("BEGIN", "begin"));
  open_ = true;
  SLUICE_TRY(auto refusal, insert(batches, wanted));
  rollback();
  if (!refusal) {
    sifted.accepted.insert(sifted.accepted.end(), messages.begin(), messages.end());
    return {};
  }
  if (messages.size() == 1) {
    refusal->message = messages.front();
    sifted.refused.push_back(*std::move(refusal));
    return {};
  }
  const std::size_t half = messages.size() / 2;
  SLUICE_CHECK(sift(batches, messages.first(half), together, sifted));
  return sift(batches, messages.subspan(half), together, sifted);
}

Result<std::optional<Reject>> DuckdbSink::insert(std::span<const Batch> batches, const Wanted& wanted) {
  std::optional<DuckAppender::Failure> failure;
  {
    SLUICE_TRY(DuckAppender appender,
               DuckAppender::query(connection_, plan_.rows.insert_sql, names_, types_, rows_place));
    const std::size_t chunk_rows = duckdb_vector_size();
    for (const Batch& batch : batches) {
      for (std::size_t row = 0; row < batch.rows && !failure;) {
        selected_.clear();
        for (; row < batch.rows && selected_.size() < chunk_rows; ++row) {
          if (wanted[batch.origin[row]]) selected_.push_back(static_cast<std::uint32_t>(row));
        }
        if (!selected_.empty()) failure = send(appender, batch);
      }
    }
    const Stopwatch watch(seconds_.database);
    if (!failure) failure = appender.flush();
  }
  if (!failure) return std::optional<Reject>();
  // Part of the rows may stand in the transaction: it must not be committed.
  rollback();
  std::optional<Reject> refusal = refused_row(failure->type, failure->message);
  if (!refusal) return failed(*failure, rows_place);
  return refusal;
}

std::optional<DuckAppender::Failure> DuckdbSink::send(DuckAppender& appender, const Batch& batch) {
  {
    const Stopwatch watch(seconds_.encode);
    fill(batch);
  }
  const Stopwatch watch(seconds_.database);
  return appender.append(chunk_);
}

void DuckdbSink::fill(const Batch& batch) {
  duckdb_data_chunk_reset(chunk_);
  for (std::size_t column = 0; column < plan_.rows.columns.size(); ++column) {
    gather(plan_.rows.columns[column].type.kind, batch.vectors[column], selected_,
           duckdb_data_chunk_get_vector(chunk_, column));
  }
  duckdb_data_chunk_set_size(chunk_, selected_.size());
}

Result<void> DuckdbSink::insert_rejects(std::span<const SealedReject> rejects) {
  const std::string columns = "id, flow, run, key, stage, reason, column_name, message, payload, \"at\"";
  LedgerChunk chunk({DUCKDB_TYPE_UUID, DUCKDB_TYPE_INTEGER, DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_UUID, DUCKDB_TYPE_VARCHAR,
                     DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_BLOB,
                     DUCKDB_TYPE_TIMESTAMP_TZ});
  SLUICE_TRY(DuckAppender appender,
             DuckAppender::query(
                 connection_,
                 "INSERT INTO " + quoted(plan_.rejects) + " (" + columns + ") SELECT " + columns + " FROM sluice_rows",
                 {"id", "flow", "run", "key", "stage", "reason", "column_name", "message", "payload", "at"},
                 chunk.types(), ledger_place));
  const std::int64_t now = clock_.now_micros();
  const std::size_t chunk_rows = duckdb_vector_size();
  for (std::size_t from = 0; from < rejects.size(); from += chunk_rows) {
    const std::size_t count = std::min(chunk_rows, rejects.size() - from);
    chunk.reset();
    for (std::size_t i = 0; i < count; ++i) {
      const SealedReject& sealed = rejects[from + i];
      // A replayed reject that is refused again keeps its id and its message's key.
      const auto replayed = replayed_.find(sealed.key);
      const Key id = replayed == replayed_.end() ? random_id() : replayed->first;
      const Key key = replayed == replayed_.end() ? sealed.key : replayed->second;
      chunk.values<duckdb_hugeint>(0)[i] = to_hugeint(id.bytes.data());
      chunk.values<std::int32_t>(1)[i] = plan_.flow;
      chunk.values<std::int64_t>(2)[i] = plan_.run;
      chunk.values<duckdb_hugeint>(3)[i] = to_hugeint(key.bytes.data());
      chunk.text(4, i, to_string(sealed.reject.stage));
      chunk.text(5, i, sealed.reject.reason);
      chunk.text(6, i, sealed.reject.column);
      chunk.text(7, i, sealed.reject.text);
      chunk.text(8, i, sealed.payload);
      chunk.values<std::int64_t>(9)[i] = now;
    }
    if (const auto wrong = appender.append(chunk.with_size(count))) return failed(*wrong, ledger_place);
  }
  if (const auto wrong = appender.flush()) return failed(*wrong, ledger_place);
  return {};
}

Result<void> DuckdbSink::keep(std::span<const SealedReject> rejects) {
  assert(open_);
  const Stopwatch watch(seconds_.database);
  return rejects.empty() ? Result<void>{} : insert_rejects(rejects);
}

Result<void> DuckdbSink::commit(std::span<const SealedReject> rejects) {
  assert(open_);
  SLUICE_CHECK(keep(rejects));
  const Stopwatch watch(seconds_.database);
  SLUICE_CRASH_POINT("A3_before_commit");
  SLUICE_CHECK(connection_.run("COMMIT", "commit"));
  open_ = false;
  SLUICE_CRASH_POINT("A4_committed");
  return {};
}

}  // namespace sluice::local
