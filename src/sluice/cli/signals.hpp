// The first SIGINT or SIGTERM asks for a stop: what is open is committed, the rest given back. The second
// ends the process at once, with 128 + the signal's number.
#pragma once

#include <stop_token>

namespace sluice::cli {

// Installs the handlers on first use; the token is stopped from a thread of its own.
std::stop_token stop_on_signal();

}  // namespace sluice::cli
