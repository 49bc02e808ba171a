// The binary's front: global flags, the choice of a command, the exit code.
//
// Exit codes: 0 done, 1 failed, 2 configuration or command line, 3 environment, 4 data, 128+n on a second signal.
#include <fmt/format.h>
#include <libpq-fe.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "sluice/cli/commands.hpp"
#include "sluice/cli/session.hpp"
#include "sluice/cli/signals.hpp"
#include "sluice/cli/version.hpp"
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
  CLI::App app("Moves login events and other rows from queues into databases, each exactly once, personal data masked.",
               "sluice");
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", version_text(), "the versions of sluice, DuckDB and libpq");
  app.add_flag("--json", session.json, "print one JSON object on stdout: {command, ok, summary, result, error}")
      ->envname("SLUICE_JSON");
  app.add_flag("-q,--quiet", session.quiet, "log errors only")->envname("SLUICE_QUIET");
  app.add_flag("-v,--verbose", session.verbose, "log what is done in detail");
  app.add_option("--log-format", session.log_format, "how logs are written on stderr")
      ->check(CLI::IsMember({"logfmt", "json"}))
      ->envname("SLUICE_LOG_FORMAT");
  app.footer("`sluice COMMAND --help` shows a command's options and an example. Start with `sluice demo`.");
  for (const Command& command : commands()) command.add(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11's own codes are not ours: whatever it refuses is the command line's fault.
    return app.exit(error) == 0 ? 0 : exit_code(Fault::config);
  }
  if (!session.action) {
    std::cout << app.help();
    return app.get_subcommands().empty() ? 0 : exit_code(Fault::config);
  }
  for (const CLI::App* chosen = &app; !chosen->get_subcommands().empty();) {
    chosen = chosen->get_subcommands().front();
    session.command += (session.command.empty() ? "" : " ") + chosen->get_name();
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
