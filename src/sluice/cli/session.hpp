// One call of the binary: its global flags, and how an answer or an error is printed.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice::cli {

class Command;

using Json = nlohmann::ordered_json;

// What a command gives back. With --json the result is printed, else the text.
struct Answer {
  std::string text;              // for a person, on stdout
  Json result = Json::object();  // for a program
  std::string summary;           // one sentence
  std::optional<Error> error{};  // it went wrong in the end; text and result still hold
};

struct Session {
  bool json = false;
  bool quiet = false;
  int verbose = 0;
  std::string log_format = "logfmt";
  std::string command;                     // the sub-command that was chosen
  std::function<Result<Answer>()> action;  // set by it

  bool terminal() const;  // stderr is one, and nothing forbids to use it: a live line may be drawn
};

// A sub-command's name, and what adds its options to the command line and its action to the session.
struct CommandRow {
  const char* name;
  void (*add)(Command app, Session& session);
};

// Prints what came of the action; gives the exit code.
int finish(const Session& session, const Result<Answer>& answer);

// The option that every command with a project file has: --var NAME=VALUE, repeated.
struct ProjectArguments {
  std::string file;
  std::vector<std::string> vars;

  void add_to(Command command);
  Result<std::map<std::string, std::string>> variables() const;
};

}  // namespace sluice::cli
