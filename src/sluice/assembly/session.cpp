#include "sluice/assembly/session.hpp"

#include <unistd.h>

namespace sluice::assembly {

bool Session::terminal() const { return !quiet && !json && isatty(STDERR_FILENO) == 1; }

Result<std::map<std::string, std::string>> ProjectArguments::variables() const {
  std::map<std::string, std::string> out;
  for (const std::string& text : vars) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return fail(Fault::config, "--var takes NAME=VALUE", "for example --var bucket=my-bucket");
    }
    out[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return out;
}

}  // namespace sluice::assembly
