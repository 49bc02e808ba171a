// Stops the process where cryptography cannot do its work.
//
// A primitive that fails with a good key (out of memory, a broken library) has no answer that is safe to
// go on with: a clear or an empty value would come out. This is checked in release builds, too.
#pragma once

namespace sluice::mask {

// Prints `what` and aborts; `what` is fixed text, never a value.
[[noreturn]] void stop(const char* what);

inline void must(bool ok, const char* what) {
  if (!ok) [[unlikely]]
    stop(what);
}

}  // namespace sluice::mask
