#include "sluice/mask/harden.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

#include "sluice/mask/must.hpp"

namespace sluice::mask {

void harden_process() {
  // No core either where a handler ignores the limit; and no other process of this user can attach to this one, or
  // read its memory or environment. Programs that it starts are as they would be.
  prctl(PR_SET_DUMPABLE, 0);
  // One byte, not zero: Linux ignores a limit of 0 where cores are piped to a program (core(5)), but takes 1
  // for "none" there, and 1 is less than any core file needs.
  const rlimit one{1, 1};
  if (setrlimit(RLIMIT_CORE, &one) == 0) return;
  const rlimit none{0, 0};  // the hard limit was 0 before
  setrlimit(RLIMIT_CORE, &none);
}

void stop(const char* what) {
  std::fprintf(stderr, "sluice: %s failed; stopped before anything unmasked could get out\n", what);
  std::abort();
}

}  // namespace sluice::mask
