#include "sluice/cli/commands.hpp"

#include <array>

namespace sluice::cli {
namespace {

// clang-format off: a row a command
constexpr std::array command_table{
    CommandRow{"demo", &add_demo},
    CommandRow{"run", &add_run},
    CommandRow{"serve", &add_serve},
    CommandRow{"validate", &add_validate},
    CommandRow{"test", &add_test},
    CommandRow{"doctor", &add_doctor},
    CommandRow{"plan", &add_plan},
    CommandRow{"preview", &add_preview},
    CommandRow{"presign", &add_presign},
    CommandRow{"rejects", &add_rejects},
    CommandRow{"runs", &add_runs},
    CommandRow{"keys", &add_keys},
    CommandRow{"mask", &add_mask},
    CommandRow{"unmask", &add_unmask},
    CommandRow{"scan", &add_scan},
    CommandRow{"schema", &add_schema},
    CommandRow{"completion", &add_completion},
};
// clang-format on

}  // namespace

std::span<const CommandRow> commands() { return command_table; }

}  // namespace sluice::cli
