// How many rows a second one connection takes, ledger included: keys and seven columns of a login event,
// 5,000 a delivery, into a PostgreSQL that this starts by itself (synchronous_commit and fsync on).
//
//   ninja -C build/release postgres_sink_bench && build/release/tests/live/postgres_sink_bench [ROWS] [A_DELIVERY]
//   [KEYS_BEFORE]
//
// KEYS_BEFORE message keys stand in the ledger at the start, as after some weeks.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "sluice/postgres/open.hpp"
#include "support/postgres_server.hpp"

using namespace sluice;

namespace {

const Schema columns{{"user_id", {Kind::text}},          {"device_type", {Kind::text}}, {"masked_ip", {Kind::text}},
                     {"masked_device_id", {Kind::text}}, {"locale", {Kind::text}},      {"app_version", {Kind::int32}},
                     {"create_date", {Kind::date}}};

// One delivery's columns, filled again for each.
struct Columns {
  explicit Columns(std::size_t count)
      : user(count), device(count), ip(count), id(count), locale(count), version(count), date(count), origin(count) {
    texts.resize(count * 3);
    for (std::size_t i = 0; i < count; ++i) {
      texts[3 * i] = "424cdd21-063a-43a7-b91b-7ca1a83" + std::to_string(10000 + i);
      texts[3 * i + 1] = "v1.k1.AAECAwQFBgcICQoLDA0ODw.ip" + std::to_string(i);
      texts[3 * i + 2] = "v1.k1.AAECAwQFBgcICQoLDA0ODw.device" + std::to_string(i);
      user[i] = Text(texts[3 * i]);
      ip[i] = Text(texts[3 * i + 1]);
      id[i] = Text(texts[3 * i + 2]);
      device[i] = Text(i % 2 == 0 ? "ios" : "android");
      locale[i] = Text("DE");
      version[i] = 2003000;
      date[i] = 20000;
      origin[i] = static_cast<std::uint32_t>(i);
    }
  }
  Batch batch() const {
    Batch out;
    out.schema = std::make_shared<const Schema>(columns);
    for (const void* values : {static_cast<const void*>(user.data()), static_cast<const void*>(device.data()),
                               static_cast<const void*>(ip.data()), static_cast<const void*>(id.data()),
                               static_cast<const void*>(locale.data()), static_cast<const void*>(version.data()),
                               static_cast<const void*>(date.data())}) {
      out.vectors.push_back({values, nullptr});
    }
    out.rows = origin.size();
    out.origin = origin.data();
    return out;
  }
  std::vector<std::string> texts;
  std::vector<Text> user, device, ip, id, locale;
  std::vector<std::int32_t> version, date;
  std::vector<std::uint32_t> origin;
};

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().text().c_str());
    std::exit(1);
  }
  return std::move(*result);
}
void must(const Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "%s\n", result.error().text().c_str());
  std::exit(1);
}

}  // namespace

int main(int count, char** arguments) {
  const auto argument = [&](int at, std::size_t otherwise) {
    return count > at ? std::strtoull(arguments[at], nullptr, 10) : otherwise;
  };
  const std::size_t rows = argument(1, 1000000);
  const std::size_t a_delivery = argument(2, 5000);
  const std::size_t before = argument(3, 1000000);

  const auto server =
      support::PostgresServer::start({.durable = true, .settings = {"max_wal_size=4GB", "shared_buffers=512MB"}});
  server->sql(
      "create table user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256), "
      "masked_device_id varchar(256), "
      "locale varchar(32), app_version integer, create_date date)");
  Settings settings;
  settings.project = "bench";
  settings.values["postgres"] = Setting{server->url(), {}, {}};
  const auto database = must(postgres::open_postgres(settings, system_clock()));
  const Target target{"bench", "user_logins", {"", "user_logins"}, std::nullopt, std::nullopt, columns};
  must(database->prepare(target));
  server->sql(
      "insert into sluice.message (flow, key) select 1, (lpad(to_hex(n * 16), 16, '0') || left(md5(n::text), "
      "16))::uuid "
      "from generate_series(1, " +
      std::to_string(before) + ") n");
  server->sql("vacuum analyze sluice.message");
  server->sql("checkpoint");
  const auto sink = must(database->open_sink(target, 1));

  const Columns values(a_delivery);
  const std::vector<Batch> batches{values.batch()};
  std::mt19937_64 random(1);
  const auto started = std::chrono::steady_clock::now();
  for (std::size_t done = 0; done < rows; done += a_delivery) {
    Delivery delivery;
    delivery.messages.resize(a_delivery);
    for (std::size_t i = 0; i < a_delivery; ++i) {
      // As for a MessageId: the send time in front, shuffled a little, then a hash.
      std::uint64_t time = (before + done + i + random() % 20000) * 16;
      std::uint64_t hash = random();
      for (std::size_t byte = 0; byte < 8; ++byte, time >>= 8U, hash >>= 8U) {
        delivery.messages[i].key.bytes[7 - byte] = static_cast<std::uint8_t>(time);
        delivery.messages[i].key.bytes[15 - byte] = static_cast<std::uint8_t>(hash);
      }
    }
    const Known known = must(sink->begin(delivery));
    if (!must(sink->write(batches, known)).empty()) return 1;
    must(sink->commit({}));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  const SinkSeconds spent = sink->seconds();
  std::printf(
      "%zu rows in %.2f s: %.0f rows/s, %zu a delivery; encode %.2f s, database %.2f s; %s rows and %s keys there; "
      "ledger index+table %s\n",
      rows, seconds, static_cast<double>(rows) / seconds, a_delivery, spent.encode, spent.database,
      server->sql("select count(*) from user_logins").c_str(),
      server->sql("select count(*) from sluice.message").c_str(),
      server->sql("select pg_size_pretty(pg_total_relation_size('sluice.message'))").c_str());
}
