#include "sluice/assembly/session.hpp"

#include <unistd.h>

#include "sluice/project/variables.hpp"

namespace sluice::assembly {

bool Session::terminal() const { return !quiet && !json && isatty(STDERR_FILENO) == 1; }

Result<std::map<std::string, std::string>> ProjectArguments::variables() const {
  std::map<std::string, std::string> out;
  for (const std::string& text : vars) {
    const std::size_t equals = text.find('=');
    if (!project::Variables::is_name(text.substr(0, equals)) || equals == std::string::npos) {
      return fail(Fault::config, "--var takes NAME=VALUE", "for example --var bucket=my-bucket");
    }
    out[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return out;
}

}  // namespace sluice::assembly
