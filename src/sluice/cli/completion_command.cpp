// `sluice completion`: completion of commands and options for a shell, made from the command line itself.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "sluice/cli/commands.hpp"

namespace sluice::cli {
namespace {

struct Entry {
  std::string path;   // "rejects list"
  std::string words;  // its sub-commands and options
};

void collect(const CLI::App& app, const std::string& path, std::vector<Entry>& out) {
  std::string words;
  for (const CLI::App* command : app.get_subcommands({})) words += command->get_name() + " ";
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  }
  if (!words.empty()) words.pop_back();
  out.push_back({path, words});
  for (const CLI::App* command : app.get_subcommands({})) {
    collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(), out);
  }
}

std::string bash(const std::vector<Entry>& entries) {
  std::string cases;
  for (const Entry& entry : entries) cases += "    \"" + entry.path + "\") words=\"" + entry.words + "\" ;;\n";
  return "# Load with: source <(sluice completion bash)\n"
         "_sluice() {\n"
         "  local path=\"\" word words=\"\"\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$word\" in -* | *.* | */*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
         "  done\n"
         "  case \"$path\" in\n" +
         cases +
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"; compgen -f -- "
         "\"${COMP_WORDS[COMP_CWORD]}\")\n"
         "}\n"
         "complete -o filenames -F _sluice sluice\n";
}

std::string fish(const std::vector<Entry>& entries) {
  std::string out = "# Load with: sluice completion fish | source\n";
  for (const Entry& entry : entries) {
    if (entry.path.find(' ') != std::string::npos) continue;
    const std::string when = entry.path.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + entry.path;
    std::string word;
    for (const char c : entry.words + " ") {
      if (c != ' ') {
        word += c;
      } else {
        out += "complete -c sluice -n '" + when + "' " +
               (word.starts_with("--") ? "-l " + word.substr(2) : "-a " + word) + "\n";
        word.clear();
      }
    }
  }
  return out;
}

}  // namespace

void add_completion(CLI::App& app, Session& session) {
  CLI::App* command =
      add_command(app, "completion", "completion for bash, zsh or fish", "source <(sluice completion bash)");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->type_name("")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, shell, &session] {
    session.action = [&app, shell]() -> Result<Answer> {
      std::vector<Entry> entries;
      collect(app, "", entries);
      Answer answer;
      if (*shell == "fish") {
        answer.text = fish(entries);
      } else if (*shell == "zsh") {
        answer.text = "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n" + bash(entries);
      } else {
        answer.text = bash(entries);
      }
      answer.result = {{"shell", *shell}, {"script", answer.text}};
      answer.summary = "completion for " + *shell;
      return answer;
    };
  });
}

}  // namespace sluice::cli
