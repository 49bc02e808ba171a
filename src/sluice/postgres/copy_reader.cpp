#include "sluice/postgres/copy_reader.hpp"

#include <bit>
#include <cassert>
#include <cstring>

#include "sluice/postgres/catalogue.hpp"
#include "sluice/postgres/numeric.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

constexpr std::int32_t epoch_days = 10957;                       // from 1970-01-01 to PostgreSQL's 2000-01-01
constexpr std::int64_t epoch_micros = epoch_days * 86400000000;  // the same
constexpr std::string_view signature("PGCOPY\n\377\r\n\0", 11);

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

std::int32_t int32_of(std::string_view bytes) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data(), 4);
  return static_cast<std::int32_t>(__builtin_bswap32(number));
}

std::int64_t int64_of(std::string_view bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), 8);
  return static_cast<std::int64_t>(__builtin_bswap64(number));
}

static_assert(std::endian::native == std::endian::little);

enum class Taken : std::uint8_t { value, malformed, no_number };

class CopyReader final : public RowReader {
 public:
  CopyReader(Connection& connection, const ReadPlan& plan, std::shared_ptr<BuilderPool> pool)
      : connection_(connection), plan_(plan), pool_(std::move(pool)) {
    if (!pool_) builder_ = std::make_shared<BatchBuilder>(plan.columns);
  }
  CopyReader(const CopyReader&) = delete;
  CopyReader& operator=(const CopyReader&) = delete;
  ~CopyReader() override { leave(); }

  Result<bool> next(Batch& batch) override {
    if (pool_) {
      builder_ = pool_->take();
    } else {
      builder_->clear();
    }
    while (!ended_ && !builder_->full()) {
      if (rest_.empty()) {
        const auto message = connection_.take();
        if (!message) {
          ended_ = true;
          return fail(reading_error(connection_, message.error(), plan_.place.text() + ": read rows"));
        }
        rest_ = *message;
        if (rest_.empty()) {  // the server has ended the COPY without its trailer
          ended_ = true;
          return fail(malformed());
        }
        if (!begun_) SLUICE_CHECK(take_header());
        continue;
      }
      SLUICE_CHECK(take_row());
    }
    if (builder_->rows() == 0) return false;
    batch = builder_->batch();
    if (pool_) batch.owner = std::move(builder_);
    return true;
  }

 private:
  // What is left is not waited for. The snapshot's own connection has more to read; one of a part's has not: broken, it
  // ends its transaction, and the server's work with it.
  void leave() {
    if (!ended_ && (pool_ || !connection_.cancel())) connection_.abandon();
    ended_ = true;
  }

  Error malformed() const {
    return {Fault::failed, connection_.where() + ": " + plan_.place.text() + ": the server's COPY is not whole",
            "run again"};
  }

  Result<void> take_header() {
    constexpr std::size_t header = signature.size() + 8;  // flags, and the length of an extension
    if (rest_.size() < header || !rest_.starts_with(signature)) return fail(malformed());
    const auto extension = static_cast<std::size_t>(big_endian(rest_.substr(signature.size() + 4, 4)));
    if (rest_.size() < header + extension) return fail(malformed());
    rest_.remove_prefix(header + extension);
    begun_ = true;
    return {};
  }

  Result<void> take_row() {
    if (rest_.size() < 2) return fail(malformed());
    const auto fields = static_cast<std::int16_t>(big_endian(rest_.substr(0, 2)));
    rest_.remove_prefix(2);
    if (fields == -1) {  // the trailer; then comes the server's word that all went well
      if (!rest_.empty()) return fail(malformed());
      const auto last = connection_.take();
      ended_ = true;
      if (!last) return fail(reading_error(connection_, last.error(), plan_.place.text() + ": read rows"));
      return {};
    }
    if (static_cast<std::size_t>(fields) != plan_.wires.size()) return fail(malformed());
    for (std::size_t column = 0; column < plan_.wires.size(); ++column) {
      if (rest_.size() < 4) return fail(malformed());
      const std::int32_t size = int32_of(rest_);
      rest_.remove_prefix(4);
      if (size == -1) {
        builder_->set_null(column);
        continue;
      }
      if (size < 0 || rest_.size() < static_cast<std::size_t>(size)) return fail(malformed());
      const Taken taken = take_field(column, rest_.substr(0, static_cast<std::size_t>(size)));
      if (taken != Taken::value) return fail(refused(taken, column));
      rest_.remove_prefix(static_cast<std::size_t>(size));
    }
    builder_->end_row();
    return {};
  }

