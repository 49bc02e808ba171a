// Every sub-command of the binary: one row here, one file beside this one.
#pragma once

#include <span>

#include "sluice/cli/command_line.hpp"
#include "sluice/cli/session.hpp"

namespace sluice::cli {

// A sub-command's name, and what adds its options to the command line and its action to the session.
struct CommandRow {
  const char* name;
  void (*add)(Command app, Session& session);
};

void add_completion(Command app, Session& session);
void add_demo(Command app, Session& session);
void add_doctor(Command app, Session& session);
void add_keys(Command app, Session& session);
void add_mask(Command app, Session& session);
void add_plan(Command app, Session& session);
void add_presign(Command app, Session& session);
void add_preview(Command app, Session& session);
void add_rejects(Command app, Session& session);
void add_run(Command app, Session& session);
void add_runs(Command app, Session& session);
void add_scan(Command app, Session& session);
void add_schema(Command app, Session& session);
void add_serve(Command app, Session& session);
void add_test(Command app, Session& session);
void add_unmask(Command app, Session& session);
void add_validate(Command app, Session& session);

// In the order of --help: as a newcomer meets them.
std::span<const CommandRow> commands();

}  // namespace sluice::cli
