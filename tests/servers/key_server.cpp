// KMS and Secrets Manager on loopback, by AWS JSON 1.1. Prints its port and serves until SIGTERM or SIGINT. See
// README.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "key_service.hpp"
#include "server_main.hpp"

int main(int argc, char** argv) {
  using namespace sluice::servers;
  int port = 0;
  std::string signing = "AKIDEXAMPLE:secret";
  KeyServiceOptions options;
  CLI::App app{"A double of AWS KMS and Secrets Manager on 127.0.0.1"};
  app.add_option("--port", port, "0 takes a free one");
  app.add_option("--region", options.region, "of every key and secret");
  app.add_option("--kms-key", options.kms_keys, "the id of a key that is made at the start; may be repeated");
  app.add_option("--check-signature", signing, "KEY_ID:SECRET[:TOKEN]: every request must be signed by it");
  CLI11_PARSE(app, argc, argv);
  options.key = read_signing_key(signing);
  hold_signals();
  std::unique_ptr<KeyService> service;
  HttpLoop loop([&service](HttpLoop::Ticket ticket, const HttpRequest& request) { service->handle(ticket, request); });
  service = std::make_unique<KeyService>(options, loop);
  return serve(loop, port, "key_server");
}
