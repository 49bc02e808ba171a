#include "server_main.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace sluice::servers {
namespace {

sigset_t stops() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

SigningKey read_signing_key(std::string_view text) {
  const std::size_t first = text.find(':');
  if (first == std::string_view::npos) return {};
  const std::size_t second = text.find(':', first + 1);
  SigningKey key{std::string(text.substr(0, first)), std::string(text.substr(first + 1, second - first - 1))};
  if (second != std::string_view::npos) key.token = text.substr(second + 1);
  return key;
}

void hold_signals() {
  const sigset_t set = stops();
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

int serve(HttpLoop& loop, int port, const char* name) {
  const sigset_t set = stops();
  const int stop_fd = signalfd(-1, &set, SFD_CLOEXEC);
  port = loop.listen(port);
  if (port == 0) {
    std::perror((std::string(name) + ": cannot listen on 127.0.0.1").c_str());
    return 1;
  }
  std::printf("%d\n", port);
  std::fflush(stdout);
  loop.run(stop_fd);
  ::close(stop_fd);
  return 0;
}

}  // namespace sluice::servers
