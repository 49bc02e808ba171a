#include "sluice/cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "sluice/core/words.hpp"

namespace sluice::cli {
namespace {

void add_options(const CLI::App& app, std::vector<std::string>& out) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (std::ranges::find(out, "--" + name) == out.end()) out.push_back("--" + name);
    }
  }
}

void collect(const CLI::App& app, const std::string& path, std::vector<Command::Entry>& out) {
  const std::vector<const CLI::App*> commands = app.get_subcommands([](const CLI::App*) { return true; });
  Command::Entry entry{path, {}};
  for (const CLI::App* command : commands) {
    if (!command->get_name().empty()) entry.words.push_back(command->get_name());
  }
  add_options(app, entry.words);
  out.push_back(std::move(entry));
  for (const CLI::App* command : commands) {
    if (command->get_name().empty()) {  // a group of options
      add_options(*command, out.back().words);
    } else {
      collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(), out);
    }
  }
}

// What stands behind a command goes up to the one that it belongs to where it does not take it itself. Only what the
// root has (--json, -v) is of every command.
Result<void> nothing_of_the_parent(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr || parent->get_parent() == nullptr) return {};
  for (const CLI::Option* option : parent->get_options()) {
    if (option->count() == 0) continue;
    const std::string command = "`sluice " + parent->get_name();
    return fail(Fault::config,
                option->get_name() + " is of " + command + "` itself: " + command + " " + app.get_name() +
                    "` has no use for it",
                "leave it out; " + command + " " + app.get_name() + " --help` shows what it takes");
  }
  return {};
}

}  // namespace

Argument Argument::required() const {
  option_->required();
  return *this;
}

Argument Argument::type(const std::string& name) const {
  option_->type_name(name);
  return *this;
}

Argument Argument::shows_default() const {
  option_->capture_default_str();
  return *this;
}

Argument Argument::from_environment(const char* name) const {
  option_->envname(name);
  return *this;
}

Argument Argument::between(std::uint64_t least, std::uint64_t most) const {
  option_->check(CLI::Range(least, most, std::to_string(least) + " to " + std::to_string(most)));
  return *this;
}

Argument Argument::one_of(std::vector<std::string> words) const {
  option_->check(CLI::IsMember(std::move(words)));
  return *this;
}

Argument Argument::excludes(Argument other) const {
  option_->excludes(other.option_);
  return *this;
}

Argument Argument::repeated() const {
  option_->allow_extra_args(false);
  return *this;
}

Argument Command::option(const std::string& name, std::string& value, const std::string& help) const {
  return Argument(app_->add_option(name, value, help));
}

Argument Command::option(const std::string& name, std::optional<std::string>& value, const std::string& help) const {
  return Argument(app_->add_option(name, value, help));
}

Argument Command::option(const std::string& name, std::vector<std::string>& values, const std::string& help) const {
  return Argument(app_->add_option(name, values, help));
}

Argument Command::option(const std::string& name, char& value, const std::string& help) const {
  return Argument(app_->add_option(name, value, help));
}

Argument Command::option(const std::string& name, int& value, const std::string& help) const {
  return Argument(app_->add_option(name, value, help));
}

Argument Command::option(const std::string& name, unsigned& value, const std::string& help) const {
  return Argument(app_->add_option(name, value, help));
}

Argument Command::option(const std::string& name, std::uint64_t& value, const std::string& help) const {
  return Argument(app_->add_option(name, value, help));
}

Argument Command::flag(const std::string& name, bool& value, const std::string& help) const {
  return Argument(app_->add_flag(name, value, help));
}

Argument Command::flag(const std::string& name, int& times, const std::string& help) const {
  return Argument(app_->add_flag(name, times, help));
}

Command Command::command(const char* name, const char* help, const std::string& example) const {
  CLI::App* command = app_->add_subcommand(name, help);
  command->footer("Example:\n  " + example);
  command->fallthrough();  // --json, -v and the like may stand behind the command too
  return Command(command);
}

void Command::needs_a_command() const { app_->require_subcommand(1); }

Command Command::alternatives(const char* title) const {
  CLI::Option_group* group = app_->add_option_group(title);
  group->require_option(0, 1);
  return Command(group);
}

std::vector<Command::Entry> Command::entries() const {
  std::vector<Entry> out;
  collect(*app_, "", out);
  return out;
}

void Command::does(Session& session, std::function<Result<Answer>()> action) const {
  app_->callback([app = app_, &session, action = std::move(action)] {
    if (!app->get_subcommands().empty()) return;
    session.action = [app, action]() -> Result<Answer> {
      SLUICE_CHECK(nothing_of_the_parent(*app));
      return action();
    };
  });
}

CommandLine::CommandLine(const char* name, const char* help, const char* footer)
    : app_(std::make_unique<CLI::App>(help, name)) {
  app_->require_subcommand(0, 1);
  app_->footer(footer);
}

CommandLine::~CommandLine() = default;

void CommandLine::version(const std::string& text, const char* help) {
  app_->set_version_flag("--version", text, help);
}

Result<bool> CommandLine::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    // CLI11's message repeats them, and they may be values to be masked or tokens.
    std::string names;
    for (const std::string& word : app_->remaining(true)) {
      if (word.starts_with("--")) names += (names.empty() ? ": " : ", ") + word.substr(0, word.find('='));
    }
    return fail(Fault::config, "arguments that are not expected here" + names, help_of() + " shows what is");
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // help, version
      app_->exit(error);
      return false;
    }
    // CLI11's own codes are not ours: whatever it refuses is the command line's fault.
    return fail(Fault::config, refusal(error), help_of() + " shows what is wanted");
  }
  return true;
}

// In CLI11's words where these name options and commands alone. A value that was typed may be personal, or a secret.
std::string CommandLine::refusal(const CLI::ParseError& error) const {
  const std::string message = error.what();
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const std::vector<std::string> rest = app_->remaining(true);
    std::vector<std::string> commands;
    for (const CLI::App* command : last_command()->get_subcommands([](const CLI::App*) { return true; }))
      commands.push_back(command->get_name());
    const std::string near = rest.empty() || commands.empty() ? "" : nearest(rest.front(), commands);
    return message + (near.empty() ? "" : "; did you mean '" + near + "'?");
  }
  if (dynamic_cast<const CLI::ConversionError*>(&error) == nullptr &&
      dynamic_cast<const CLI::ValidationError*>(&error) == nullptr) {
    return message;
  }
  const std::size_t begin = message.find("--");
  if (begin == std::string::npos) return "an argument cannot be taken as it is";
  const std::size_t end = message.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", begin);
  return message.substr(begin, end - begin) + ": its value cannot be taken";
}

const CLI::App* CommandLine::last_command() const {
  const CLI::App* app = app_.get();
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

std::string CommandLine::help_of() const {
  const std::string command = chosen();
  return "`sluice" + (command.empty() ? "" : " " + command) + " --help`";
}

std::string CommandLine::chosen() const {
  std::string path;
  for (const CLI::App* app = app_.get(); !app->get_subcommands().empty();) {
    app = app->get_subcommands().front();
    path += (path.empty() ? "" : " ") + app->get_name();
  }
  return path;
}

std::string CommandLine::help() const { return app_->help(); }

}  // namespace sluice::cli
