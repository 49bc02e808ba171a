// `sluice demo`: writes the logins project into a folder and runs it twice, so that a newcomer sees in a minute
// what goes in, what comes out, and that a second run adds nothing.
#include <fmt/format.h>

#include <filesystem>

#include "sluice/assembly/connectors.hpp"
#include "sluice/assembly/flow_run.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/demo_commands.hpp"
#include "sluice/cli/signals.hpp"
#include "sluice/demo/events.hpp"
#include "sluice/demo/folder.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t message_count = 100;
constexpr std::uint32_t seed = 20;

struct DemoArguments {
  std::string folder = "sluice-demo";
  std::string postgres;
  std::string aws;
  std::string queue = "login-queue";
};

// The URL is not written into the file: it may hold a password.
std::string connections(const DemoArguments& arguments) {
  const std::string queue =
      arguments.aws.empty()
          ? "  queue:     { spool: queue }           # a local folder that behaves as a queue\n"
          : "  queue:     { sqs: " + arguments.queue + ", region: us-east-1, endpoint: \"${AWS_ENDPOINT_URL:-}\" }\n";
  const std::string warehouse = arguments.postgres.empty() ? "  warehouse: { duckdb: warehouse.duckdb }\n"
                                                           : "  warehouse: { postgres: \"${DATABASE_URL}\" }\n";
  return queue + warehouse;
}

Result<void> make_folder(const DemoArguments& arguments) {
  SLUICE_CHECK(demo::make_folder(arguments.folder));
  SLUICE_CHECK(demo::write_example(arguments.folder, "logins"));
  SLUICE_CHECK(demo::connect_example(arguments.folder, "logins", "logins.yaml", connections(arguments)));
  return mask::Keyring::init((fs::path(arguments.folder) / "keys.json").string());
}

Result<std::unique_ptr<Assembly>> load_demo(const DemoArguments& arguments) {
  project::LoadOptions options;
  options.connectors = connector_kinds();
  options.environment = [&arguments](const std::string& name) -> std::optional<std::string> {
    if (name == "DATABASE_URL") return arguments.postgres;
    if (name == "AWS_ENDPOINT_URL") return arguments.aws;
    return std::nullopt;
  };
  SLUICE_TRY(auto project, project::load((fs::path(arguments.folder) / "logins.yaml").string(), options));
  return assemble(std::move(project), Keys::required);
}

std::size_t column_of(const Rows& rows, const std::string& name) {
  return static_cast<std::size_t>(std::ranges::find(rows.names, name) - rows.names.begin());
}

Result<std::string> rows_text(const Assembly& assembly, OpenFlow& open) {
  SLUICE_TRY(const Rows rows, open.database->first_rows(open.target.table, 4));
  SLUICE_TRY(const std::uint64_t count, open.database->count_rows(open.target.table));
  Table table(rows.names);
  for (const Cells& row : rows.rows) {
    std::vector<std::string> cells;
    for (const auto& cell : row) cells.push_back(printable(cell.value_or("NULL"), 30));
    table.add(std::move(cells));
  }
  std::string text = "\nThe table user_logins has " + thousands(count) + " rows; the first:\n" + table.text();
  const std::size_t masked = column_of(rows, "masked_ip");
  if (rows.rows.empty() || masked == rows.names.size() || !rows.rows[0][masked]) return text;
  const std::string token = *rows.rows[0][masked];
  SLUICE_TRY(const mask::MaskKind* kind, mask::find_mask("mask_siv"));
  SLUICE_TRY(auto unmasker, mask::Unmasker::open(*kind, &*assembly.keyring, {"ip"}));
  SLUICE_TRY(const std::string value, unmasker.unmask(token));
  text +=
      "\nThe key holder gets an address back:\n  sluice unmask keys.json --domain ip " + token + "\n  " + value + "\n";
  return text;
}

Result<std::string> rejects_text(OpenFlow& open) {
  SLUICE_TRY(const auto rejects, open.database->ledger().rejects(open.target, 5, false));
  Table table({"stage", "reason", "column", "what"});
  for (const RejectRecord& reject : rejects) {
    table.add({std::string(to_string(reject.stage)), reject.reason, reject.column, reject.text});
  }
  return "\nThe message that broke the contract is kept, sealed, with its reason:\n" + table.text();
}

std::string next_steps(const DemoArguments& arguments) {
  const bool real = !arguments.postgres.empty() || !arguments.aws.empty();
  std::string text = "\nNext:\n  cd " + arguments.folder + "\n";
  if (real) text += "  export DATABASE_URL=...  AWS_ENDPOINT_URL=...   # as given to the demo\n";
  return text +
         "  sluice plan logins.yaml              # what a run does, column by column\n"
         "  sluice rejects list logins.yaml      # then: rejects show logins.yaml ID\n"
         "  sluice run logins.yaml               # again: nothing new\n";
}

Result<Answer> demo(const DemoArguments& arguments) {
  SLUICE_CHECK(make_folder(arguments));
  SLUICE_TRY(const auto assembly, load_demo(arguments));
  const project::Flow& flow = assembly->project.flows.front();
  SLUICE_TRY(OpenFlow open, open_flow(*assembly, flow));
  SLUICE_CHECK(open.queue->facts(std::chrono::seconds(10)));
  SLUICE_CHECK(open.queue->send(demo::login_events(message_count, seed)));
  open = {};  // an embedded database takes one connection at a time

  Answer answer;
  answer.text =
      fmt::format("Wrote a project into {} and put {} login events into its queue.\n", arguments.folder, message_count);
  FlowRunOptions options;
  options.queue_wait = std::chrono::seconds(10);
  options.stop = stop_on_signal();
  answer.result["runs"] = Json::array();
  for (const char* title :
       {"\nFirst run: sluice run logins.yaml\n", "\nSecond run: nothing is left, and nothing is written twice\n"}) {
    SLUICE_TRY(runtime::RunOutcome outcome, run_flow(*assembly, flow, options));
    answer.text += title + report_text(flow.name, outcome.report);
    answer.result["runs"].push_back(report_json(flow.name, outcome.report));
    if (outcome.error) {
      answer.error = std::move(outcome.error);
      return answer;
    }
  }
  SLUICE_TRY(open, open_flow(*assembly, flow));
  SLUICE_TRY(const std::string rows, rows_text(*assembly, open));
  SLUICE_TRY(const std::string rejects, rejects_text(open));
  answer.text += rows + rejects + next_steps(arguments);
  answer.summary = "the demo ran twice in " + arguments.folder;
  answer.result["folder"] = arguments.folder;
  return answer;
}

}  // namespace

void add_demo(Command app, Session& session) {
  const Command command =
      app.command("demo", "write a project into a folder and run it, without any account: logins, or shop or loans",
                  "sluice demo my-demo");
  auto arguments = std::make_shared<DemoArguments>();
  command.option("DIR", arguments->folder, "where to write it").type("").shows_default();
  command.option("--postgres", arguments->postgres, "a PostgreSQL database instead of a DuckDB file").type("URL");
  command.option("--aws", arguments->aws, "an SQS endpoint instead of a local folder").type("URL");
  command.option("--queue", arguments->queue, "the queue there; it must exist").type("NAME").shows_default();
  add_demo_shop(command, session);
  add_demo_loans(command, session);
  command.does(session, [arguments] { return demo(*arguments); });
}

}  // namespace sluice::cli
