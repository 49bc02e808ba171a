// Named places at which a test build can be made to die, as `kill -9` would.
//
// Armed by SLUICE_CRASH_AT=name or name:n (at the nth pass). Release builds have none of this.
#pragma once

#ifdef SLUICE_CRASH_POINTS
namespace sluice {
void crash_point(const char* name);
}
#define SLUICE_CRASH_POINT(name) ::sluice::crash_point(name)
#else
#define SLUICE_CRASH_POINT(name) static_cast<void>(0)
#endif
