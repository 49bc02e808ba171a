// What a command does with the session: the project file among its options, and how its answer or error is printed.
#pragma once

#include "sluice/assembly/session.hpp"

namespace sluice::cli {

// Commands are written in the words of what they put together and run: Session, Answer, Assembly, Table ...
using namespace assembly;

class Command;

// Adds FILE and --var NAME=VALUE, which every command with a project file has.
void add_project(Command command, ProjectArguments& project);

// Prints what came of the action; gives the exit code.
int finish(const Session& session, const Result<Answer>& answer);

}  // namespace sluice::cli
