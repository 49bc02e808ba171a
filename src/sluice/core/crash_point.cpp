#include "sluice/core/crash_point.hpp"

#ifdef SLUICE_CRASH_POINTS

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>

namespace sluice {
namespace {

struct Armed {
  std::string name;
  int pass = 1;
};

const Armed& armed() {
  static const Armed value = [] {
    Armed read;
    const char* text = std::getenv("SLUICE_CRASH_AT");
    if (text == nullptr) return read;
    read.name = text;
    if (const std::size_t colon = read.name.find(':'); colon != std::string::npos) {
      read.pass = std::atoi(read.name.c_str() + colon + 1);
      read.name.resize(colon);
    }
    return read;
  }();
  return value;
}

}  // namespace

void crash_point(const char* name) {
  static std::atomic<int> passes{0};
  if (armed().name != name) return;
  if (++passes < armed().pass) return;
  // Said on stderr, so that a test can tell "died here" from "never came here".
  const std::string line = "crash point " + armed().name + "\n";
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) _exit(99);
  kill(getpid(), SIGKILL);
}

}  // namespace sluice

#endif
