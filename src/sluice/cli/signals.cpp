#include "sluice/cli/signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "sluice/core/log.hpp"

namespace sluice::cli {
namespace {

std::stop_source stop_source;

// Waits for the signals by sigwait, where any code may run; a handler could do next to nothing.
void wait_for_signals(sigset_t set) {
  int signal = 0;
  if (sigwait(&set, &signal) != 0) return;
  log::info("stopping: what is open is committed, the rest is given back; a second signal ends at once");
  stop_source.request_stop();
  if (sigwait(&set, &signal) != 0) return;
  _exit(128 + signal);
}

}  // namespace

std::stop_token stop_on_signal() {
  static const bool once = [] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    // Blocked before any other thread is made, so that all inherit it and only sigwait sees them.
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::thread(wait_for_signals, set).detach();
    return true;
  }();
  static_cast<void>(once);
  return stop_source.get_token();
}

}  // namespace sluice::cli
