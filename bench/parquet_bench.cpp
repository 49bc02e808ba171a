// How many rows a second become Parquet (zstd), and how many are read again: 7 columns as in the other benchmarks.
//
//   parquet_bench [ROWS]
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "sluice/engine/parquet.hpp"
#include "sluice/objects/memory_store.hpp"

int main(int argc, char** argv) {
  using namespace sluice;
  const std::size_t rows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 2'000'000;
  constexpr std::size_t batch_rows = 2048;
  const auto schema = std::make_shared<const Schema>(Schema{{"id", {Kind::int64}},
                                                            {"day", {Kind::date}},
                                                            {"at", {Kind::timestamp_tz}},
                                                            {"amount", {Kind::decimal, 10, 2}},
                                                            {"country", {Kind::text}},
                                                            {"device", {Kind::text}},
                                                            {"quantity", {Kind::int32}}});
  std::mt19937_64 random(1);
  std::vector<std::int64_t> id(batch_rows);
  std::vector<std::int32_t> day(batch_rows);
  std::vector<std::int64_t> at(batch_rows);
  std::vector<Int128> amount(batch_rows);
  std::vector<Text> country(batch_rows, Text("DE"));
  std::vector<std::string> names(batch_rows);
  std::vector<Text> device(batch_rows);
  std::vector<std::int32_t> quantity(batch_rows);

  objects::MemoryStore store;
  store.piece_bytes = std::size_t{4} << 20U;
  auto out = *store.open_writer("bench.parquet", {});
  auto parquet = *engine::Parquet::open();
  auto writer = *parquet->open_writer(schema, *out, {});
  double filling = 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto since = [](auto from) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
  };
  for (std::size_t done = 0; done < rows; done += batch_rows) {
    const auto before = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < batch_rows; ++i) {
      id[i] = static_cast<std::int64_t>(done + i);
      day[i] = static_cast<std::int32_t>(19000 + random() % 400);
      at[i] = 1'660'000'000'000'000 + static_cast<std::int64_t>(random() % 86'400'000'000);
      amount[i] = static_cast<std::int64_t>(random() % 1'000'000);
      country[i] = Text(random() % 2 == 0 ? "DE" : "EE");
      names[i] = std::to_string(random());
      device[i] = Text(names[i]);
      quantity[i] = static_cast<std::int32_t>(random() % 10);
    }
    filling += since(before);
    Batch batch;
    batch.schema = schema;
    batch.rows = std::min(batch_rows, rows - done);
    for (const void* values : {static_cast<const void*>(id.data()), static_cast<const void*>(day.data()),
                               static_cast<const void*>(at.data()), static_cast<const void*>(amount.data()),
                               static_cast<const void*>(country.data()), static_cast<const void*>(device.data()),
                               static_cast<const void*>(quantity.data())})
      batch.vectors.push_back({values, nullptr});
    if (!writer->write(batch)) return 1;
  }
  if (!writer->finish() || !out->finish()) return 1;
  const double wrote = since(begin);
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  std::printf(
      "written: %zu rows, %zu bytes, %.2f s (%.2f s of it making the values), %.2f M rows/s, CPU %.2f s, %ld MiB\n",
      rows, store.bytes("bench.parquet").size(), wrote, filling, static_cast<double>(rows) / wrote / 1e6,
      static_cast<double>(used.ru_utime.tv_sec) + static_cast<double>(used.ru_utime.tv_usec) / 1e6,
      used.ru_maxrss / 1024);

  Record record;
  for (const Field& field : *schema) record.fields.push_back({.name = field.name, .type = field.type});
  const auto read_begin = std::chrono::steady_clock::now();
  const auto parts = parquet->open_parts(store, {store.facts("bench.parquet")}, record);
  if (!parts->start({false})) return 1;
  Delivery part;
  std::size_t read = 0;
  for (Result<bool> more = parts->next(part); more && *more; more = parts->next(part)) read += part.messages.size();
  const double took = since(read_begin);
  getrusage(RUSAGE_SELF, &used);
  std::printf("read as messages: %zu rows, %.2f s, %.2f M rows/s, %ld MiB in all\n", read, took,
              static_cast<double>(read) / took / 1e6, used.ru_maxrss / 1024);
  return read == rows ? 0 : 1;
}
