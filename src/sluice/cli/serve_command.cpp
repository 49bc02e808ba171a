// `sluice serve`: follows queues and keeps schedules until it is told to stop.

#include "sluice/assembly/server.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/signals.hpp"

namespace sluice::cli {
namespace {

struct ServeArguments {
  ServeOptions options;
  std::string listen = "127.0.0.1:9464";
  std::string lease = "1m";
};

Result<Answer> serve_projects(ServeArguments& arguments, const Session& session) {
  SLUICE_TRY(arguments.options.listen, web::parse_listen(arguments.listen));
  SLUICE_TRY(arguments.options.lease, parse_duration(arguments.lease));
  if (arguments.options.lease.count() < 1) return fail(Fault::config, "--lease is a time from 1s");
  arguments.options.stop = stop_on_signal();
  return serve(arguments.options, session);
}

}  // namespace

void add_serve(Command app, Session& session) {
  const Command command =
      app.command("serve", "go on until told to stop: queues followed, schedules kept, metrics and health",
                  "sluice serve logins.yaml shop.yaml --listen 127.0.0.1:9464");
  auto arguments = std::make_shared<ServeArguments>();
  command.option("FILE", arguments->options.files, "project files").required().type("");
  command.option("--var", arguments->options.vars, "a value for a variable of the files; may be repeated")
      .type("NAME=VALUE")
      .repeated();
  command
      .option("--listen", arguments->listen,
              "the loopback address of /metrics, /healthz and /readyz; port 0: any free one, which is printed")
      .type("ADDRESS:PORT")
      .from_environment("SLUICE_LISTEN")
      .shows_default();
  command.option("--lease", arguments->lease, "how long a server that died keeps others from a schedule it was running")
      .type("DURATION")
      .from_environment("SLUICE_LEASE")
      .shows_default();
  command.does(session, [arguments, &session] { return serve_projects(*arguments, session); });
}

}  // namespace sluice::cli
