// What every server's main() does: options, a port, serving until SIGTERM.
#pragma once

#include <string>
#include <string_view>

#include "http_loop.hpp"
#include "signature.hpp"

namespace sluice::servers {

// "KEY_ID:SECRET[:TOKEN]"; an empty id when it is no such text.
SigningKey read_signing_key(std::string_view text);

// Prints the port taken (0: any) and serves until SIGTERM or SIGINT. The exit code.
int serve(HttpLoop& loop, int port, const char* name);
// Before any thread or server is made: the signals wait for serve().
void hold_signals();

}  // namespace sluice::servers