  Error refused(Taken taken, std::size_t column) const {
    if (taken == Taken::malformed) return malformed();
    const std::string name = "column \"" + (*plan_.columns)[column].name + "\"";
    return {Fault::data, plan_.place.text() + ": " + name + " holds a number that is none (NaN)",
            "cast it to text in the query, or leave such rows out"};
  }

  Taken take_field(std::size_t column, std::string_view bytes) {
    switch (plan_.wires[column]) {
      case Wire::boolean:
        if (bytes.size() != 1) return Taken::malformed;
        builder_->set(column, static_cast<std::uint8_t>(bytes[0] != 0));
        return Taken::value;
      case Wire::int16:
        if (bytes.size() != 2) return Taken::malformed;
        builder_->set(column, static_cast<std::int32_t>(static_cast<std::int16_t>(big_endian(bytes))));
        return Taken::value;
      case Wire::int32:
        if (bytes.size() != 4) return Taken::malformed;
        builder_->set(column, int32_of(bytes));
        return Taken::value;
      case Wire::int64:
        if (bytes.size() != 8) return Taken::malformed;
        builder_->set(column, int64_of(bytes));
        return Taken::value;
      case Wire::float64:
        if (bytes.size() != 8) return Taken::malformed;
        builder_->set(column, std::bit_cast<double>(int64_of(bytes)));
        return Taken::value;
      case Wire::numeric: {
        Int128 number = 0;
        if (!get_numeric(bytes, (*plan_.columns)[column].type.scale, number)) return Taken::no_number;
        builder_->set(column, number);
        return Taken::value;
      }
      case Wire::text:
      case Wire::bytes: builder_->set_text(column, bytes); return Taken::value;
      case Wire::jsonb:  // a version, then the text
        if (bytes.empty() || bytes[0] != 1) return Taken::malformed;
        builder_->set_text(column, bytes.substr(1));
        return Taken::value;
      case Wire::date: {
        if (bytes.size() != 4) return Taken::malformed;
        const std::int32_t days = int32_of(bytes);
        // Infinity is the greatest number on both sides, and -infinity what is left of it.
        const bool infinite = days == INT32_MIN || days == INT32_MAX;
        builder_->set(column, !infinite ? days + epoch_days : days == INT32_MAX ? INT32_MAX : -INT32_MAX);
        return Taken::value;
      }
      case Wire::timestamp: {
        if (bytes.size() != 8) return Taken::malformed;
        const std::int64_t micros = int64_of(bytes);
        const bool infinite = micros == INT64_MIN || micros == INT64_MAX;
        builder_->set(column, !infinite ? micros + epoch_micros : micros == INT64_MAX ? INT64_MAX : -INT64_MAX);
        return Taken::value;
      }
      case Wire::uuid: {
        std::array<std::uint8_t, 16> uuid{};
        if (bytes.size() != uuid.size()) return Taken::malformed;
        std::memcpy(uuid.data(), bytes.data(), uuid.size());
        builder_->set(column, uuid);
        return Taken::value;
      }
    }
    return Taken::malformed;
  }

