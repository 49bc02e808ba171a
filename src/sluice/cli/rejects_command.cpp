// `sluice rejects list | show | replay | drop`: what was refused, why, and another try.
#include <iostream>
#include <map>

#include "sluice/assembly/flow_run.hpp"
#include "sluice/assembly/reject_source.hpp"
#include "sluice/assembly/table.hpp"
#include "sluice/cli/audit.hpp"
#include "sluice/cli/commands.hpp"
#include "sluice/cli/signals.hpp"
#include "sluice/core/words.hpp"
#include "sluice/mask/seal.hpp"

namespace sluice::cli {
namespace {

struct RejectArguments {
  ProjectArguments project;
  std::string flow;
  std::vector<std::string> ids;
  std::size_t most = 100;
  bool all = false;
  AuditOptions audit;  // of show
};

// At most this many at once: their payloads are in memory.
constexpr std::size_t replay_max = 10000;

struct Opened {
  std::unique_ptr<Assembly> assembly;
  OpenFlow flow;
};

Result<Opened> open(const RejectArguments& arguments) {
  Opened opened;
  SLUICE_TRY(opened.assembly, assemble(arguments.project, Keys::always));
  SLUICE_TRY(const project::Flow* flow, find_flow(opened.assembly->project, arguments.flow));
  SLUICE_TRY(opened.flow, open_flow(*opened.assembly, *flow));
  return opened;
}

Result<std::vector<Key>> parse_ids(const std::vector<std::string>& texts) {
  std::vector<Key> ids;
  for (const std::string& text : texts) {
    Key id;
    if (!parse_uuid(text, id))
      return fail(Fault::config, "'" + printable(text, 40) + "' is no reject's id",
                  "`sluice rejects list` shows the ids");
    ids.push_back(id);
  }
  return ids;
}

Result<runtime::Envelope> open_payload(const Opened& opened, const RejectRecord& record) {
  SLUICE_TRY(const std::string packed, mask::unseal(*opened.assembly->keyring, record.payload, opened.flow.flow->name));
  return runtime::unpack(packed);
}

Result<Answer> list(const RejectArguments& arguments) {
  SLUICE_TRY(const Opened opened, open(arguments));
  SLUICE_TRY(const auto records, opened.flow.database->ledger().rejects(opened.flow.target, arguments.most, false));
  Answer answer;
  Table table({"id", "at (UTC)", "run", "stage", "reason", "column", "what"});
  answer.result["rejects"] = Json::array();
  for (const RejectRecord& record : records) {
    table.add({to_uuid(record.id), time_text(record.at), std::to_string(record.run),
               std::string(to_string(record.stage)), record.reason, record.column, record.text});
    answer.result["rejects"].push_back({{"id", to_uuid(record.id)},
                                        {"at", time_text(record.at)},
                                        {"run", record.run},
                                        {"key", to_uuid(record.key)},
                                        {"stage", to_string(record.stage)},
                                        {"reason", record.reason},
                                        {"column", record.column},
                                        {"what", record.text}});
  }
  answer.text = records.empty() ? "no rejects\n" : table.text(0);
  answer.summary = std::to_string(records.size()) + " rejects";
  return answer;
}

Result<Answer> show(const RejectArguments& arguments) {
  SLUICE_TRY(const Opened opened, open(arguments));
  SLUICE_TRY(const auto ids, parse_ids(arguments.ids));
  Json looked = {{"command", "rejects show"},
                 {"project", opened.assembly->project.name},
                 {"flow", opened.flow.flow->name},
                 {"rejects", Json::array()}};
  for (const Key& id : ids) looked["rejects"].push_back(to_uuid(id));
  SLUICE_CHECK(arguments.audit.write(opened.assembly->project.keys_file, looked));
  Answer answer;
  answer.result["rejects"] = Json::array();
  for (const Key& id : ids) {
    SLUICE_TRY(const auto record, opened.flow.database->ledger().reject(opened.flow.target, id));
    if (!record) return fail(Fault::config, "there is no reject " + to_uuid(id), "`sluice rejects list` shows the ids");
    SLUICE_TRY(const runtime::Envelope envelope, open_payload(opened, *record));
    answer.text += "reject " + to_uuid(id) + ": " + record->reason +
                   (record->column.empty() ? "" : " in " + record->column) + ": " + record->text + "\nmessage " +
                   envelope.message_id + ", sent " + time_text(envelope.sent_at) + " UTC, received " +
                   std::to_string(envelope.receive_count) + " times\n" + printable(envelope.body, 1U << 20U) + "\n";
    answer.result["rejects"].push_back({{"id", to_uuid(id)},
                                        {"reason", record->reason},
                                        {"column", record->column},
                                        {"message_id", envelope.message_id},
                                        {"sent_at", time_text(envelope.sent_at)},
                                        {"body", envelope.body}});
  }
  answer.summary = std::to_string(ids.size()) + " rejects shown";
  return answer;
}

Result<Answer> replay(const RejectArguments& arguments) {
  SLUICE_TRY(Opened opened, open(arguments));
  SLUICE_TRY(const auto ids, parse_ids(arguments.ids));
  // Whatever the flow does with whole objects, a row that comes alone is added.
  opened.flow.target.from_objects = false;
  opened.flow.target.mode = Mode::append;
  SLUICE_CHECK(opened.flow.database->prepare(opened.flow.target));
  SLUICE_CHECK(check_keys(opened.flow.database->ledger(), *opened.assembly->keyring));
  std::vector<RejectRecord> records;
  if (ids.empty()) {
    SLUICE_TRY(records, opened.flow.database->ledger().rejects(opened.flow.target, replay_max, true));
  }
  for (const Key& id : ids) {
    SLUICE_TRY(auto record, opened.flow.database->ledger().reject(opened.flow.target, id));
    if (!record) return fail(Fault::config, "there is no reject " + to_uuid(id), "`sluice rejects list` shows the ids");
    records.push_back(*std::move(record));
  }
  std::vector<StoredReject> stored;
  for (const RejectRecord& record : records) {
    SLUICE_TRY(auto envelope, open_payload(opened, record));
    stored.push_back({record.id, std::move(envelope)});
  }
  RejectSource source(std::move(stored));
  FlowRunOptions options;
  options.stop = stop_on_signal();
  SLUICE_TRY(runtime::RunOutcome outcome, run_from(*opened.assembly, opened.flow, source, options));
  const runtime::RunReport& report = outcome.report;
  Answer answer;
  answer.result = report_json(opened.flow.flow->name, report);
  answer.summary = thousands(report.received) + " tried again: " + thousands(report.written.written) + " written, " +
                   thousands(report.written.rejected) + " still rejected, " + thousands(report.written.filtered) +
                   " filtered, " + thousands(report.written.known) + " already replayed";
  answer.text = answer.summary + "\n";
  answer.error = std::move(outcome.error);
  return answer;
}

Result<Answer> drop(const RejectArguments& arguments) {
  if (arguments.ids.empty() && !arguments.all)
    return fail(Fault::config, "rejects drop needs ids, or --all", "their messages are gone for good then");
  SLUICE_TRY(const Opened opened, open(arguments));
  SLUICE_TRY(const auto ids, parse_ids(arguments.ids));
  SLUICE_TRY(const std::uint64_t dropped, opened.flow.database->ledger().drop_rejects(opened.flow.target, ids));
  Answer answer;
  answer.summary = thousands(dropped) + " rejects dropped";
  answer.text = answer.summary + "\n";
  answer.result = {{"dropped", dropped}};
  return answer;
}

}  // namespace

void add_rejects(Command app, Session& session) {
  const Command rejects =
      app.command("rejects", "what was refused and why; show, replay or drop it", "sluice rejects list logins.yaml");
  rejects.needs_a_command();
  auto arguments = std::make_shared<RejectArguments>();
  const auto add = [&](const char* name, const char* help, const char* example,
                       Result<Answer> (*action)(const RejectArguments&)) {
    const Command command = rejects.command(name, help, example);
    add_project(command, arguments->project);
    command.option("--flow", arguments->flow, "which flow, where the project has several").type("NAME");
    command.does(session, [arguments, action] { return action(*arguments); });
    return command;
  };
  add("list", "reasons, columns and ids; no values", "sluice rejects list logins.yaml", list)
      .option("--most", arguments->most, "how many, oldest first")
      .type("N")
      .shows_default();
  const Command showing =
      add("show", "the message itself, for the holder of the keyring", "sluice rejects show logins.yaml 5f0c...", show);
  arguments->audit.add_to(showing);
  showing.option("ID", arguments->ids, "ids of `rejects list`").required().type("");
  add("replay", "another try through the whole flow; all of them (10,000 at most) without an ID",
      "sluice rejects replay logins.yaml", replay)
      .option("ID", arguments->ids, "ids of `rejects list`")
      .type("");
  const Command dropping = add("drop", "remove rejects for good", "sluice rejects drop logins.yaml --all", drop);
  dropping.option("ID", arguments->ids, "ids of `rejects list`").type("");
  dropping.flag("--all", arguments->all, "all of the flow");
}

}  // namespace sluice::cli
