// A server's figures in the text format of Prometheus. docs/serve.md lists them.
#pragma once

#include <string>

#include "sluice/web/board.hpp"

namespace sluice::web {

std::string metrics_text(const Board& board, const std::string& version);

}  // namespace sluice::web
