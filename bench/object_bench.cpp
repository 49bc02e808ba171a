// What the S3 client itself costs, against the object server on the same machine: one large object written and read,
// many small ones read by several threads. Seconds, and CPU seconds of this process.
//
//   ninja -C build/release object_bench object_server
//   build/release/tests/servers/object_server --port 9911 --bucket bench --delay 10 &
//   build/release/bench/object_bench http://127.0.0.1:9911 [threads]
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "sluice/aws/s3_store.hpp"

namespace {

using namespace sluice;

constexpr std::size_t large_bytes = std::size_t{149} * 1000 * 1000;
constexpr int small_count = 2000;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().text().c_str());
    std::exit(1);
  }
  return std::move(*result);
}

template <class Work>
void measure(const char* what, Work work) {
  const double cpu = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  work();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%-30s %6.3f s, CPU %6.3f s, peak %ld MiB\n", what, seconds, cpu_seconds() - cpu, usage.ru_maxrss / 1024);
}

std::size_t read_all(ObjectStore& store, const ObjectFacts& facts) {
  const auto reader = must(store.open_reader(facts, 0));
  std::size_t bytes = 0;
  while (true) {
    const auto next = must(reader->next());
    if (next.empty()) return bytes;
    bytes += next.size();
  }
}

}  // namespace

int main(int argc, char** argv) {
  aws::S3Options options;
  options.bucket = "bench";
  options.region = "us-east-1";
  options.endpoint = argc > 1 ? argv[1] : "http://127.0.0.1:9911";
  options.own_endpoint = options.path_style = true;
  options.credentials.anonymous = true;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 16;
  const auto store = aws::make_s3_store(options, system_clock());

  const std::string piece(std::size_t{1} << 20U, 'x');
  ObjectFacts large;
  measure("write 149 MB", [&] {
    const auto writer = must(store->open_writer("large", {}));
    for (std::size_t left = large_bytes; left > 0; left -= std::min(left, piece.size())) {
      const auto written = writer->write(std::string_view(piece).substr(0, std::min(left, piece.size())));
      if (!written) std::exit(1);
    }
    large = must(writer->finish());
  });
  measure("read 149 MB", [&] {
    if (read_all(*store, large) != large_bytes) std::exit(1);
  });

  std::vector<ObjectFacts> small;
  const std::string body(10000, 'y');
  const auto on_threads = [&](auto work) {
    std::atomic<int> next{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&] {
        for (int k = next++; k < small_count; k = next++) work(k);
      });
    }
    for (std::thread& worker : workers) worker.join();
  };
  measure("write 2,000 of 10 kB",
          [&] { on_threads([&](int k) { must(store->put("small/" + std::to_string(k), body, {})); }); });
  small = must(find_objects(*store, {ObjectNames::By::prefix, "small/"}));
  measure("read 2,000 of 10 kB", [&] {
    on_threads([&](int k) {
      if (read_all(*store, small[static_cast<std::size_t>(k)]) != body.size()) std::exit(1);
    });
  });
  return 0;
}
