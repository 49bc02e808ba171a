// What stands behind `sluice`: commands, what each takes, and what it does when it is chosen.
//
// A front of CLI11 (https://github.com/CLIUtils/CLI11), whose headers cost every file that includes them as much
// compile time as all the rest of a command. Handles: they are copied freely, and are valid as long as the CommandLine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/cli/session.hpp"

namespace CLI {
class App;
class Option;
class ParseError;
}  // namespace CLI

namespace sluice::cli {

class Argument {
 public:
  explicit Argument(CLI::Option* option) : option_(option) {}

  Argument required() const;
  Argument type(const std::string& name) const;       // what --help calls the value; "": nothing
  Argument shows_default() const;                     // --help says the value that it has now
  Argument from_environment(const char* name) const;  // where it is not given
  Argument between(std::uint64_t least, std::uint64_t most) const;
  Argument one_of(std::vector<std::string> words) const;
  Argument excludes(Argument other) const;
  // One value each time it is given: what follows is another argument.
  Argument repeated() const;

 private:
  CLI::Option* option_;
};

class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  // `value` is what it is without the argument; it must live until parse() is done. `name` is "--name", or "NAME" for
  // an argument that is told by its place.
  Argument option(const std::string& name, std::string& value, const std::string& help) const;
  Argument option(const std::string& name, std::optional<std::string>& value, const std::string& help) const;
  Argument option(const std::string& name, std::vector<std::string>& values, const std::string& help) const;
  Argument option(const std::string& name, char& value, const std::string& help) const;
  Argument option(const std::string& name, int& value, const std::string& help) const;
  Argument option(const std::string& name, unsigned& value, const std::string& help) const;
  Argument option(const std::string& name, std::uint64_t& value, const std::string& help) const;
  Argument flag(const std::string& name, bool& value, const std::string& help) const;
  Argument flag(const std::string& name, int& times, const std::string& help) const;

  // --help of a command ends with its example.
  Command command(const char* name, const char* help, const std::string& example) const;
  void needs_a_command() const;
  // Options of which one may be given at most, under a title of their own.
  Command alternatives(const char* title) const;

  // Of each command, itself included: the names of its commands and its "--options".
  struct Entry {
    std::string path;  // "rejects list"; "" of itself
    std::vector<std::string> words;
  };
  std::vector<Entry> entries() const;

  // What the session is to do when this is chosen, and none of its own commands.
  void does(Session& session, std::function<Result<Answer>()> action) const;

 private:
  CLI::App* app_;
};

class CommandLine {
 public:
  CommandLine(const char* name, const char* help, const char* footer);
  ~CommandLine();

  Command root() const { return Command(app_.get()); }
  void version(const std::string& text, const char* help);

  // True: go on. False: help or the version was asked for, and is printed. Errors (config) repeat no value.
  Result<bool> parse(int argc, char** argv);
  // The names of the commands that were chosen, with spaces.
  std::string chosen() const;
  std::string help() const;

 private:
  std::string refusal(const CLI::ParseError& error) const;
  std::string help_of() const;  // the command that shows the help of what was chosen
  const CLI::App* last_command() const;

  std::unique_ptr<CLI::App> app_;
};

}  // namespace sluice::cli