  Connection& connection_;
  const ReadPlan& plan_;
  std::shared_ptr<BuilderPool> pool_;  // null: `builder_` is used again and again
  std::shared_ptr<BatchBuilder> builder_;
  std::string_view rest_;  // of the message that was taken last
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace

ColumnWay way_of(std::uint32_t type, std::int32_t typmod) {
  switch (type) {
    case bool_type: return {{Kind::boolean}, Wire::boolean};
    case int2_type: return {{Kind::int32}, Wire::int16};
    case int4_type: return {{Kind::int32}, Wire::int32};
    case int8_type: return {{Kind::int64}, Wire::int64};
    // By its text, so that 0.1 stays 0.1.
    case float4_type: return {{Kind::float64}, Wire::float64, "::text::float8"};
    case float8_type: return {{Kind::float64}, Wire::float64};
    case numeric_type: {
      const NumericLimit limit = numeric_limit(typmod);
      if (limit.precision == 0 || limit.precision > 38 || limit.scale < 0 || limit.scale > limit.precision)
        return {{Kind::text}, Wire::text, "::text"};
      return {{Kind::decimal, static_cast<std::uint8_t>(limit.precision), static_cast<std::uint8_t>(limit.scale)},
              Wire::numeric};
    }
    case text_type:
    case varchar_type:
    case bpchar_type: return {{Kind::text}, Wire::text};
    case bytea_type: return {{Kind::bytes}, Wire::bytes};
    case date_type: return {{Kind::date}, Wire::date};
    case timestamp_type: return {{Kind::timestamp}, Wire::timestamp};
    case timestamptz_type: return {{Kind::timestamp_tz}, Wire::timestamp};
    case uuid_type: return {{Kind::uuid}, Wire::uuid};
    // Its cast to text would write a single address as a network: 10.0.0.1/32.
    case inet_type: return {{Kind::text}, Wire::text, ")::text", "pg_catalog.inet_out("};
    case json_type: return {{Kind::json}, Wire::text};
    case jsonb_type: return {{Kind::json}, Wire::jsonb};
    default: return {{Kind::text}, Wire::text, "::text"};
  }
}

Result<ReadPlan> plan_read(const Answer& described, const Place& place) {
  ReadPlan plan;
  plan.place = place;
  Schema schema;
  std::string list;
  std::string names;
  bool cast = false;
  if (described.columns() == 0) return fail(Fault::config, place.text() + ": the query gives no columns");
  for (std::size_t i = 0; i < described.columns(); ++i) {
    const ColumnWay way = way_of(described.type(i), described.typmod(i));
    for (const Field& other : schema) {
      if (other.name == described.name(i))
        return fail(Fault::config, place.text() + ": two columns are called \"" + other.name + "\"",
                    "give one another name (as ...)");
    }
    schema.push_back({described.name(i), way.type});
    plan.wires.push_back(way.wire);
    list += (list.empty() ? "" : ", ") + way.before + quoted(schema.back().name) + way.cast;
    cast = cast || !way.cast.empty();
  }
  if (cast) plan.list = std::move(list);
  plan.columns = std::make_shared<const Schema>(std::move(schema));
  return plan;
}

Error reading_error(const Connection& connection, const ServerError& error, const std::string& what) {
  Error out = connection.error(error, what);
  if (out.fault != Fault::failed || !is_about_a_row(error)) return out;
  out.fault = Fault::data;
  if (out.hint.empty()) {
    out.hint =
        "a variable or a row holds what the query cannot compute; the server's message may hold values and is left "
        "out: run the query in psql to read it";
  }
  return out;
}

std::shared_ptr<BatchBuilder> BuilderPool::take() {
  std::unique_ptr<BatchBuilder> builder;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      builder = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!builder) builder = std::make_unique<BatchBuilder>(schema_);
  builder->clear();
  return {builder.release(), [pool = shared_from_this()](BatchBuilder* used) {
            const std::lock_guard lock(pool->mutex_);
            pool->free_.emplace_back(used);
          }};
}

Result<std::unique_ptr<RowReader>> open_copy_reader(Connection& connection, const ReadPlan& plan,
                                                    const std::string& sql, std::shared_ptr<BuilderPool> pool) {
  // Around it only where it must be: the order of the rows is the query's own.
  const std::string copied = plan.list.empty() ? sql : "select " + plan.list + " from (\n" + sql + "\n) as q";
  if (Reply started = connection.start_copy_out("copy (\n" + copied + "\n) to stdout (format binary)"); !started)
    return fail(reading_error(connection, started.error(), plan.place.text() + ": start to read"));
  return std::unique_ptr<RowReader>(std::make_unique<CopyReader>(connection, plan, std::move(pool)));
}

}  // namespace sluice::postgres
