// `sluice completion`: completion of commands and options for a shell, made from the command line itself.
#include <algorithm>

#include "sluice/cli/commands.hpp"

namespace sluice::cli {
namespace {

using Entry = Command::Entry;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string bash(const std::vector<Entry>& entries) {
  std::string cases;
  for (const Entry& entry : entries) cases += "    \"" + entry.path + "\") words=\"" + joined(entry.words) + "\" ;;\n";
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
    for (const std::string& word : entry.words) {
      out += "complete -c sluice -n '" + when + "' " +
             (word.starts_with("--") ? "-l " + word.substr(2) : "-a " + word) + "\n";
    }
  }
  return out;
}

}  // namespace

void add_completion(Command app, Session& session) {
  const Command command =
      app.command("completion", "completion for bash, zsh or fish", "source <(sluice completion bash)");
  auto shell = std::make_shared<std::string>();
  command.option("SHELL", *shell, "bash, zsh or fish").required().type("").one_of({"bash", "zsh", "fish"});
  command.does(session, [app, shell]() -> Result<Answer> {
    const std::vector<Entry> entries = app.entries();
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
  });
}

}  // namespace sluice::cli
