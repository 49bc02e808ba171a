#include "postgres_batches.hpp"

#include <cstring>

#include "sluice/core/words.hpp"
#include "sluice/postgres/open.hpp"

namespace sluice::live {
namespace {

void put(const Value& value, Kind kind, std::string& out) {
  const auto raw = [&out](const auto& number) { out.append(reinterpret_cast<const char*>(&number), sizeof number); };
  switch (kind) {
    case Kind::boolean: out += std::holds_alternative<bool>(value) && std::get<bool>(value) ? '\1' : '\0'; break;
    case Kind::int32:
    case Kind::date: raw(std::holds_alternative<std::int32_t>(value) ? std::get<std::int32_t>(value) : 0); break;
    case Kind::int64:
    case Kind::timestamp:
    case Kind::timestamp_tz:
      raw(std::holds_alternative<std::int64_t>(value) ? std::get<std::int64_t>(value) : std::int64_t{0});
      break;
    case Kind::float64: raw(std::holds_alternative<double>(value) ? std::get<double>(value) : 0.0); break;
    case Kind::decimal: raw(std::holds_alternative<Int128>(value) ? std::get<Int128>(value) : Int128{0}); break;
    case Kind::uuid: raw(std::holds_alternative<Key>(value) ? std::get<Key>(value) : Key{}); break;
    case Kind::text:
    case Kind::bytes:
    case Kind::json:
      raw(std::holds_alternative<std::string>(value) ? Text(std::get<std::string>(value)) : Text());
      break;
  }
}

}  // namespace

Rows& Rows::row(std::uint32_t message, std::vector<Value> values) {
  origin_.push_back(message);
  rows_.push_back(std::move(values));
  return *this;
}

Batch Rows::batch() {
  Batch out;
  out.schema = schema_;
  out.rows = rows_.size();
  out.origin = origin_.data();
  columns_.assign(schema_->size(), {});
  valid_.assign(schema_->size(), std::vector<std::uint64_t>(rows_.size() / 64 + 1));
  for (std::size_t column = 0; column < schema_->size(); ++column) {
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const Value& value = rows_[row][column];
      put(value, (*schema_)[column].type.kind, columns_[column]);
      if (!std::holds_alternative<std::monostate>(value)) valid_[column][row / 64] |= std::uint64_t{1} << row % 64;
    }
    out.vectors.push_back({columns_[column].data(), valid_[column].data()});
  }
  return out;
}

Key key_of(std::uint64_t number) {
  Key key;
  for (std::size_t i = 0; i < 8; ++i) key.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return key;
}

Delivery delivery_of(std::uint64_t count, std::uint64_t first, Proof proof) {
  Delivery delivery;
  delivery.proof = proof;
  for (std::uint64_t i = 0; i < count; ++i) delivery.messages.push_back({key_of(first + i), {}, {}, 0, 1, "{}"});
  return delivery;
}

support::PostgresServer& PostgresTest::server() {
  static const std::unique_ptr<support::PostgresServer> one = support::PostgresServer::start();
  return *one;
}

void PostgresTest::SetUp() {
  SLUICE_NEEDS_POSTGRES();
  static int count = 0;
  database_ = "test_" + std::to_string(++count);
  server().make_database(database_);
}

Settings PostgresTest::settings(const std::string& user, const std::string& ledger) const {
  Settings out;
  out.connection = "warehouse";
  out.project = "logins";
  out.place = {"logins.yaml", 4, 3};
  out.values["postgres"] = Setting{server().url(database_, user), {}, out.place};
  if (!ledger.empty()) out.values["ledger"] = Setting{ledger, {}, out.place};
  return out;
}

std::unique_ptr<Database> PostgresTest::open(const std::string& user, const std::string& ledger) {
  auto opened = postgres::open_postgres(settings(user, ledger), system_clock());
  EXPECT_TRUE(opened) << opened.error().text();
  return std::move(*opened);
}

Target PostgresTest::target(const std::string& table, Schema columns) const {
  return {"logins", "user_logins", {"", table}, std::nullopt, std::nullopt, std::move(columns)};
}

std::unique_ptr<Sink> PostgresTest::sink(Database& database, const Target& target, std::int64_t run) {
  const Result<void> prepared = database.prepare(target);
  EXPECT_TRUE(prepared) << prepared.error().text();
  if (!prepared) throw std::runtime_error("prepare() failed");
  auto opened = database.open_sink(target, run);
  EXPECT_TRUE(opened) << opened.error().text();
  return std::move(*opened);
}

std::vector<SealedReject> PostgresTest::sealed(const Delivery& delivery, const std::vector<Reject>& rejects) {
  std::vector<SealedReject> out;
  for (const Reject& reject : rejects)
    out.push_back({reject, delivery.messages[reject.message].key, std::string("sealed\0\xff", 8)});
  return out;
}

std::vector<Reject> PostgresTest::move(Sink& sink, const Delivery& delivery, Rows& rows, Known* known_out) {
  const Result<Known> known = sink.begin(delivery);
  EXPECT_TRUE(known) << known.error().text();
  if (!known) throw std::runtime_error("begin() failed");
  if (known_out != nullptr) *known_out = *known;
  const std::vector<Batch> batches{rows.batch()};
  Result<std::vector<Reject>> rejects = sink.write(batches, *known);
  EXPECT_TRUE(rejects) << rejects.error().text();
  if (!rejects) throw std::runtime_error("write() failed");
  const Result<void> committed = sink.commit(sealed(delivery, *rejects));
  EXPECT_TRUE(committed) << committed.error().text();
  return std::move(*rejects);
}

}  // namespace sluice::live
