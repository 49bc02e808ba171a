// Every sub-command of the binary: one row here, one file beside this one.
#pragma once

#include <span>

#include "sluice/cli/session.hpp"

namespace sluice::cli {

void add_completion(CLI::App& app, Session& session);
void add_demo(CLI::App& app, Session& session);
void add_doctor(CLI::App& app, Session& session);
void add_keys(CLI::App& app, Session& session);
void add_mask(CLI::App& app, Session& session);
void add_plan(CLI::App& app, Session& session);
void add_presign(CLI::App& app, Session& session);
void add_preview(CLI::App& app, Session& session);
void add_rejects(CLI::App& app, Session& session);
void add_run(CLI::App& app, Session& session);
void add_runs(CLI::App& app, Session& session);
void add_scan(CLI::App& app, Session& session);
void add_schema(CLI::App& app, Session& session);
void add_serve(CLI::App& app, Session& session);
void add_test(CLI::App& app, Session& session);
void add_unmask(CLI::App& app, Session& session);
void add_validate(CLI::App& app, Session& session);

// In the order of --help: as a newcomer meets them.
std::span<const Command> commands();

// A sub-command with its one-line help and an example that --help ends with.
CLI::App* add_command(CLI::App& app, const char* name, const char* help, const char* example);

}  // namespace sluice::cli
