// Tests that kill the process at a named point need a build that has such points: `make test` makes one.
#pragma once

#ifdef SLUICE_CRASH_POINTS
#define SLUICE_NEEDS_CRASH_POINTS() static_cast<void>(0)
#else
#define SLUICE_NEEDS_CRASH_POINTS() GTEST_SKIP() << "this build has no crash points"
#endif
