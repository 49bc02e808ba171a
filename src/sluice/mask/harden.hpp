// Keeps what is in memory from reaching a disk.
#pragma once

namespace sluice::mask {

// Turns core dumps off, for this process and those it starts. Call it first in main().
void harden_process();

}  // namespace sluice::mask
