#include "sluice/cli/session.hpp"

#include "sluice/cli/command_line.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace sluice::cli {

bool Session::terminal() const { return !quiet && !json && isatty(STDERR_FILENO) == 1; }

int finish(const Session& session, const Result<Answer>& answer) {
  const Error* error = nullptr;
  if (!answer) {
    error = &answer.error();
  } else if (answer->error) {
    error = &*answer->error;
  }
  if (session.json) {
    Json object;
    object["command"] = session.command;
    object["ok"] = error == nullptr;
    object["summary"] = answer ? answer->summary : "";
    object["result"] = answer ? answer->result : Json(nullptr);
    if (error == nullptr) {
      object["error"] = nullptr;
    } else {
      object["error"] = {{"message", error->message}, {"hint", error->hint}, {"exit_code", exit_code(error->fault)}};
    }
    std::cout << object.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  } else if (answer) {
    std::cout << answer->text;
  }
  std::cout.flush();
  if (error != nullptr) {
    std::cerr << "sluice: error: " << error->text() << '\n';
    return exit_code(error->fault);
  }
  return 0;
}

void ProjectArguments::add_to(Command command) {
  command.option("FILE", file, "the project file").required().type("");
  command.option("--var", vars, "a value for a variable of the project file; may be repeated")
      .type("NAME=VALUE")
      .repeated();
}

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

}  // namespace sluice::cli
