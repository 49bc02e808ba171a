// The binary's front: global flags, the choice of a command, the exit code.
//
// Exit codes: 0 done, 1 failed, 2 configuration or command line, 3 environment, 4 data, 128+n on a second signal.
#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <string_view>

#include "sluice/assembly/version.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/session.hpp"
#include "sluice/cli/signals.hpp"
#include "sluice/core/log.hpp"
#include "sluice/engine/select.hpp"
#include "sluice/mask/harden.hpp"

namespace sluice::cli {
namespace {

std::string version_text() {
  const int libpq = PQlibVersion();
  return fmt::format("sluice {} (commit {}; DuckDB {}; libpq {}.{})", version_number(), commit(),
                     engine::duckdb_version(), libpq / 10000, libpq % 10000);
}

void configure_logs(const Session& session) {
  log::Level level = log::Level::info;
  if (session.quiet) level = log::Level::error;
  if (session.verbose > 0) level = log::Level::debug;
  log::configure(level, session.log_format == "json" ? log::Format::json : log::Format::logfmt);
}

int run_main(int argc, char** argv) {
  Session session;
  CommandLine line("sluice",
                   "Moves rows between queues, objects and databases, exactly once, personal data masked; builds and "
                   "tests SQL models.",
                   "`sluice COMMAND --help` shows a command's options and an example. Start with `sluice demo`.");
  line.version(version_text(), "the versions of sluice, DuckDB and libpq");
  const Command root = line.root();
  root.flag("--json", session.json, "print one JSON object on stdout: {command, ok, summary, result, error}")
      .from_environment("SLUICE_JSON");
  root.flag("-q,--quiet", session.quiet, "log errors only").from_environment("SLUICE_QUIET");
  root.flag("-v,--verbose", session.verbose, "log what is done in detail");
  root.option("--log-format", session.log_format, "how logs are written on stderr")
      .one_of({"logfmt", "json"})
      .from_environment("SLUICE_LOG_FORMAT");
  for (const CommandRow& command : commands()) command.add(root, session);
  const Result<bool> go_on = line.parse(argc, argv);
  session.command = line.chosen();
  if (!go_on) {
    // What was refused may stand before the flag, which is not read then.
    session.json = session.json || std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
    return finish(session, fail(go_on.error()));
  }
  if (!*go_on) return 0;
  if (!session.action) {
    std::cout << line.help();
    return session.command.empty() ? 0 : exit_code(Fault::config);
  }
  configure_logs(session);
  mask::harden_process();
  stop_on_signal();  // before any thread is made
  return finish(session, session.action());
}

}  // namespace
}  // namespace sluice::cli

int main(int argc, char** argv) {
  try {
    return sluice::cli::run_main(argc, argv);
  } catch (const std::exception&) {
    // What a library threw may quote a value: only that it happened is said.
    std::cerr << "sluice: error: an unexpected exception ended the command; this is a bug\n";
    return 1;
  }
}
