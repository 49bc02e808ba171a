// One call of the binary: its global flags, the project that it names, and what it answers.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice::assembly {

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

// What every command with a project file takes.
struct ProjectArguments {
  std::string file;
  std::vector<std::string> vars;  // NAME=VALUE
  bool for_several = false;       // the variables are for other files, too: this one need not name all of them

  Result<std::map<std::string, std::string>> variables() const;
};

}  // namespace sluice::assembly
