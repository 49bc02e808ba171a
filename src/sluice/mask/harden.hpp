// Keeps what is in memory from reaching a disk.
#pragma once

namespace sluice::mask {

// Turns core dumps off, for this process and those it starts, and keeps other processes of the same user out of this
// one's memory. Call it first in main().
void harden_process();

}  // namespace sluice::mask
