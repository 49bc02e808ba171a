// An object server for tests and benchmarks: S3 on loopback, strict, quick and able to fail on purpose. Prints its
// port on stdout and serves until SIGTERM or SIGINT.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "object_service.hpp"
#include "server_main.hpp"

int main(int argc, char** argv) {
  using namespace sluice::servers;
  int port = 0;
  int delay = 0;
  std::string signing;
  std::vector<std::string> fault_texts;
  std::vector<std::string> buckets;
  ObjectServiceOptions options;
  CLI::App app{"A double of S3 on 127.0.0.1"};
  app.add_option("--port", port, "0 takes a free one");
  app.add_option("--delay", delay, "milliseconds before every answer");
  app.add_option("--region", options.region, "of every bucket");
  app.add_option("--bucket", buckets, "made at the start; may be repeated");
  app.add_option("--seed", options.seed);
  app.add_option("--fault", fault_texts, "NAME[,action=A][,count=N][,skip=N][,probability=P][,ms=N]; may be repeated");
  app.add_option("--check-signature", signing, "KEY_ID:SECRET[:TOKEN]: refuse requests not signed by it");
  CLI11_PARSE(app, argc, argv);

  options.delay = std::chrono::milliseconds{delay};
  if (!signing.empty()) options.key = read_signing_key(signing);
  if (options.key && options.key->id.empty()) {
    std::fputs("object_server: --check-signature wants KEY_ID:SECRET\n", stderr);
    return 2;
  }
  hold_signals();
  std::unique_ptr<ObjectService> service;
  HttpLoop loop([&service](HttpLoop::Ticket ticket, const HttpRequest& request) { service->handle(ticket, request); });
  service = std::make_unique<ObjectService>(options, loop);
  for (const std::string& bucket : buckets) service->make_bucket(bucket);
  for (const std::string& text : fault_texts) {
    std::string problem;
    if (!service->add_fault(read_parameters(text, ','), problem)) {
      std::fprintf(stderr, "object_server: %s\n", problem.c_str());
      return 2;
    }
  }
  return serve(loop, port, "object_server");
}
