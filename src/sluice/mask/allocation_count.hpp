// Counts what C++ and OpenSSL allocate, in the test binary that this is linked into.
#pragma once

namespace sluice::mask {

long allocations();                // since the start, by all threads
bool openssl_allocations_count();  // false: OpenSSL had allocated before it could be asked to count

}  // namespace sluice::mask
