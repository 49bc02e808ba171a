#include "sluice/cli/session.hpp"

#include <iostream>

#include "sluice/cli/command_line.hpp"

namespace sluice::cli {

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
  if (!std::cout) {
    const Error lost{Fault::denied, "stdout: what was to be printed could not be written, or not all of it",
                     "is the disk full? What the command does beside printing is done"};
    std::cerr << "sluice: error: " << lost.text() << '\n';
    return exit_code(lost.fault);
  }
  return 0;
}

void add_project(Command command, ProjectArguments& project) {
  command.option("FILE", project.file, "the project file").required().type("");
  command.option("--var", project.vars, "a value for a variable of the project file; may be repeated")
      .type("NAME=VALUE")
      .repeated();
}

}  // namespace sluice::cli
