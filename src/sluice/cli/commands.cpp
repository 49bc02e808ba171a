#include "sluice/cli/commands.hpp"

#include <CLI/CLI.hpp>
#include <array>

namespace sluice::cli {
namespace {

// clang-format off: a row a command
constexpr std::array command_table{
    Command{"demo", &add_demo},
    Command{"run", &add_run},
    Command{"serve", &add_serve},
    Command{"validate", &add_validate},
    Command{"test", &add_test},
    Command{"doctor", &add_doctor},
    Command{"plan", &add_plan},
    Command{"preview", &add_preview},
    Command{"presign", &add_presign},
    Command{"rejects", &add_rejects},
    Command{"runs", &add_runs},
    Command{"keys", &add_keys},
    Command{"mask", &add_mask},
    Command{"unmask", &add_unmask},
    Command{"scan", &add_scan},
    Command{"schema", &add_schema},
    Command{"completion", &add_completion},
};
// clang-format on

}  // namespace

std::span<const Command> commands() { return command_table; }

CLI::App* add_command(CLI::App& app, const char* name, const char* help, const char* example) {
  CLI::App* command = app.add_subcommand(name, help);
  command->footer(std::string("Example:\n  ") + example);
  command->fallthrough();  // --json, -v and the like may stand behind the command too
  return command;
}

}  // namespace sluice::cli
